"""What a record must satisfy: rules as the file says them, and the checks they are compiled to."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from rollwatch.config.fields import JsonExpression, Name, Pattern, mistake
from rollwatch.config.spec import Spec
from rollwatch.probers._history import Histories
from rollwatch.probers._text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Check", "Deviation", "Rule"]

Scalar = bool | int | float | str
Number = Annotated[float, Field(allow_inf_nan=False)]

_MISSING: Final = "missing"
_NOT_A_NUMBER: Final = "not a number"
_PLAIN_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_NUMBER_TEXT = re.compile(r"\s{0,8}[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\s{0,8}")
_NUMBER_TEXT_LIMIT = 64
_KEY_LIMIT = 200


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


class Check:
    """A rule at work. Keeps the histories of its field."""

    def __init__(self, rule: Rule) -> None:
        self.name = rule.check
        self.is_critical = rule.critical
        self.field = rule.field.source
        self._value = _getter(rule.field)
        self._rule = rule
        self._needs_number = rule.min is not None or rule.max is not None or rule.deviation is not None
        deviation = rule.deviation
        self._key = None if deviation is None or deviation.per is None else _getter(deviation.per)
        self._histories = None if deviation is None else _histories(deviation)

    def problem(self, record: object) -> str | None:
        """What is wrong with the record in a few words free of remote text, or None. Never raises."""
        value = self._value(record)
        if value is None:
            return _MISSING if self._rule.required else None
        rule = self._rule
        number = _number(value, rule.coerce)
        judged = number if rule.coerce and number is not None else value
        if any(_same(judged, forbidden) for forbidden in rule.forbidden):
            return "a forbidden value"
        if rule.allowed and not any(_same(judged, allowed) for allowed in rule.allowed):
            return "not an allowed value"
        if rule.pattern is not None and not (isinstance(value, str) and rule.pattern.search(value)):
            return "not matching the pattern"
        return self._problem_of_number(number, record) if self._needs_number else None

    def _problem_of_number(self, number: float | None, record: object) -> str | None:
        if number is None:
            return _NOT_A_NUMBER
        rule = self._rule
        if rule.min is not None and number < rule.min:
            return "below min"
        if rule.max is not None and number > rule.max:
            return "above max"
        if self._histories is not None and self._is_anomaly(number, record):
            return "far from its history"
        return None

    def _is_anomaly(self, number: float, record: object) -> bool:
        assert self._histories is not None  # noqa: S101  asked by the caller
        key = None
        if self._key is not None:
            key = _key_text(self._key(record))
            if key is None:
                return False
        return self._histories.is_anomaly(key, number)

    def shown(self, record: object) -> str:
        """The value judged, for an explanation; remote text, bounded."""
        match self._value(record):
            case None:
                return "null"
            case bool(value):
                return "true" if value else "false"
            case int(value) | float(value):
                return f"{_number(value, coerce=False) or value:.10g}"
            case str(value):
                return clean(value, 60)
            case dict():
                return "an object"
            case _:
                return "a list"


def _histories(deviation: Deviation) -> Histories:
    return Histories(
        window=deviation.window,
        max_sigma=deviation.max_sigma,
        min_change=deviation.min_change,
        warm_up=deviation.warm_up or min(10, deviation.window),
    )


def _getter(expression: JsonExpression) -> Callable[[object], Any]:
    """`expression.search`; for a plain path the same by hand, ten times as fast."""
    if not _PLAIN_PATH.fullmatch(expression.source):
        return expression.search
    path = expression.source.split(".")

    def get(record: object) -> object:
        value = record
        for name in path:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return get


def _key_text(found: object) -> str | None:
    if isinstance(found, str):
        return found[:_KEY_LIMIT]
    return str(found) if isinstance(found, int) and abs(found) < 10**18 else None


def _number(value: object, coerce: bool) -> float | None:
    """A finite number, or None; true and false are none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        # An integer that no float can hold is still a number: far beyond any bound.
        return value if -(10**300) < value < 10**300 else (1e300 if value > 0 else -1e300)
    if (
        coerce
        and isinstance(value, str)
        and len(value) <= _NUMBER_TEXT_LIMIT
        and _NUMBER_TEXT.fullmatch(value)
    ):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def _same(value: object, other: Scalar) -> bool:
    """Equal as JSON has it: 0 is 0.0, but false is not 0."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other
