"""WebSocket: connects that fail, sessions that drop, round trips, a lost session, a silent feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.percentiles import Span, percentile
from rollwatch.bundle.promql import beyond, first_of
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.bundle.topics._http import in_seconds
from rollwatch.config.thresholds import Priority, Unit

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_PROBE = "service, environment, probe"
_SEEN = "service, environment, probe, location"
_SERIES = f"{_SEEN}, job, instance"
"""What is one series even where two exporters say that they are at the same location."""

_ABNORMAL = 'code!~"1000|1001|1005"'
"""Every other close code: the connection was lost, or one side gave up."""

_LEAST_CONNECTS = 5
_SELDOM_SPAN = "30m"
"""Over which a probe is judged that connects too seldom for the window."""
_MORE_THAN_ONE = 1.5
"""`increase` extrapolates: of what happened once it makes a little more than 1, but never so much."""
_LEAST_REPORTED = 20
"""Users come and go over bad networks: few sessions say nothing of the service."""
_LEAST_OPEN = 10
_LEAST_WATCHED = 5
"""One session that is lost once an hour is no trouble; lost four times, it is."""


def topic(settings: Settings) -> Topic:
    """The rules of sessions that users have, and of those that rollwatch holds itself."""
    return Topic(
        name="websocket",
        title="WebSocket",
        recordings=(
            *_connects(settings),
            _disconnects(),
            _dropped(settings),
            _round_trip(settings),
            *_lost(),
            *_feed(),
        ),
        judged=(
            Judged("websocket_connect_failure_ratio", "probe:websocket_connect_failures:ratio"),
            Judged("websocket_disconnect_ratio", "service:websocket_disconnects:ratio_1h"),
            Judged("websocket_dropped_ratio", "service:websocket_dropped:ratio"),
            Judged("websocket_rtt_seconds", "probe:websocket_rtt_seconds:p95"),
            Judged("websocket_disconnected_seconds", "probe:websocket_disconnected_seconds"),
        ),
        alerts=_alerts(settings),
    )


def _seldom_seconds(window: str) -> str:
    """A probe with a longer interval doesn't surely connect often enough within the window."""
    return f"{float(in_seconds(window)) / (_LEAST_CONNECTS + 1):.12g}"


def _connects(settings: Settings) -> tuple[Recording, ...]:
    window = settings.window
    watching = f"on ({_SEEN}) last_over_time(rollwatch_websocket_session_open[{window}])"
    interval = f"last_over_time(rollwatch_probe_interval_seconds[{window}])"
    seldom = f"on ({_SEEN}) {interval} > {_seldom_seconds(window)}"

    def runs(verdict: str, outcome: str) -> str:
        counted = f'rollwatch_probe_results_total{{kind="websocket",verdict="{verdict}"}}'
        return (
            "label_replace(\n"
            f"  sum by ({_PROBE}) (\n"
            f"    increase({counted}[{window}]) unless {watching} unless {seldom}\n"
            f"    or increase({counted}[{_SELDOM_SPAN}]) unless {watching} and {seldom}\n"
            "  ),\n"
            f'  "outcome", "{outcome}", "", "")'
        )

    return (
        # A watching session counts its attempts; of a probe that connects each time every decided run is one.
        Recording(
            "probe:websocket_connects:increase",
            f"sum by ({_PROBE}, outcome) (\n"
            f'  increase(rollwatch_websocket_connects_total{{outcome=~"ok|failed"}}[{window}])\n'
            f"  and {watching}\n"
            ")\n"
            f"or {runs('up', 'ok')}\n"
            f"or {runs('down', 'failed')}",
        ),
        Recording(
            "probe:websocket_connect_failures:ratio",
            'sum without (outcome) (probe:websocket_connects:increase{outcome="failed"})\n'
            f"  / (sum without (outcome) (probe:websocket_connects:increase) >= {_LEAST_CONNECTS})",
        ),
    )


def _disconnects() -> Recording:
    """Of the sessions that were open an hour ago or opened since, those that ended abnormally."""
    return Recording(
        "service:websocket_disconnects:ratio_1h",
        first_of(
            f"{_reported_closes('1h')}\n"
            "/ (\n"
            f"  sum by ({_SERVICE}) (rollwatch_websocket_reported_connections offset 1h)\n"
            f"  + sum by ({_SERVICE}) (increase(rollwatch_websocket_reported_opens_total[1h]))\n"
            f"  >= {_LEAST_REPORTED}\n"
            ")",
            f"sum by ({_SERVICE}) (increase(rollwatch_websocket_closes_total{{{_ABNORMAL}}}[1h]))\n"
            "/ (\n"
            "  (\n"
            f"    sum by ({_SERVICE}) (rollwatch_websocket_session_open offset 1h)\n"
            f"    or sum by ({_SERVICE}) (rollwatch_websocket_session_open) * 0\n"
            "  )\n"
            f"  + sum by ({_SERVICE}) (\n"
            "    increase(rollwatch_websocket_sessions_opened_total[1h])\n"
            f"    and on ({_SEEN}) rollwatch_websocket_session_open\n"
            "  )\n"
            f"  >= {_LEAST_WATCHED}\n"
            ")",
        ),
    )


