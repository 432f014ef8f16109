"""What the websocket kind measures, and the tally a watching session keeps between two expositions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.model import Verdict
from rollwatch.probers.run import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.model import Reason

__all__ = [
    "ALL_CHANNELS",
    "CLOSES",
    "CLOSE_LABELS",
    "CONNECTS",
    "HANDSHAKE",
    "LAST_MESSAGE",
    "MESSAGES",
    "METRICS",
    "PHASES",
    "RECEIVED_BYTES",
    "RECONNECTS",
    "RTT",
    "SESSIONS_OPENED",
    "SESSION_DURATION",
    "SESSION_OPEN",
    "SESSION_STARTED",
    "STALE_AFTER",
    "STATUS_CODE",
    "UPGRADED",
    "Outcome",
    "Tally",
    "close_label",
]

_WATCH = "In mode watch: always."
_DELAYS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)

ALL_CHANNELS = "all"
"""The value of `channel` that stands for every message, whatever its channel."""

PHASES = MetricDef(
    "probe_websocket_duration_seconds",
    MetricType.GAUGE,
    "How long each phase of the last connection took in seconds: resolve, connect, tls, processing (from the "
    "upgrade request to its answer) and, in mode connect, transfer (until the expected message).",
    labels=("phase",),
    meaning="For each phase that happened: no resolve for an address, tls for wss, transfer with expect.",
)
STATUS_CODE = MetricDef(
    "probe_websocket_status_code",
    MetricType.GAUGE,
    "The HTTP status the server answered the last upgrade request with: 101 is success, 0 is no answer.",
    meaning="From the first connection that was attempted.",
)
UPGRADED = MetricDef(
    "probe_websocket_connection_upgraded",
    MetricType.GAUGE,
    "1 if the last connection became a WebSocket session, 0 if not.",
    meaning="From the first connection that was attempted.",
)
CONNECTS = MetricDef(
    "rollwatch_websocket_connects_total",
    MetricType.COUNTER,
    "Connections attempted, by outcome: ok (a session was opened), failed (the target's fault) and undecided "
    "(this exporter's own trouble, rejected credentials, a rate limit).",
    labels=("outcome",),
    meaning="In mode watch for every outcome, from 0; in mode connect for each outcome from its first run.",
)
SESSIONS_OPENED = MetricDef(
    "rollwatch_websocket_sessions_opened_total",
    MetricType.COUNTER,
    "Sessions that were opened: connections the server upgraded.",
    meaning="Always, from 0.",
)
HANDSHAKE = MetricDef(
    "rollwatch_websocket_handshake_seconds",
    MetricType.HISTOGRAM,
    "How long opening a session took in seconds, from resolving the name to the answer of the upgrade.",
    buckets=_DELAYS,
    meaning="Always, from 0; observed for each session that was opened.",
)
RECONNECTS = MetricDef(
    "rollwatch_websocket_reconnects_total",
    MetricType.COUNTER,
    "Connections attempted after the first one.",
    meaning="Always, from 0; grows in mode watch only.",
)
SESSION_OPEN = MetricDef(
    "rollwatch_websocket_session_open",
    MetricType.GAUGE,
    "1 while the watching session is open, 0 while it is not.",
    meaning=_WATCH,
)
SESSION_STARTED = MetricDef(
    "rollwatch_websocket_session_started_timestamp_seconds",
    MetricType.GAUGE,
    "When the current session was opened in seconds since 1970; of the last one while none is open.",
    meaning="In mode watch: from the first session.",
)
SESSION_DURATION = MetricDef(
    "rollwatch_websocket_session_duration_seconds",
    MetricType.HISTOGRAM,
    "How long sessions lasted in seconds, observed when they ended.",
    buckets=(1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 14_400.0, 86_400.0),
    meaning="Always, from 0; observed in mode watch only.",
)
CLOSES = MetricDef(
    "rollwatch_websocket_closes_total",
    MetricType.COUNTER,
    "Watching sessions that ended, by close code (RFC 6455): 1000, 1001 and 1005 are orderly; 1006 is a "
    "connection lost without a close frame or a ping left unanswered; codes of applications count as 3xxx "
    "and 4xxx; what the server did against the protocol counts as the code it was told (1002, 1007, 1009).",
    labels=("code",),
    meaning="In mode watch for every code, from 0.",
)
MESSAGES = MetricDef(
    "rollwatch_websocket_messages_total",
    MetricType.COUNTER,
    "Whole messages received by watching sessions, text and binary; a fragmented one counts once.",
    meaning="Always, from 0; grows in mode watch only.",
)
RECEIVED_BYTES = MetricDef(
    "rollwatch_websocket_received_bytes_total",
    MetricType.COUNTER,
    "Payload bytes of the messages received by watching sessions, after decompression.",
    meaning="Always, from 0; grows in mode watch only.",
)
RTT = MetricDef(
    "rollwatch_websocket_rtt_seconds",
    MetricType.HISTOGRAM,
    "Time from a ping to its pong in seconds, over watching sessions.",
    buckets=_DELAYS,
    meaning="Always, from 0; observed in mode watch only, once per answered ping. "
    "Buckets are those of the thresholds it is judged by, and more.",
)
LAST_MESSAGE = MetricDef(
    "rollwatch_websocket_last_message_timestamp_seconds",
    MetricType.GAUGE,
    "When the last message of a declared channel arrived, or of any (channel all), in seconds since 1970; "
    "until the first one, when watching began.",
    labels=("channel",),
    meaning="In mode watch: for all and for every declared channel, from when watching began.",
)
STALE_AFTER = MetricDef(
    "rollwatch_websocket_stale_after_seconds",
    MetricType.GAUGE,
    "The configured time without a message in seconds after which the feed counts as stale.",
    meaning="In mode watch, if stale_after is configured.",
)

METRICS = (
    STATUS_CODE,
    UPGRADED,
    CONNECTS,
    SESSIONS_OPENED,
    HANDSHAKE,
    RECONNECTS,
    SESSION_OPEN,
    SESSION_STARTED,
    SESSION_DURATION,
    CLOSES,
    MESSAGES,
    RECEIVED_BYTES,
    RTT,
    LAST_MESSAGE,
    STALE_AFTER,
)


class Outcome:
    """The values of the label `outcome`."""

    OK = "ok"
    FAILED = "failed"
    UNDECIDED = "undecided"
    ALL = (OK, FAILED, UNDECIDED)

    @classmethod
    def of(cls, reason: Reason) -> str:
        """The outcome of an attempt that ended for `reason`."""
        return {Verdict.UP: cls.OK, Verdict.DOWN: cls.FAILED, Verdict.UNKNOWN: cls.UNDECIDED}[reason.verdict]


_KNOWN_CODES = frozenset({*range(1000, 1004), *range(1005, 1015)})
CLOSE_LABELS = (*(str(code) for code in sorted(_KNOWN_CODES)), "3xxx", "4xxx")
"""Every value of the label `code`."""


def close_label(code: int) -> str:
    """The value of `code` a close counts under; a code that can't be on the wire is an abnormal end."""
    if code in _KNOWN_CODES:
        return str(code)
    return {3: "3xxx", 4: "4xxx"}.get(code // 1000, "1006")


class Tally:
    """What has been measured since it was last taken. No count is lost; observations beyond `room` are."""

    def __init__(self, room: int = 256) -> None:
        self._room = room
        self._observations: list[Sample] = []
        self._gauges: dict[tuple[MetricDef, tuple[str, ...]], float] = {}
        self._counts: dict[tuple[MetricDef, tuple[str, ...]], float] = {}
        # The two on the path of every message.
        self.messages = 0
        self.received_bytes = 0

    def start_at_zero(self, metric: MetricDef, values: Iterable[str]) -> None:
        """Let the counters of a labelled metric exist before they first count, so that `increase` sees it."""
        for value in values:
            self._counts[metric, (value,)] = 0.0

    def count(self, metric: MetricDef, *labels: str) -> None:
        """One more."""
        self._counts[metric, labels] = self._counts.get((metric, labels), 0.0) + 1.0

    def observe(self, metric: MetricDef, value: float) -> None:
        """One observation of a histogram."""
        if len(self._observations) < self._room:
            self._observations.append(Sample(metric, (), value))

    def set(self, metric: MetricDef, value: float, *labels: str) -> None:
        """The value of a gauge from now on."""
        self._gauges[metric, labels] = value

    def take(self) -> list[Sample]:
        """All gauges, and what counters and histograms gained since the last call."""
        taken = [Sample(metric, labels, value) for (metric, labels), value in self._gauges.items()]
        taken += [Sample(metric, labels, value) for (metric, labels), value in self._counts.items()]
        self._counts.clear()
        if self.messages:
            taken.append(Sample(MESSAGES, (), float(self.messages)))
            taken.append(Sample(RECEIVED_BYTES, (), float(self.received_bytes)))
            self.messages = self.received_bytes = 0
        taken += self._observations
        self._observations.clear()
        return taken
