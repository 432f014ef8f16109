"""How long to wait before the next attempt. Pure: randomness is handed in."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RETRY_AFTER_MAX_S", "backoff_s", "gathering_s", "retry_after_s"]

_BASE_S = 1.0
_DOUBLINGS_MAX = 16
RETRY_AFTER_MAX_S = 3600.0
"""Longer waits than an hour are not asked for by anybody we should listen to."""


def backoff_s(failures: int, longest_s: float, rng: Callable[[], float]) -> float:
    """Seconds after so many failures in a row: doubling from about 1 s, half of it by chance, never longer.

    `rng` gives numbers from 0 to 1; chance keeps several senders from coming back at once.
    """
    doublings = min(max(failures, 1) - 1, _DOUBLINGS_MAX)
    return min(_BASE_S * 2.0**doublings, longest_s) * (0.5 + rng() / 2)


def gathering_s(oldest: float, gather_s: float, now: float) -> float:
    """Seconds that what has waited since `oldest` still waits for company; both in seconds since 1970.

    If the clock was set back meanwhile it has waited long enough.
    """
    left = oldest + gather_s - now
    return left if 0 < left <= gather_s else 0.0


def retry_after_s(header: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110 section 10.2.3), bounded; None if there is none.

    `now` is in seconds since 1970; the header may be a number of seconds or a date.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_MAX_S)
    try:
        moment = parsedate_to_datetime(text[:64])
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment.timestamp() - now, 0.0), RETRY_AFTER_MAX_S)
