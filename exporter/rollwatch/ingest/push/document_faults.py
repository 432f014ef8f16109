"""From what pydantic found to what the sender reads: which field, and what it must be; never its value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rollwatch.ingest.push.document import MILLISECONDS_FROM
from rollwatch.ingest.push.outcomes import PushOutcome
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["document_invalid", "refusal_of"]

_MOST = 3
_LISTED = 200
"""With more faults than this, listing them stops every thread for longer than it helps."""
_PLAIN = re.compile(r"[A-Za-z0-9_./-]{1,64}")
_EXPECTED = {
    "string_type": "must be text",
    "string_unicode": "must be text",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "extra_forbidden": "is not known here",
    "missing": "is required",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than {:g}"),
    "string_too_long": ("max_length", "must have at most {} characters"),
    "too_long": ("max_length", "must have at most {} items"),
}


def refusal_of(error: ValidationError) -> Refusal:
    """The answer 422 with the first three faults."""
    count = error.error_count()
    if count > _LISTED:
        return document_invalid(f"it has {count} faults")
    details = error.errors(include_url=False, include_input=False)
    said = [f"{_place(detail['loc'])} {_fault(detail)}" for detail in details[:_MOST]]
    if count > _MOST:
        said.append(f"and {count - _MOST} more")
    return document_invalid("; ".join(said))


def document_invalid(what: str) -> Refusal:
    """The answer 422 that says `what` is wrong; no full stop, no remote text."""
    return Refusal(
        422,
        PushOutcome.DOCUMENT_INVALID,
        f"The document is not in the documented form: {what}.",
        "GET /openapi.json describes the form; an application's own is mapped by push.document.",
    )


def _place(location: tuple[int | str, ...]) -> str:
    """`metrics[3].labels.plan`; the words pydantic adds for the forms of a union are left out."""
    path = ""
    for at, element in enumerate(location):
        if isinstance(element, int):
            path += f"[{element}]"
        elif not (at == 2 and location[0] == "metrics") and element not in {"[key]", "one", "several"}:
            shown = element if _PLAIN.fullmatch(element) else ascii(element[:64])
            path += f".{shown}" if path else shown
    return path or "it"


def _fault(detail: ErrorDetails) -> str:
    kind = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == "less_than" and context["lt"] == MILLISECONDS_FROM:
        return "must be in Unix seconds, not milliseconds"
    if kind in _BOUNDS:
        name, text = _BOUNDS[kind]
        return text.format(context[name])
    if kind == "string_pattern_mismatch":
        return "must be printable ASCII"
    # What is left are our own sentences.
    return _EXPECTED.get(kind, detail["msg"])
