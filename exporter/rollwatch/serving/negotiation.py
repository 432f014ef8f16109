"""Which of a few media types a client wants (RFC 9110 section 12.5.1). Malformed entries are passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HTML", "JSON", "TEXT", "preferred"]

HTML = "text/html"
JSON = "application/json"
TEXT = "text/plain"


def preferred(accept: str | None, offers: Sequence[str]) -> str:
    """The offer with the highest quality; the first one on a tie, and when nothing fits."""
    wanted = _qualities(accept or "*/*")
    return max(offers, key=lambda offer: _quality(offer, wanted))


def _quality(offer: str, wanted: dict[str, float]) -> float:
    group = offer.partition("/")[0] + "/*"
    for name in (offer, group, "*/*"):
        if name in wanted:
            return wanted[name]
    return 0.0


def _qualities(accept: str) -> dict[str, float]:
    wanted: dict[str, float] = {}
    for entry in accept[:1000].split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if name and 0.0 <= quality <= 1.0:
            wanted[name] = max(quality, wanted.get(name, 0.0))
    return wanted