def _dropped(settings: Settings) -> Recording:
    """Of the sessions that were open a window ago, those that ended abnormally, even if users are back.

    A session that rollwatch holds counts as dropped only if it is not back: one lost connection is no outage.
    """
    window = settings.window
    open_then = f"rollwatch_websocket_session_open offset {window} == 1"
    return Recording(
        "service:websocket_dropped:ratio",
        first_of(
            f"{_reported_closes(window)}\n"
            "/ (\n"
            f"  sum by ({_SERVICE}) (rollwatch_websocket_reported_connections offset {window})\n"
            f"  >= {_LEAST_OPEN}\n"
            ")",
            f"sum by ({_SERVICE}) (\n"
            "  (\n"
            f"    sum by ({_SERIES}) (increase(rollwatch_websocket_closes_total{{{_ABNORMAL}}}[{window}]))\n"
            "    > bool 0\n"
            f"  ) * on ({_SERIES}) (1 - probe_success)\n"
            f"  and on ({_SERIES}) {open_then}\n"
            ")\n"
            f"/ count by ({_SERVICE}) ({open_then} and on ({_SERIES}) probe_success)",
        ),
    )


def _reported_closes(span: str) -> str:
    """Abnormal closes within `span` as the service reports them, 0 if none.

    A code that never occurred has no series, so that `increase` misses what it begins with: where the service
    was heard of already a span ago and the code was not, all of it is new.
    """
    name = "rollwatch_websocket_reported_closes_total"
    closes = f"{name}{{{_ABNORMAL}}}"
    known = "rollwatch_websocket_reported_connections"
    return (
        "(\n"
        f"  sum by ({_SERVICE}) (\n"
        "    (\n"
        f"      {closes} unless {name} offset {span}\n"
        f"      and on (service, environment, location) {known} offset {span}\n"
        "    )\n"
        f"    or increase({closes}[{span}])\n"
        "  )\n"
        f"  or sum by ({_SERVICE}) ({known}) * 0\n"
        ")"
    )


def _round_trip(settings: Settings) -> Recording:
    spans = Span(settings.window, 20), Span("30m", 5)
    return Recording(
        "probe:websocket_rtt_seconds:p95", percentile(0.95, "rollwatch_websocket_rtt_seconds", _PROBE, *spans)
    )


def _lost() -> tuple[Recording, ...]:
    return (
        # 1 if a location has a session that does its work. A location that can't decide has no say, a scrape
        # that fails changes nothing.
        Recording(
            "probe:websocket_open",
            f"max by ({_PROBE}) (\n"
            "  last_over_time(rollwatch_websocket_session_open[1m])\n"
            f"  * on ({_SERIES}) last_over_time(probe_success[1m])\n"
            ")",
        ),
        # The moment stays as long as every evaluation finds it lost, and begins anew after one that does not.
        Recording(
            "probe:websocket_lost:timestamp_seconds",
            "probe:websocket_lost:timestamp_seconds and probe:websocket_open == 0\n"
            "or (probe:websocket_open == 0) + time()",
        ),
        Recording(
            "probe:websocket_disconnected_seconds",
            "time() - probe:websocket_lost:timestamp_seconds\nor probe:websocket_open * 0",
        ),
    )


def _feed() -> tuple[Recording, ...]:
    session_age = "(time() - rollwatch_websocket_session_started_timestamp_seconds)"
    return (
        # What came before this session says nothing of it; without a session there is no feed to judge.
        Recording(
            "probe:websocket_feed_age_seconds",
            f"min by ({_PROBE}, channel) (\n"
            "  (\n"
            "    (time() - rollwatch_websocket_last_message_timestamp_seconds)\n"
            f"      < on ({_SERIES}) group_left ()\n        {session_age}\n"
            "    or (\n"
            "      rollwatch_websocket_last_message_timestamp_seconds * 0\n"
            f"      + on ({_SERIES}) group_left ()\n        {session_age}\n"
            "    )\n"
            "  )\n"
            f"  and on ({_SERIES}) rollwatch_websocket_session_open == 1\n"
            ")",
        ),
        Recording(
            "probe:websocket_feed_stale:seconds",
            "probe:websocket_feed_age_seconds\n"
            f"  > on ({_PROBE}) group_left ()\n"
            f"max by ({_PROBE}) (rollwatch_websocket_stale_after_seconds)",
        ),
    )


