"""What one JSON document holds of what a probe is to read from it. Pure; may run in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.figures.examining import as_records
from rollwatch.figures.faults import FigureFault
from rollwatch.figures.reading import ReadingPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.fields import JsonExpression
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.readings import Reading
    from rollwatch.figures.items import Found

__all__ = ["Content", "DocumentPlan"]

_MOST_RECORDS = 1000
"""So many records of one kind are taken from one document: its last ones."""


class Content(NamedTuple):
    """What was found. What is refused in `found` includes records that are not there."""

    found: Found
    records: dict[str, list[Any]]
    is_nothing: bool
    """Whether every single thing that is configured was refused."""


class DocumentPlan:
    """Every reading of one probe, bound to the figures of its service."""

    def __init__(
        self,
        figures: Mapping[str, tuple[Reading, ...]],
        records: Mapping[str, JsonExpression],
        definitions: Mapping[str, FigureDef],
    ) -> None:
        self._plan = ReadingPlan(figures, definitions)
        self._names = frozenset(figures)
        self._records = records
        self.readings = sum(map(len, figures.values())) + len(records)
        """How many there are: what one document costs is about its length times this."""

    def read(self, document: Any) -> Content:
        """What `document` holds. Never raises, whatever JSON it is."""
        found = self._plan.read(document)
        records: dict[str, list[Any]] = {}
        for name, where in self._records.items():
            listed = as_records(where.search(document))
            if listed is None:
                message = f"has no list of records at {where.source[:100]}"
                found.refuse(name, FigureFault.NOT_FOUND, message)
                continue
            if len(listed) > _MOST_RECORDS:
                message = f"has {len(listed)} records; the last {_MOST_RECORDS} are read"
                found.refuse(name, FigureFault.TOO_MANY, message)
            records[name] = listed[-_MOST_RECORDS:]
        has_some = bool(found.items or found.whole or records)
        # An empty list of counts is something: nothing has happened yet.
        is_nothing = not has_some and self._names <= {one.figure for one in found.refused}
        return Content(found, records, is_nothing)
