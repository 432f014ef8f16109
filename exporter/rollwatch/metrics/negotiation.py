"""Which format and encoding a scraper asked for (RFC 9110 section 12.5; what Prometheus 2 and 3 send).

Malformed entries are passed over: a scrape in the plainest format is better than none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ContentType", "accepts_gzip", "negotiate"]


class ContentType(StrEnum):
    """The formats we write; the value is the header that goes with it.

    No `escaping`: all our names are plain, so each scheme a scraper may ask for gives the same text.
    """

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @property
    def is_openmetrics(self) -> bool:
        return self is ContentType.OPENMETRICS


def negotiate(accept: str | None) -> ContentType:
    """The format for this `Accept` header: OpenMetrics only if asked for by name and not after text."""
    openmetrics_q = 0.0
    text_q: dict[str, float] = {}
    for wanted in _preferences(accept or ""):
        if wanted.name == "application/openmetrics-text":
            if wanted.parameters.get("version", "1.0.0") == "1.0.0":
                openmetrics_q = max(openmetrics_q, wanted.q)
        elif wanted.name in {"text/plain", "text/*", "*/*"}:
            text_q[wanted.name] = max(text_q.get(wanted.name, 0.0), wanted.q)
    plain = text_q.get("text/plain", text_q.get("text/*", text_q.get("*/*", 0.0)))
    return ContentType.OPENMETRICS if openmetrics_q > 0 and openmetrics_q >= plain else ContentType.TEXT


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether this `Accept-Encoding` header takes gzip; no header does not."""
    q = {wanted.name: wanted.q for wanted in _preferences(accept_encoding or "")}
    return q.get("gzip", q.get("x-gzip", q.get("*", 0.0))) > 0


class _Preference(NamedTuple):
    name: str
    q: float
    parameters: Mapping[str, str]


def _preferences(header: str) -> Iterator[_Preference]:
    for entry in header.split(","):
        name, *rest = (part.strip() for part in entry.split(";"))
        parameters = {}
        for part in rest:
            key, _, value = part.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"').lower()
        try:
            q = float(parameters.pop("q", "1"))
        except ValueError:
            continue
        if name and 0.0 <= q <= 1.0:
            yield _Preference(name.lower(), q, parameters)
