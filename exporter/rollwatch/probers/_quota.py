"""What a provider says about how often it may still be asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollwatch.probers._http import Headers

__all__ = ["quota_remaining"]

_PLAIN = ("x-ratelimit-remaining", "ratelimit-remaining", "x-ratelimit-available", "x-rate-limit-remaining")
_NUMBER = re.compile(r"\s*([0-9]{1,15})(?:\.[0-9]+)?\s*(?:[,;].*)?")
_PARAMETER = re.compile(r"(?:^|[;,\s])r=([0-9]{1,15})(?![0-9])")
_LIMIT = 500


def quota_remaining(headers: Headers) -> float | None:
    """Requests left in the present window, the fewest if several windows are told; None if it doesn't say.

    Reads the headers in use (X-RateLimit-Remaining, Tradier's X-Ratelimit-Available) and the IETF's RateLimit
    (draft-ietf-httpapi-ratelimit-headers: `"default";r=50;t=30`).
    """
    found = [
        float(match[1])
        for name in _PLAIN
        for value in headers.get_all(name)
        if (match := _NUMBER.fullmatch(value[:_LIMIT]))
    ]
    for value in headers.get_all("ratelimit"):
        found += [float(number) for number in _PARAMETER.findall(value[:_LIMIT])]
    return min(found, default=None)
