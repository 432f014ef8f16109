"""What is wrong with a beacon, in words: where and what must be there, never what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.ingest.browser.outcomes import Unread
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["refusal_of"]

_NAMED = 3
_LISTED = 200
"""With more faults than this, listing them costs more than it helps."""
_TYPES = frozenset({"session_start", "view", "vital", "load", "goal", "error", "heap"})
_TAGS = _TYPES | {"LCP", "INP", "FCP", "TTFB", "CLS"}
"""Which form of an event pydantic has chosen; it names that in the place of a fault."""
_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "has a key that does not exist there",
    "string_pattern_mismatch": "has characters it can't have, or is too short or too long",
}
_SEE = "The wire format is in docs/browser.md."


def refusal_of(error: ValidationError) -> Refusal:
    """The answer to a body that pydantic could not take: 400 for what is no JSON, else 422."""
    count = error.error_count()
    if count > _LISTED:
        return Refusal(422, Unread.BEACON_INVALID, f"The beacon has {count} faults.", _SEE)
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return Refusal(
            400,
            Unread.JSON_INVALID,
            "The body is no JSON in UTF-8, or is nested too deeply.",
            f"Send one whole beacon as JSON. {_SEE}",
        )
    if any(fault["loc"][0] == "events" and len(fault["loc"]) > 1 for fault in faults if fault["loc"]):
        # The list broke off at its first bad event, and then seems to be too short.
        faults = [fault for fault in faults if fault["type"] != "too_short"]
        count = len(faults)
    named = "; ".join(_sentence(fault) for fault in faults[:_NAMED])
    more = f"; and {count - _NAMED} more" if count > _NAMED else ""
    return Refusal(422, Unread.BEACON_INVALID, f"The beacon is not as it must be: {named}{more}.", _SEE)


def _sentence(fault: ErrorDetails) -> str:
    kind, place = fault["type"], fault["loc"]
    if kind == "extra_forbidden":
        # The last part of the place is the unknown key, which is remote text.
        place = place[:-1]
    elif kind.startswith("union_tag"):
        if place[-1] == "vital":
            return f"{_path(place)}.name must be one of LCP, INP, CLS, FCP, TTFB"
        return f"{_path(place)}.type must be one of {', '.join(sorted(_TYPES))}"
    if place == ("v",) and kind != "missing":
        return "v must be 1"
    return f"{_path(place) or 'it'} {_WORDS.get(kind) or _must(fault['msg'])}"


def _path(place: Iterable[int | str]) -> str:
    path = ""
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in _TAGS:
            path += f".{part}" if path else part
    return path


def _must(message: str) -> str:
    """`must be a valid number`, of pydantic's `Input should be a valid number`."""
    return "must " + message.partition(" should ")[2].partition(" after validation")[0]
