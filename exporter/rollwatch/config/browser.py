"""What a service may say of the beacons its users' browsers send."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from rollwatch.config.document_text import FutureFile
from rollwatch.config.fields import Name, Pattern, expect_text, mistake
from rollwatch.config.figures import Number
from rollwatch.config.origins import Origin
from rollwatch.config.spec import Spec

__all__ = ["BrowserSpec"]

_ROUTE = re.compile(r"/[!-~]{0,63}")


def _route(value: object) -> str:
    text = expect_text(value)
    if not _ROUTE.fullmatch(text):
        raise mistake(
            "is no route",
            "Write it like /stocks/:symbol: a slash, then at most 63 printable ASCII characters.",
        )
    return text


def _routes(routes: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for index, route in enumerate(routes):
        if route in seen:
            raise mistake("is there twice", "Remove one.", at=(index,))
        seen.add(route)
    return routes


Route = Annotated[
    str,
    BeforeValidator(_route),
    WithJsonSchema({"type": "string", "title": "route template", "pattern": f"^{_ROUTE.pattern}$"}),
]
"""A template of paths; a label value as it is."""


class BrowserSpec(Spec):
    """Beacons from the pages of a service: vitals, errors, views, goals."""

    origins: Annotated[tuple[Origin, ...], Field(min_length=1, max_length=50)]
    """The pages that may send: https://www.example.com."""
    sample: Annotated[Number, Field(ge=0, le=1)] = 1.0
    """The share of sessions that report; figures are not scaled up."""
    routes: Annotated[
        tuple[Route, ...],
        Field(max_length=200),
        AfterValidator(_routes),
    ] = ()
    """Route templates: `/stocks/:symbol`, `/docs/*`. A path that fits none has its ids replaced by `_id`."""
    goals: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    """What users are to reach (`signup`); other goals are refused."""
    ignore_errors: Annotated[dict[Name, Pattern], Field(max_length=50)] = Field(default_factory=dict)
    """Errors that are known and harmless, by name: a regular expression (RE2) found in type and message."""
    source_maps: FutureFile | None = None
    """A directory with the source maps of the scripts; stacks then show the original places."""
