"""A rule at work: what is wrong with one record, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollwatch.figures.history import Histories
from rollwatch.figures.numbers import as_number
from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.config.rules import Deviation, Rule, Scalar

__all__ = ["Check"]

_MISSING: Final = "missing"
_NOT_A_NUMBER: Final = "not a number"
_KEY_LIMIT = 200


class Check:
    """A rule at work. Keeps the histories of its field."""

    def __init__(self, rule: Rule) -> None:
        self.name = rule.check
        self.is_critical = rule.critical
        self.field = rule.field.source
        self._value = rule.field.search
        self._rule = rule
        self._needs_number = rule.min is not None or rule.max is not None or rule.deviation is not None
        deviation = rule.deviation
        self._key = None if deviation is None or deviation.per is None else deviation.per.search
        self._histories = None if deviation is None else _histories(deviation)

    def problem(self, record: object) -> str | None:
        """What is wrong with the record in a few words free of remote text, or None. Never raises."""
        value = self._value(record)
        if value is None:
            return _MISSING if self._rule.required else None
        rule = self._rule
        number = as_number(value, coerce=rule.coerce)
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
                return f"{as_number(value) or value:.10g}"
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


def _key_text(found: object) -> str | None:
    if isinstance(found, str):
        return found[:_KEY_LIMIT]
    return str(found) if isinstance(found, int) and abs(found) < 10**18 else None


def _same(value: object, other: Scalar) -> bool:
    """Equal as JSON has it: 0 is 0.0, but false is not 0."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other
