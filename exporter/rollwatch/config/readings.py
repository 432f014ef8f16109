"""How a figure is read from a document: a JSON body, a pushed document, a line of a log, a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from rollwatch.config.fields import JsonExpression, Pattern, mistake
from rollwatch.config.figures import FigureName, LabelName, Number
from rollwatch.config.mistake import type_word
from rollwatch.config.spec import Spec

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

__all__ = ["LabelReading", "Reading", "Readings"]


class LabelReading(Spec):
    """A label's value, taken out of what an expression finds."""

    value: JsonExpression
    """Where it is in the document."""
    pattern: Pattern
    """What of it is taken: the first group of the regular expression (RE2), or the whole match."""


def _form(value: object) -> str:
    return "pattern" if isinstance(value, dict | LabelReading) else "expression"


Label = Annotated[
    Annotated[JsonExpression, Tag("expression")] | Annotated[LabelReading, Tag("pattern")],
    Discriminator(_form),
]
"""The value of a label: an expression, or an expression and what is taken of what it finds."""


class Reading(Spec):
    """One way to read one figure: from an answer, a pushed document, a line of a log, a record."""

    value: JsonExpression | None = None
    """The value: of a gauge; the running total of a counter; one observation, or a list, of a histogram."""
    add: JsonExpression | None = None
    """What a counter grows by."""
    each: JsonExpression | None = None
    """A list or mapping in the document; value, add, when and labels are then read from each item of it."""
    when: JsonExpression | None = None
    """Read only if this is true."""
    labels: Annotated[dict[LabelName, Label], Field(max_length=2)] = Field(default_factory=dict)
    """The values of the figure's labels; text in single quotes inside the expression is taken as it is."""
    scale: Annotated[Number, Field(gt=0)] = 1.0
    """What the value is multiplied with: 0.001 from milliseconds to seconds."""

    @model_validator(mode="after")
    def _is_one_value(self) -> Self:
        if self.value is not None and self.add is not None:
            raise mistake("can't stand beside value", "Write value or add.", at=("add",))
        return self


def _as_list(value: object) -> object:
    """The short forms as the long one: an expression reads the value, a mapping is the only reading."""
    if isinstance(value, str | dict):
        value = (value,)
    if not isinstance(value, list | tuple):
        raise mistake(
            f"must be an expression, a mapping or a list of these, not {type_word(value)}",
            "Write where the value is, like stats.users.",
        )
    return tuple({"value": item} if isinstance(item, str) else item for item in value)


class _ShortForms:
    """Tells editors that an expression may stand for a mapping, and one of them where the list is."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        listed = handler(schema)
        expression = {"type": "string", "title": "JMESPath expression", "minLength": 1}
        one = {"anyOf": [expression, listed["items"]]}
        title = "expression, mapping (see READING) or list of these"
        return {"title": title, "anyOf": [*one["anyOf"], {**listed, "items": one}]}


Readings = Annotated[
    dict[
        FigureName,
        Annotated[
            tuple[Reading, ...], Field(min_length=1, max_length=50), BeforeValidator(_as_list), _ShortForms()
        ],
    ],
    Field(max_length=200),
]
"""By figure, how it is read: an expression for its value, a mapping, or a list of these."""
