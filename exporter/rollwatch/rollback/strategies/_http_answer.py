"""What an HTTP answer says besides its document. Pure."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WAIT_MAX_S", "is_redirect", "remote_words", "wait_asked_for"]

WAIT_MAX_S = 3600.0
"""Nobody we should listen to asks to be left alone for longer than an hour."""
_EPOCH_BEGINS = 1_000_000_000
"""A reset above this is a moment, below it a number of seconds."""


def is_redirect(status: int) -> bool:
    """Whether it sends us elsewhere; 300, 303 and 304 are no such answers to what we send."""
    return status in {301, 302, 307, 308}


def wait_asked_for(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the platform asks to be left alone, bounded; None where it asks for nothing.

    `Retry-After` (a number or a date) of 403, 429 and 5xx; else `X-RateLimit-Reset` where nothing remains.
    `now` is in Unix seconds.
    """
    if status not in {403, 429} and status < 500:
        return None
    if (wait := _retry_after(headers.get("retry-after"), now)) is not None:
        return wait
    if status not in {403, 429} or headers.get("x-ratelimit-remaining", "").strip() != "0":
        return None
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is None:
        return None
    return _bounded(reset - now if reset > _EPOCH_BEGINS else reset)


def remote_words(json: Any) -> str:
    """What the document says was wrong: one line, bounded."""
    words = _message(json)
    errors = json.get("errors") if isinstance(json, dict) else None
    if isinstance(errors, list):
        for error in errors[:3]:
            more = error if isinstance(error, str) else _message(error)
            if more and more not in words:
                words = f"{words}; {more}" if words else more
    return clean(words, 160).strip()


def _message(json: Any) -> str:
    message = json.get("message") if isinstance(json, dict) else None
    return message if isinstance(message, str) else ""


def _retry_after(header: str | None, now: float) -> float | None:
    if header is None:
        return None
    if (seconds := _number(header)) is not None:
        return _bounded(seconds)
    try:
        moment = parsedate_to_datetime(header.strip()[:64])
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _bounded(moment.timestamp() - now)


def _number(header: str | None) -> float | None:
    text = (header or "").strip()
    return float(text[:12]) if text.isascii() and text.isdigit() else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), WAIT_MAX_S)
