"""What the file may demand of every record: one rule for one field."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rollwatch.config.fields import JsonExpression, Name, Pattern, mistake
from rollwatch.config.spec import Spec

__all__ = ["Deviation", "Rule", "Rules", "Scalar"]

Scalar = bool | int | float | str
"""A JSON value that is neither null, list nor object."""
Number = Annotated[float, Field(allow_inf_nan=False)]


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


class Deviation(Spec):
    """Against its own history."""

    window: Annotated[int, Field(ge=2, le=100_000)]
    """About how many past values count as the history; older ones fade."""
    max_sigma: Annotated[Number, Field(gt=0)]
    """How many standard deviations from the mean are still normal."""
    min_change: Annotated[Number, Field(ge=0)] = 0.0
    """A smaller difference from the mean is never an anomaly."""
    warm_up: Annotated[int, Field(ge=2, le=100_000)] | None = None
    """Values to learn from before any is judged; 10, or the window if that is smaller."""
    per: JsonExpression | None = None
    """What tells one record from another (`ticker`): each then has a history of its own, at most 5000."""


class Rule(Spec):
    """One rule for one field of every record; only `required` speaks of a field that is missing."""

    field: JsonExpression
    """Where the value is in the record."""
    name: Name | None = None
    """The `check` label; by default made of the field and the rule."""
    required: bool = False
    """The field must be there and not null."""
    forbidden: Annotated[
        tuple[Scalar, ...], BeforeValidator(_as_list), Field(alias="not", min_length=1, max_length=1000)
    ] = ()
    """A value, or several, the field must not have."""
    allowed: Annotated[tuple[Scalar, ...], Field(alias="in", min_length=1, max_length=1000)] = ()
    """The only values it may have."""
    min: Number | None = None
    """The smallest number it may be."""
    max: Number | None = None
    """The largest number it may be."""
    pattern: Pattern | None = None
    """Text it must contain a match of."""
    deviation: Deviation | None = None
    """How far from its own history it may be."""
    coerce: bool = False
    """Whether numbers may come as text (`"0.5"`)."""
    critical: bool = False
    """Marks the check with the label critical="true", so that a single hit can alert."""

    @property
    def check(self) -> str:
        """The `check` label."""
        if self.name is not None:
            return self.name
        field = re.sub(r"[^A-Za-z0-9.]+", "_", self.field.source).strip("_.").lower()[:40] or "record"
        return f"{field}_{'_'.join(self._kinds())}"

    def _kinds(self) -> list[str]:
        said = {
            "required": self.required,
            "not": bool(self.forbidden),
            "in": bool(self.allowed),
            "min": self.min is not None,
            "max": self.max is not None,
            "pattern": self.pattern is not None,
            "deviation": self.deviation is not None,
        }
        return [kind for kind, is_said in said.items() if is_said]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self._kinds():
            raise mistake(
                "says nothing about its field",
                "Add one of required, not, in, min, max, pattern and deviation.",
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise mistake("has a min above its max", "Swap them.", at=("min",))
        return self


def _told_apart(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.check in seen:
            raise mistake(
                "has the same check label as a rule before it", "Give one of them a name.", at=(index,)
            )
        seen.add(rule.check)
    return rules


Rules = Annotated[tuple[Rule, ...], Field(max_length=100), AfterValidator(_told_apart)]
"""All rules for one set of records; no two have the same `check` label."""
