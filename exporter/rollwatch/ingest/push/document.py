"""The documented form of a push, as strict as a reader can be; its JSON Schema is published."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, FailFast, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rollwatch.figures.items import Operation

__all__ = [
    "MILLISECONDS_FROM",
    "MOST_METRICS",
    "MOST_RECORDS",
    "AddMetric",
    "AnyMetric",
    "ObserveMetric",
    "PushDocument",
    "SetMetric",
    "TotalMetric",
]

MOST_METRICS = 1000
MOST_RECORDS = 5000
"""Of one kind in one push."""
_MOST_OBSERVATIONS = 10_000
_PRINTABLE = r"^[\x20-\x7e]+$"
MILLISECONDS_FROM = 1e11
"""As seconds this is the year 5138; as milliseconds, 1973."""

Number = Annotated[float, Field(allow_inf_nan=False)]
UnixSeconds = Annotated[float, Field(allow_inf_nan=False, gt=0, lt=MILLISECONDS_FROM)]
Word = Annotated[str, Field(min_length=1, max_length=64, pattern=_PRINTABLE)]


class _Form(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class _Metric(_Form):
    OPERATION: ClassVar[Operation]

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """The figure, as the configuration names it."""
    labels: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
        Field(max_length=10),
        FailFast(),
    ] = Field(default_factory=dict)
    """A value for each label the figure has."""


class SetMetric(_Metric):
    """The value of a gauge."""

    OPERATION = Operation.SET
    value: Number
    """What it is now."""


class AddMetric(_Metric):
    """The growth of a counter."""

    OPERATION = Operation.ADD
    add: Number
    """By how much it grew since the last push; not negative."""


class TotalMetric(_Metric):
    """The running total of a counter."""

    OPERATION = Operation.TOTAL
    total: Number
    """What this source counted since it started; lower than before: it was restarted."""


def _how_many(value: object) -> str:
    return "several" if isinstance(value, list) else "one"


class ObserveMetric(_Metric):
    """Observations of a histogram."""

    OPERATION = Operation.OBSERVE
    observe: Annotated[
        Annotated[Number, Tag("one")]
        | Annotated[list[Number], Tag("several"), Field(max_length=_MOST_OBSERVATIONS, fail_fast=True)],
        Discriminator(_how_many),
    ]
    """One observation, or a list; not negative."""


def _operation(value: object) -> str | None:
    """Which of the forms is meant; None if it is none, or more than one."""
    said = [word for word in _OPERATIONS if word in value] if isinstance(value, dict) else []
    return said[0] if len(said) == 1 else None


_OPERATIONS = ("value", "add", "total", "observe")

AnyMetric: TypeAlias = SetMetric | AddMetric | TotalMetric | ObserveMetric
Metric = Annotated[
    Annotated[SetMetric, Tag("value")]
    | Annotated[AddMetric, Tag("add")]
    | Annotated[TotalMetric, Tag("total")]
    | Annotated[ObserveMetric, Tag("observe")],
    Discriminator(
        _operation,
        custom_error_type="operation",
        custom_error_message="must be an object with one of value, add, total and observe",
    ),
]

Records = Annotated[list[dict[str, Any]], Field(max_length=MOST_RECORDS, fail_fast=True)]


class PushDocument(_Form):
    """What an application measured: figures, records or both."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["metrics"]}, {"required": ["records"]}]}
    )

    service: Word | None = None
    """The service it is about; needed only where the token is that of several services."""
    source: Word | None = None
    """The instance that sends: running totals and `sent_at` are kept apart by it."""
    id: Word | None = None
    """An idempotency key: a push with an id that was accepted in the last hour is refused."""
    sent_at: UnixSeconds | None = None
    """When it was sent, in Unix seconds; one older than the last of its source is refused."""
    started_at: UnixSeconds | None = None
    """When the source began to count its running totals, in Unix seconds."""
    metrics: Annotated[list[Metric], Field(min_length=1, max_length=MOST_METRICS)] = Field(
        default_factory=list
    )
    """Values of figures."""
    records: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=64)], Records],
        Field(min_length=1, max_length=50),
    ] = Field(default_factory=dict)
    """Records by kind, oldest first."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.metrics and not self.records:
            raise PydanticCustomError("empty", "must have metrics, records or both")
        return self
