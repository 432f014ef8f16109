"""What a form of the page sends: read within bounds, and checked as the API checks its bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from pydantic import ValidationError

from rollwatch.rollback.web.api_bodies import Body
from rollwatch.rollback.web.declined import Declined
from rollwatch.serving.body import read_body
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.web.session import Session
    from rollwatch.serving.route import Request

__all__ = ["check_form", "checked", "read_form"]

_FORM_BYTES = 16 * 1024
_FIELDS_MAX = 20
_FORM = "application/x-www-form-urlencoded"
_B = TypeVar("_B", bound=Body)

_REMEDIES = {
    "reason": "Say why, in one line of at most 512 characters.",
    "service": "Choose a service from the list.",
    "target": "Name a release by its commit, version or platform id, or leave the field empty.",
    "level": "Choose one of the two.",
    "good": "Use one of the buttons.",
}


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields, stripped of surrounding spaces. Raises Refusal."""
    raw = await read_body(request, _FORM_BYTES)
    if request.content_type != _FORM:
        raise Refusal(
            415, "content_type", "This takes a form of the page.", "Use the page, or the API below /api/."
        )
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=_FIELDS_MAX
        )
    except ValueError:
        raise Refusal(400, "form_invalid", "The form can't be read.", "Reload the page.") from None
    return {name: value.strip() for name, value in pairs}


def check_form(session: Session, form: Mapping[str, str]) -> None:
    """Raise Refusal for a form that was not made for `session`."""
    if not session.is_form(form.get("csrf", "")):
        raise Refusal(
            403,
            "form_of_another_session",
            "Nothing was done: this form was not made for your session.",
            "Reload the page, and use the form there.",
        )


def checked(body: type[_B], fields: Mapping[str, object]) -> _B:
    """A body as the API takes it. Raises Declined 400 with what to write instead."""
    try:
        return body.model_validate(fields)
    except ValidationError as error:
        name = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    remedy = _REMEDIES.get(name, "Reload the page and try again.")
    raise Declined(400, "form_invalid", f"Nothing was done: {name} is missing or not as it must be.", remedy)
