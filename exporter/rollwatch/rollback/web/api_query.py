"""What stands after the question mark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollwatch.rollback.web.api_bodies import SERVICE_PATTERN
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.serving.route import Request

__all__ = ["LIMIT", "LIMIT_MAX", "WORD_PATTERN", "limit_of", "service_of", "text_of", "time_of"]

LIMIT = 50
LIMIT_MAX = 500
WORD_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
_NUMBER = re.compile(r"[0-9]{1,3}")
_TIME = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


def limit_of(request: Request) -> int:
    """1 to LIMIT_MAX. Raises Refusal 400."""
    text = request.query.get("limit")
    if text is None:
        return LIMIT
    if _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= LIMIT_MAX:
        raise Refusal(400, "limit_invalid", "limit is no number in its bounds.", f"Write 1 to {LIMIT_MAX}.")
    return int(text)


def text_of(request: Request, name: str) -> str | None:
    """A word, such as an id. Raises Refusal 400."""
    return _matching(request, name, WORD_PATTERN)


def service_of(request: Request) -> str | None:
    """The name of a service. Raises Refusal 400."""
    return _matching(request, "service", SERVICE_PATTERN)


def time_of(request: Request, name: str) -> float | None:
    """Unix seconds. Raises Refusal 400."""
    text = request.query.get(name)
    if text is None:
        return None
    if _TIME.fullmatch(text) is None:
        raise Refusal(400, f"{name}_invalid", f"{name} is no time.", "Write Unix seconds, as 1764118923.5.")
    return float(text)


def _matching(request: Request, name: str, pattern: str) -> str | None:
    text = request.query.get(name)
    if text is None:
        return None
    if re.fullmatch(pattern.strip("^$"), text) is None:
        raise Refusal(
            400,
            f"{name}_invalid",
            f"{name} holds what is in none of ours, or is too long.",
            "Take it from an answer of this API.",
        )
    return text
