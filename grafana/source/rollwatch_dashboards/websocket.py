"""Do sessions stay open, do messages come, how late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import ANY_IS_BAD, UP_DOWN
from rollwatch_dashboards.links import to_probe
from rollwatch_dashboards.panels import bars, figure, heat, lines, states
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.recurring import probes_down

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NONE = "no WebSocket is probed: docs/probers/websocket.md"
_NO_WATCH = "no probe has `mode: watch`: docs/probers/websocket.md"
_NO_WORD = "no service reports its WebSockets: docs/signals.md"
_NAME = "{{service}}/{{probe}}"
_KIND = 'kind="websocket"'
_RATE = "[$__rate_interval]"


def board() -> Board:
    """D7."""
    return Board(
        uid=Dashboard.WEBSOCKET,
        title="rollwatch: WebSocket",
        description="Do sessions stay open, do messages come, and how late?",
        located=True,
        rows=(
            Row("Now", _answers()),
            Row("Sessions", _sessions()),
            Row("Messages", _messages()),
            Row("Round trips", _latency()),
            Row("As services report it", _reported()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        probes_down(_KIND, empty=_NONE),
        figure(
            "Disconnected for",
            "Of the watched session that has been closed for longest; 0 while all are open.",
            Query(f"max({where('probe:websocket_disconnected_seconds')})", instant=True),
            unit="s",
            empty=_NO_WATCH,
            steps=ANY_IS_BAD,
        ),
        figure(
            "Oldest message",
            "Time since the last message, of the channel that has been silent for longest.",
            Query(f"max({where('probe:websocket_feed_age_seconds')})"),
            unit="s",
            empty=_NO_WATCH,
            trend=True,
        ),
        figure(
            "Failed connects",
            "Share of the last minutes, of the probe that is worst off.",
            Query(f"max({where('probe:websocket_connect_failures:ratio')})"),
            unit="percentunit",
            empty=_NONE,
            decimals=1,
            trend=True,
        ),
        figure(
            "Round trip",
            "95th percentile, of the slowest probe.",
            Query(f"max({where('probe:websocket_rtt_seconds:p95')})"),
            unit="s",
            empty=_NO_WATCH,
            trend=True,
        ),
        figure(
            "Connections",
            "Open now, as the services report it, all together.",
            Query(f"sum({where('rollwatch_websocket_reported_connections')})"),
            unit="short",
            empty=_NO_WORD,
            trend=True,
        ),
    )


def _sessions() -> tuple[Panel, ...]:
    closes = where("rollwatch_websocket_closes_total", located=True)
    return (
        states(
            "Probes",
            "What each probe found. A gap is a time in which it could not decide.",
            Query(
                f"min by (service, probe, location) ({where('probe_success', _KIND, located=True)})",
                _NAME + " {{location}}",
            ),
            words=UP_DOWN,
            empty=_NONE,
            height=6,
            links=[to_probe()],
        ),
        lines(
            "Failed connects",
            "Share of connects that failed, and the limit.",
            Query(where("probe:websocket_connect_failures:ratio"), _NAME),
            unit="percentunit",
            empty=_NONE,
            limit="websocket_connect_failure_ratio",
            most=1,
            links=[to_probe()],
        ),
        lines(
            "Lost sessions",
            "Abnormal closes of the last hour over sessions open at its start plus opened in it, and the "
            "limit.",
            Query(where("service:websocket_disconnects:ratio_1h"), "{{service}}"),
            unit="percentunit",
            empty=_NO_WATCH,
            limit="websocket_disconnect_ratio",
        ),
        lines(
            "Disconnected for",
            "Time since a watched session was last open, and the limits.",
            Query(where("probe:websocket_disconnected_seconds"), _NAME),
            unit="s",
            empty=_NO_WATCH,
            limit="websocket_disconnected_seconds",
            links=[to_probe()],
        ),
        lines(
            "Closes by code",
            "Sessions that ended, by close code. 1000 and 1001 are orderly; 1006 is a connection that was "
            "lost without a word.",
            Query(
                f"sum by (service, code) (increase({closes}[$__rate_interval])) > 0", "{{service}}: {{code}}"
            ),
            unit="short",
            empty="no session has ended",
            bars=True,
            stacked=True,
        ),
        lines(
            "Dropped at once",
            "Share of open sessions that ended abnormally within minutes; half of them calls the rollback "
            "handler.",
            Query(where("service:websocket_dropped:ratio"), "{{service}}"),
            unit="percentunit",
            empty=_NO_WATCH,
            limit="websocket_dropped_ratio",
        ),
        lines(
            "Phases of a connect",
            "Of the last connection: resolving, connecting, TLS, upgrade, first message.",
            Query(
                f"max by (service, probe, phase) ({where('probe_websocket_duration_seconds', located=True)})",
                _NAME + " {{phase}}",
            ),
            unit="s",
            empty=_NONE,
            stacked=True,
            links=[to_probe()],
        ),
    )


def _messages() -> tuple[Panel, ...]:
    by_probe = "sum by (service, probe) ({})".format
    return (
        lines(
            "Messages",
            "Messages a second that watched sessions received.",
            Query(
                by_probe(f"rate({where('rollwatch_websocket_messages_total', located=True)}{_RATE})"), _NAME
            ),
            unit="ops",
            empty=_NONE,
            links=[to_probe()],
        ),
        lines(
            "Age of the last message",
            "By channel; above `stale_after` the feed is stale, which is a P1.",
            Query(where("probe:websocket_feed_age_seconds"), _NAME + ": {{channel}}"),
            Query(
                f"max by (service, probe) ({where('rollwatch_websocket_stale_after_seconds', located=True)})",
                _NAME + ": stale_after",
            ),
            unit="s",
            empty=_NO_WATCH,
            colours={"/: stale_after$/": "orange"},
            links=[to_probe()],
        ),
        lines(
            "Bytes",
            "Bytes a second that watched sessions received.",
            Query(
                by_probe(f"rate({where('rollwatch_websocket_received_bytes_total', located=True)}{_RATE})"),
                _NAME,
            ),
            unit="Bps",
            empty=_NONE,
            span=24,
        ),
    )


def _latency() -> tuple[Panel, ...]:
    round_trips = where("rollwatch_websocket_rtt_seconds_bucket", located=True)
    handshakes = where("rollwatch_websocket_handshake_seconds_bucket", located=True)
    return (
        lines(
            "Round trip",
            "95th percentile of pings that were answered, and the limits.",
            Query(where("probe:websocket_rtt_seconds:p95"), _NAME),
            unit="s",
            empty=_NO_WATCH,
            limit="websocket_rtt_seconds",
            links=[to_probe()],
        ),
        heat(
            "Round trips, all of them",
            "Pings by how long the answer took.",
            f"sum by (le) (increase({round_trips}{_RATE}))",
            unit="s",
            empty=_NO_WATCH,
        ),
        lines(
            "Handshake",
            "95th percentile of the time until a session was open.",
            Query(
                f"histogram_quantile(0.95, sum by (service, probe, le) (rate({handshakes}{_RATE})))",
                _NAME,
            ),
            unit="s",
            empty=_NONE,
            span=24,
            links=[to_probe()],
        ),
    )


def _reported() -> tuple[Panel, ...]:
    durations = where("rollwatch_websocket_reported_session_duration_seconds_bucket")
    return (
        lines(
            "Connections",
            "Open now, as the service reports it.",
            Query(f"max by (service) ({where('rollwatch_websocket_reported_connections')})", "{{service}}"),
            unit="short",
            empty=_NO_WORD,
        ),
        lines(
            "Opened and reconnected",
            "A minute, as the service or its clients report it.",
            Query(
                f"sum by (service) (rate({where('rollwatch_websocket_reported_opens_total')}{_RATE})) * 60",
                "{{service}}: opened",
            ),
            Query(
                "sum by (service) "
                f"(rate({where('rollwatch_websocket_reported_reconnects_total')}{_RATE})) * 60",
                "{{service}}: reconnected",
            ),
            unit="short",
            empty=_NO_WORD,
        ),
        lines(
            "Closed, by code",
            "A minute, as the service reports it.",
            Query(
                "sum by (service, code) "
                f"(rate({where('rollwatch_websocket_reported_closes_total')}[$__rate_interval])) * 60",
                "{{service}}: {{code}}",
            ),
            unit="short",
            empty=_NO_WORD,
            stacked=True,
        ),
        bars(
            "How long sessions last",
            "Half of the sessions that ended in the time shown were shorter; nine of ten were.",
            *(
                Query(
                    f"histogram_quantile({share}, sum by (service, le) (increase({durations}[$__range])))",
                    f"{{{{service}}}} {word}",
                    instant=True,
                )
                for share, word in ((0.5, "half"), (0.9, "nine of ten"))
            ),
            unit="s",
            empty=_NO_WORD,
        ),
    )
