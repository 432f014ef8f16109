"""Reads figures out of documents, as the configuration says. Pure; may run in a thread."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rollwatch.config.fields import JsonExpression
from rollwatch.figures.faults import FigureFault
from rollwatch.figures.items import Found, Item, Operation
from rollwatch.figures.numbers import as_number
from rollwatch.metrics.definition import MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rollwatch.config.figures import FigureDef
    from rollwatch.config.readings import LabelReading, Reading
    from rollwatch.figures.figure import Labels

__all__ = ["ReadingPlan"]

_MOST_ITEMS = 1000
"""So many items of a list are read."""
_MOST_OBSERVATIONS = 10_000
_LONGEST_TEXT = 512


class ReadingPlan:
    """Every reading of one place (a probe, a document, a shape of line), bound to its figures."""

    def __init__(
        self, readings: Mapping[str, tuple[Reading, ...]], definitions: Mapping[str, FigureDef]
    ) -> None:
        self._readings = [
            _Bound(definitions[name], reading) for name, several in readings.items() for reading in several
        ]

    def read(self, document: Any) -> Found:
        """What `document` holds. Never raises, whatever JSON it is."""
        found = Found()
        self.read_into(document, found)
        return found

    def read_into(self, document: Any, found: Found) -> None:
        """The same, added to what was found before."""
        for reading in self._readings:
            reading.read(document, found)


class _Bound:
    """One reading of one figure."""

    def __init__(self, definition: FigureDef, reading: Reading) -> None:
        self._name = definition.name
        self._operation = _operation(definition.type, reading)
        self._is_distribution = definition.type is MetricType.HISTOGRAM
        expression = reading.add if reading.add is not None else reading.value
        self._nothing_there = f"has nothing at {str(expression)[:100]}"
        self._value = None if expression is None else expression.search
        self._each = None if reading.each is None else reading.each.search
        self._when = None if reading.when is None else reading.when.holds
        self._labels = tuple(
            (label.name, _label_getter(reading.labels[label.name])) for label in definition.labels
        )
        self._scale = reading.scale
        self._is_whole = self._each is not None and definition.type is MetricType.GAUGE

    def read(self, document: Any, found: Found) -> None:
        if self._each is None:
            if self._when is None or self._when(document):
                self._read_one(document, found)
            return
        listed = self._each(document)
        if not isinstance(listed, list | dict):
            found.refuse(self._name, FigureFault.NOT_FOUND, "has no list at the place of each")
            return
        if len(listed) > _MOST_ITEMS:
            message = f"has {len(listed)} items; the first {_MOST_ITEMS} are read"
            found.refuse(self._name, FigureFault.TOO_MANY, message)
        if self._is_whole:
            found.whole.add(self._name)
        for item in islice(_items(listed), _MOST_ITEMS):
            if self._when is None or self._when(item):
                self._read_one(item, found)

    def _read_one(self, document: Any, found: Found) -> None:
        labels: list[str] = []
        for name, get in self._labels:
            value = get(document)
            if value is None:
                found.refuse(self._name, FigureFault.LABEL_MISSING, f"has nothing for the label {name}")
                return
            labels.append(value)
        if self._value is None:
            found.put(Item(self._name, tuple(labels), self._operation, 1.0))
            return
        value = self._value(document)
        if self._is_distribution and isinstance(value, list):
            self._read_observations(value, tuple(labels), found)
            return
        self._read_value(value, tuple(labels), found)

    def _read_observations(self, values: list[Any], labels: Labels, found: Found) -> None:
        if len(values) > _MOST_OBSERVATIONS:
            message = f"has {len(values)} observations; the first {_MOST_OBSERVATIONS} are read"
            found.refuse(self._name, FigureFault.TOO_MANY, message)
        for value in islice(values, _MOST_OBSERVATIONS):
            self._read_value(value, labels, found)

    def _read_value(self, value: Any, labels: Labels, found: Found) -> None:
        if value is None:
            found.refuse(self._name, FigureFault.NOT_FOUND, self._nothing_there)
            return
        # true and false are 1 and 0: `up: true` is how services say it.
        number = float(value) if isinstance(value, bool) else as_number(value, coerce=True)
        if number is None:
            found.refuse(self._name, FigureFault.NOT_A_NUMBER, "is not a finite number")
            return
        found.put(Item(self._name, labels, self._operation, number * self._scale))


def _operation(kind: MetricType, reading: Reading) -> Operation:
    match kind:
        case MetricType.GAUGE:
            return Operation.SET
        case MetricType.HISTOGRAM:
            return Operation.OBSERVE
        case MetricType.COUNTER:
            return Operation.TOTAL if reading.value is not None else Operation.ADD


def _items(listed: list[Any] | dict[str, Any]) -> Iterable[Any]:
    """A list as it is; a mapping as items with `key` and `value`."""
    if isinstance(listed, list):
        return listed
    return ({"key": key, "value": value} for key, value in listed.items())


def _label_getter(reading: JsonExpression | LabelReading) -> Callable[[Any], str | None]:
    if isinstance(reading, JsonExpression):
        search = reading.search
        return lambda document: _text(search(document))
    search, pattern = reading.value.search, reading.pattern

    def get(document: Any) -> str | None:
        text = _text(search(document))
        match = None if text is None else pattern.search(text)
        if match is None:
            return None
        taken: str | None = match.group(1) if match.re.groups else match.group(0)
        return taken

    return get


def _text(value: Any) -> str | None:
    """As a label has it; None for what can't be one."""
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if isinstance(value, float) else None