def _alerts(settings: Settings) -> tuple[Alert, ...]:
    failures = "probe:websocket_connect_failures:ratio"
    return (
        Alert(
            name="WebsocketConnectsFail",
            priority=Priority.P1,
            expr=(
                f"{beyond(failures, 'websocket_connect_failure_ratio', Priority.P1)}\n"
                f'and on ({_PROBE}) probe:websocket_connects:increase{{outcome="failed"}} > {_MORE_THAN_ONE}'
            ),
            metric=failures,
            condition=(
                "the share of WebSocket connects that fail, of at least 5, and more than one of them; over "
                f"30 min where a probe's interval is longer than {_seldom_seconds(settings.window)} s"
            ),
            threshold="websocket_connect_failure_ratio",
            summary="[value] of WebSocket connects to [service] fail: probe [probe] ([environment])",
            description=(
                "[value] of the attempts to connect of probe [probe] of [service] failed, the limit is "
                "[threshold]. Users who come now, or whose session ended, don't get in."
            ),
            dashboard=Dashboard.WEBSOCKET,
        ),
        Alert(
            name="WebsocketDisconnectsHigh",
            priority=Priority.P1,
            expr=beyond("service:websocket_disconnects:ratio_1h", "websocket_disconnect_ratio", Priority.P1),
            metric="service:websocket_disconnects:ratio_1h",
            condition=(
                "the share of WebSocket sessions that ended abnormally within 1 h, of at least 20 that the "
                "service reports, or else at least 5 that rollwatch held"
            ),
            threshold="websocket_disconnect_ratio",
            summary="[value] of the WebSocket sessions of [service] dropped within an hour ([environment])",
            description=(
                "[value] of the sessions of [service] ended abnormally within the last hour, the limit is "
                "[threshold]. Users lose the live view and wait until it is back."
            ),
            dashboard=Dashboard.WEBSOCKET,
        ),
        *_slow_alerts(),
        *_lost_alerts(),
        Alert(
            name="WebsocketFeedStale",
            priority=Priority.P1,
            # While nothing comes at all, its channels need no alerts of their own.
            expr=(
                'probe:websocket_feed_stale:seconds{channel="all"}\n'
                f"or probe:websocket_feed_stale:seconds unless on ({_PROBE})\n"
                '  probe:websocket_feed_stale:seconds{channel="all"}'
            ),
            metric="probe:websocket_feed_age_seconds",
            condition="a session is open and nothing has come for longer than its `stale_after`",
            limit="stale_after of the probe, in rollwatch.yml",
            shows=Unit.SECONDS,
            summary="The feed of [service] is silent: probe [probe], channel [channel] ([environment])",
            description=(
                "Nothing has come in channel [channel] of probe [probe] of [service] for [value], though a "
                "session is open; that is longer than its stale_after. Users look at old data and don't know "
                "it."
            ),
            dashboard=Dashboard.WEBSOCKET,
        ),
    )


def _slow_alerts() -> tuple[Alert, ...]:
    sli = "probe:websocket_rtt_seconds:p95"
    return tuple(
        Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, "websocket_rtt_seconds", priority),
            metric=sli,
            condition=(
                "the 95th percentile of the round trip of pings, over 30 min where there were fewer than 20"
            ),
            threshold="websocket_rtt_seconds",
            summary=f"The WebSocket of [service] is {how}: [value], probe [probe] ([environment])",
            description=(
                "The slowest 5 % of the pings over probe [probe] of [service] take [value] or longer, "
                f"the limit is [threshold]. {meaning}"
            ),
            dashboard=Dashboard.WEBSOCKET,
        )
        for name, priority, how, meaning in (
            ("WebsocketSlow", Priority.P2, "slow", "What users see is late."),
            ("WebsocketVerySlow", Priority.P1, "very slow", "What users see is seconds old."),
        )
    )


def _lost_alerts() -> tuple[Alert, ...]:
    sli = "probe:websocket_disconnected_seconds"
    return tuple(
        Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, "websocket_disconnected_seconds", priority),
            metric=sli,
            condition="the time since a watched session was last open at any location",
            threshold="websocket_disconnected_seconds",
            summary="No WebSocket session with [service] for [value]: probe [probe] ([environment])",
            description=(
                "No location that can decide has had a working session of probe [probe] of [service] for "
                f"[value], the limit is [threshold]. {meaning}"
            ),
            dashboard=Dashboard.WEBSOCKET,
        )
        for name, priority, meaning in (
            ("WebsocketDisconnected", Priority.P1, "Users have no live data."),
            ("WebsocketDisconnectedLong", Priority.P0, "Users have had no live data all this time."),
        )
    )
