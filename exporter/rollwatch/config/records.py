"""What a service may say of records that arrive: trades, quotes, orders."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from rollwatch.config.fields import JsonExpression, expect_text, mistake
from rollwatch.config.mistake import type_word
from rollwatch.config.readings import Readings
from rollwatch.config.rules import Rules, Scalar
from rollwatch.config.spec import Spec

__all__ = ["RecordsSpec"]

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _field_name(value: object) -> str:
    text = expect_text(value)
    if not _FIELD.fullmatch(text):
        raise mistake(
            "is not the name of a field",
            "Use 1 to 64 of A-Z, a-z, 0-9 and '_', with no digit first, so that expressions can name it.",
        )
    return text


def _plain(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise mistake(f"must be text, a number, true or false, not {type_word(value)}", "Write one of them.")
    if isinstance(value, float) and not math.isfinite(value):
        raise mistake("must be a finite number", "Write it like 0.5.")
    return value


FieldName = Annotated[
    str,
    BeforeValidator(_field_name),
    WithJsonSchema({"type": "string", "title": "name of a field", "pattern": f"^{_FIELD.pattern}$"}),
]
"""A name that stands in an expression as it is."""


class RecordsSpec(Spec):
    """One kind of records: JSON objects, one after another."""

    id: JsonExpression | None = None
    """What tells one record from another; a record that came before is passed over."""
    defaults: Annotated[dict[FieldName, Annotated[Scalar, BeforeValidator(_plain)]], Field(max_length=50)] = (
        Field(default_factory=dict)
    )
    """Fields a record has if it does not bring them itself (`backtest_percent: 8.5`)."""
    compute: Annotated[dict[FieldName, JsonExpression], Field(max_length=50)] = Field(default_factory=dict)
    """Fields that are calculated, in this order; each sees those before it."""
    rules: Rules = ()
    """What every record must satisfy; one that does not is counted and feeds no figure."""
    figures: Readings = Field(default_factory=dict)
    """Figures that each valid record feeds."""
    totals: Readings = Field(default_factory=dict)
    """Figures read from the list of the records kept (their text and numbers), whenever a valid one came; the
    newest is the last."""
    keep: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many valid records are kept, listed and taken into `totals`."""

    def defaults_for(self, record: dict[str, Any]) -> dict[str, Any]:
        """`record` with the defaults where it says nothing, or null."""
        return {**self.defaults, **{name: value for name, value in record.items() if value is not None}}
