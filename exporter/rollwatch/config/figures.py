"""What a service may say of one figure: its type, its labels, what is normal, how long a value lasts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rollwatch.config.document_text import Line
from rollwatch.config.fields import Seconds, mistake
from rollwatch.config.mistake import expect_text
from rollwatch.config.spec import Buckets, Spec
from rollwatch.metrics.definition import COMMON_LABELS, MetricType, Scope
from rollwatch.metrics.labels import LabelDef, LabelKind

__all__ = ["FigureDef", "FigureName", "FigureSpec", "LabelName", "Limit", "LimitSpec", "Number"]

_NAME = re.compile(r"[a-z][a-z0-9_]{2,127}")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VALUE = re.compile(r"[A-Za-z0-9._/:{}*-]{1,64}")
_TAKEN_LABELS = {*COMMON_LABELS[Scope.PROBE], "le", "job", "instance", "quantile"}
_MOST_VALUES = 50
_MOST_LABELS = 2
ANY = "any"
"""Written for the values of a label that are not known beforehand."""


def _figure_name(value: object) -> str:
    text = expect_text(value)
    if not _NAME.fullmatch(text):
        raise mistake("is not the name of a metric", "Use 3 to 128 of a-z, 0-9 and '_', with a letter first.")
    return text


def _label_name(value: object) -> str:
    text = expect_text(value)
    if not _LABEL.fullmatch(text):
        raise mistake("is not the name of a label", "Use 1 to 64 of a-z, 0-9 and '_', with a letter first.")
    if text in _TAKEN_LABELS:
        raise mistake("is a label that every series has already or Prometheus sets", "Rename it.")
    return text


def _label_values(value: object) -> object:
    if value == ANY:
        return ()
    if not isinstance(value, list | tuple) or not value:
        raise mistake(
            "must be a list of values, or any", "Write [day, month], or any for values not known yet."
        )
    for index, item in enumerate(value):
        if item in value[:index]:
            raise mistake("is there twice", "Remove one.", at=(index,))
    return value


FigureName = Annotated[
    str,
    BeforeValidator(_figure_name),
    WithJsonSchema({"type": "string", "title": "metric name", "pattern": f"^{_NAME.pattern}$"}),
]
"""The name of a declared metric."""

LabelName = Annotated[
    str,
    BeforeValidator(_label_name),
    WithJsonSchema({"type": "string", "title": "label name", "pattern": f"^{_LABEL.pattern}$"}),
]
"""The name of an own label."""

LabelValues = Annotated[
    tuple[Annotated[str, Field(pattern=f"^{_VALUE.pattern}$")], ...],
    Field(max_length=_MOST_VALUES),
    BeforeValidator(_label_values),
    WithJsonSchema(
        {
            "title": "list of values, or any",
            "anyOf": [
                {"const": ANY},
                {
                    "type": "array",
                    "items": {"type": "string", "pattern": f"^{_VALUE.pattern}$"},
                    "minItems": 1,
                    "maxItems": _MOST_VALUES,
                },
            ],
        }
    ),
]
"""The values a label may have; empty if any may come."""

Number = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number."""

LimitPriority = Literal["P0", "P1", "P2", "P3"]
Window = Literal["1m", "5m", "1h", "1d"]
_WINDOWS: dict[Window, float] = {"1m": 60.0, "5m": 300.0, "1h": 3600.0, "1d": 86_400.0}


class LimitSpec(Spec):
    """From where on a figure is in trouble of one priority."""

    above: Number | None = None
    """Trouble is above this."""
    below: Number | None = None
    """Trouble is below this."""
    for_s: Annotated[Seconds, Field(alias="for", ge=0, le=7 * 86_400)] = 0.0
    """How long it must last before somebody is told."""
    per: Window | None = None
    """For counters: the increase within this window is judged."""

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.above is None and self.below is None:
            raise mistake("says no limit", "Write above, below or both.")
        if self.above is not None and self.below is not None and self.below >= self.above:
            raise mistake("leaves nothing that is well", "Write below smaller than above.", at=("below",))
        return self


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit at work. `window_s` is 0 for a gauge."""

    priority: str
    above: float | None
    below: float | None
    for_s: float
    window_s: float


class FigureSpec(Spec):
    """One figure: a metric of the service's own, or a normal name whose type, help and labels are known."""

    type: Literal["gauge", "counter", "histogram"] | None = None
    """Whether it goes up and down, only up, or is a distribution."""
    help: Line | None = None
    """What it is, in one line."""
    labels: Annotated[dict[LabelName, LabelValues], Field(max_length=_MOST_LABELS)] = Field(
        default_factory=dict
    )
    """At most two labels, each with its values, or any: the first 50 that come, the rest are `other`."""
    buckets: Buckets | None = None
    """Upper bounds of a histogram; without them one that ends in `_seconds` has those of latency."""
    limits: dict[LimitPriority, LimitSpec] = Field(default_factory=dict)
    """When somebody is to be told, by priority."""
    stale_after: Annotated[Seconds, Field(ge=1, le=30 * 86_400)] | None = None
    """An older value is stale; else 5 min where it is pushed, three intervals where it is fetched, never
    where it is read from a log or from records that are pushed."""
    expire_after: Annotated[Seconds, Field(ge=1, le=60 * 86_400)] | None = None
    """Series without a new value for this long are taken away; else for a gauge four times `stale_after`, for
    a counter or histogram whose labels may be anything a day (four times `stale_after`, if that is longer),
    for others never: a count stays true. What is never stale is kept."""
    first_seen: bool | None = None
    """Whether the moment of each new series is shown; for system errors it is."""

    def labels_defined(self) -> tuple[LabelDef, ...]:
        """The declared labels, as the metrics have them."""
        return tuple(
            LabelDef(name, LabelKind.CLOSED if values else LabelKind.ANY, values)
            for name, values in self.labels.items()
        )

    def limits_defined(self) -> tuple[Limit, ...]:
        """The declared limits, in the order of the file."""
        return tuple(
            Limit(
                priority,
                limit.above,
                limit.below,
                limit.for_s,
                0.0 if limit.per is None else _WINDOWS[limit.per],
            )
            for priority, limit in self.limits.items()
        )


@dataclass(frozen=True, slots=True)
class FigureDef:
    """One figure of one service, complete. Compared by value, so that a reload keeps what did not change."""

    name: str
    type: MetricType
    help: str
    labels: tuple[LabelDef, ...]
    buckets: tuple[float, ...]
    limits: tuple[Limit, ...]
    stale_after_s: float | None
    """None where nothing is expected regularly."""
    expire_after_s: float | None
    first_seen: bool
