"""Reads a push in the application's own form, as `push.document` maps it. Pure; may run in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.figures.examining import as_records
from rollwatch.figures.faults import FigureFault, FigureRefused
from rollwatch.figures.reading import ReadingPlan
from rollwatch.ingest.push.delivery import Delivery, Stamp
from rollwatch.ingest.push.document import MOST_RECORDS
from rollwatch.ingest.push.document_faults import document_invalid
from rollwatch.probers._timestamp import read_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.expressions import JsonExpression
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.push import DocumentSpec

__all__ = ["DocumentPlan"]

_LONGEST_WORD = 64
_LARGEST_WHOLE = 10**18


class DocumentPlan:
    """A mapping bound to the figures it feeds."""

    def __init__(self, spec: DocumentSpec, definitions: Mapping[str, FigureDef]) -> None:
        self._spec = spec
        self._figures = ReadingPlan(spec.figures, definitions)
        self.readings = sum(map(len, spec.figures.values())) + len(spec.records)
        """How many there are: what one document costs is about its length times this."""

    def read(self, raw: Any) -> Delivery:
        """What decoded JSON holds. Raises Refusal 422 if what tells pushes apart can't be read."""
        spec = self._spec
        stamp = Stamp(_word(spec.id, raw, "id"), _word(spec.source, raw, "source") or "", self._sent_at(raw))
        delivery = Delivery(stamp, self._figures.read(raw))
        for name, expression in spec.records.items():
            listed = as_records(expression.search(raw))
            if listed is None:
                message = f"has no list at {expression.source[:100]}"
                delivery.refused_records.append((name, FigureRefused(FigureFault.NOT_FOUND, message)))
                continue
            if len(listed) > MOST_RECORDS:
                message = f"has {len(listed)} records; the first {MOST_RECORDS} were taken"
                delivery.refused_records.append((name, FigureRefused(FigureFault.TOO_MANY, message)))
            delivery.records[name] = listed[:MOST_RECORDS]
        return delivery

    def _sent_at(self, raw: Any) -> float | None:
        if self._spec.sent_at is None:
            return None
        found = self._spec.sent_at.search(raw)
        if found is None:
            return None
        seconds = read_timestamp(found)
        if seconds is None:
            raise document_invalid("sent_at must be Unix seconds, milliseconds or ISO 8601")
        return seconds


def _word(expression: JsonExpression | None, raw: Any, name: str) -> str | None:
    """Text or a whole number at the place of `expression`."""
    found = None if expression is None else expression.search(raw)
    if found is None:
        return None
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _LARGEST_WHOLE:
        return str(found)
    is_word = isinstance(found, str) and 0 < len(found) <= _LONGEST_WORD and found.isprintable()
    if not is_word:
        raise document_invalid(f"{name} must be text of at most {_LONGEST_WORD} printable characters")
    return str(found)
