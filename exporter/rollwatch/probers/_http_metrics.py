"""What every kind that speaks HTTP measures; the names are blackbox_exporter's."""

from __future__ import annotations

from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.model import Reason
from rollwatch.probers._dial import DIAL_METRICS, DIAL_REASONS

__all__ = [
    "CONTENT_LENGTH",
    "HTTP_METRICS",
    "HTTP_PHASES",
    "HTTP_REASONS",
    "HTTP_VERSION",
    "IS_TLS",
    "LAST_MODIFIED",
    "REDIRECTS",
    "STATUS_CODE",
    "UNCOMPRESSED_LENGTH",
]

_ANSWERED = "Present when the last run got an answer."


def _gauge(name: str, help_: str, meaning: str = _ANSWERED) -> MetricDef:
    return MetricDef(name, MetricType.GAUGE, help_, meaning=meaning)


HTTP_PHASES = MetricDef(
    "probe_http_duration_seconds",
    MetricType.GAUGE,
    "Time the last run spent in each phase, redirects added up.",
    labels=("phase",),
    meaning="Per phase, when the last run went through it.",
)
STATUS_CODE = _gauge(
    "probe_http_status_code", "Status code of the last run; 0 without an answer.", "After each run."
)
HTTP_VERSION = _gauge("probe_http_version", "HTTP version of the answer.")
CONTENT_LENGTH = _gauge("probe_http_content_length", "Length the answer declared in bytes; -1 if it did not.")
UNCOMPRESSED_LENGTH = _gauge(
    "probe_http_uncompressed_body_length",
    "Length of the decoded body in bytes.",
    "Present when the last run read a whole body.",
)
REDIRECTS = _gauge(
    "probe_http_redirects", "Redirects the last run followed.", "After each run that got an answer."
)
IS_TLS = _gauge("probe_http_ssl", "1 if the last answer came over TLS, else 0.")
LAST_MODIFIED = _gauge(
    "probe_http_last_modified_timestamp_seconds",
    "What the answer's Last-Modified says, in Unix time.",
    "Present when the last answer had a Last-Modified that can be read.",
)

HTTP_METRICS = (
    STATUS_CODE,
    HTTP_VERSION,
    CONTENT_LENGTH,
    UNCOMPRESSED_LENGTH,
    REDIRECTS,
    IS_TLS,
    LAST_MODIFIED,
    *DIAL_METRICS,
)
"""What `HttpClient.fetch` samples beside the metrics every probe has; `HTTP_PHASES` is set by the engine."""

HTTP_REASONS = DIAL_REASONS | {
    Reason.PROTOCOL_ERROR,
    Reason.REDIRECT,
    Reason.BODY_TOO_LARGE,
    Reason.ENCODING_INVALID,
    Reason.SECRET_UNAVAILABLE,
}
"""Why `HttpClient.fetch` fails."""
