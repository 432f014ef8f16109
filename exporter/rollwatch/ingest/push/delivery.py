"""One push, whatever form it came in: what it says of figures and records, and who sent it when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.figures.items import Found

if TYPE_CHECKING:
    from rollwatch.figures.faults import FigureRefused

__all__ = ["Delivery", "Stamp"]


class Stamp(NamedTuple):
    """What tells one push from another."""

    id: str | None = None
    source: str = ""
    """The instance that sent it; empty where it does not say."""
    sent_at: float | None = None
    """Unix seconds, as `started_at`."""
    started_at: float | None = None
    """When its running totals began."""


@dataclass(slots=True)
class Delivery:
    """What is to be taken, and what was refused when it was read."""

    stamp: Stamp
    found: Found = field(default_factory=Found)
    records: dict[str, list[Any]] = field(default_factory=dict)
    """By kind, oldest first."""
    refused_records: list[tuple[str, FigureRefused]] = field(default_factory=list)

    @property
    def holds_nothing(self) -> bool:
        """Whether there are neither values nor lists, not even empty ones."""
        return not (self.found.items or self.found.whole or self.records)
