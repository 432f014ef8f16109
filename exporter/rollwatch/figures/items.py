"""What a document says, as plain values: which figure, under which labels, by how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.figures.faults import FigureFault, FigureRefused

if TYPE_CHECKING:
    from rollwatch.figures.figure import Labels

__all__ = ["Found", "Item", "Operation", "Refused"]

_MOST_ITEMS = 50_000
_MOST_REFUSED = 1000


class Operation(StrEnum):
    """What a value does to its figure."""

    SET = "set"
    """A gauge becomes it."""
    ADD = "add"
    """A counter grows by it."""
    TOTAL = "total"
    """A counter grows by what it is above the last total of the same source."""
    OBSERVE = "observe"
    """A distribution counts it."""


class Item(NamedTuple):
    """One value for one figure."""

    figure: str
    labels: Labels
    operation: Operation
    value: float


class Refused(NamedTuple):
    """A value that was not taken, and why."""

    figure: str
    why: FigureRefused


@dataclass(slots=True)
class Found:
    """Everything one document holds for the figures of a service."""

    items: list[Item] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    """Gauges whose whole list the document holds: series that are not in it are gone."""

    def put(self, item: Item) -> None:
        """Take a value in, or refuse it: a document, read many times over, may hold 50,000."""
        if len(self.items) < _MOST_ITEMS:
            self.items.append(item)
        else:
            self.refuse(item.figure, FigureFault.TOO_MANY, f"is beyond the first {_MOST_ITEMS} values")

    def refuse(self, figure: str, fault: FigureFault, message: str) -> None:
        """Note that a value is not taken; the first 1000 are noted."""
        if len(self.refused) < _MOST_REFUSED:
            self.refused.append(Refused(figure, FigureRefused(fault, message)))
