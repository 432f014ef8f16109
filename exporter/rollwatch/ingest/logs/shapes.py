"""Lines into figures: every shape that fits a line is read. Never raises, whatever the line is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import structlog

from rollwatch.config.fields import JsonExpression
from rollwatch.config.values import values_in
from rollwatch.figures.faults import FigureFault, FigureRefused, Origin
from rollwatch.figures.items import Found, Operation, Refused
from rollwatch.figures.reading import ReadingPlan
from rollwatch.ingest.logs.metrics import LineResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.config.fields import Pattern
    from rollwatch.config.logs import LineSpec
    from rollwatch.figures.figure import Figure
    from rollwatch.figures.items import Item
    from rollwatch.figures.service import ServiceFigures

__all__ = ["Shapes"]

_log = structlog.get_logger(__name__)

_MISSING = object()
_MOST_VALUES = 1000
"""That one line may have: a millisecond and some of work."""
_DOCUMENTS = (dict, list)
"""What a line of a JSON log is. A number or a word alone is of something else that is printed there."""


class Shapes:
    """The shapes of one log's lines, bound to the figures its service has now: a reload makes them anew.

    `service` and `name` are those of the log.
    """

    def __init__(self, lines: Sequence[LineSpec], figures: ServiceFigures, service: str, name: str) -> None:
        self._figures = figures
        self._source = f"log:{name}"
        self._place = f"{service}/{name}"
        self._shapes = tuple(_Shape(line, figures) for line in lines)
        self._fed: set[Figure] = set()
        self._said: set[tuple[str, FigureFault]] = set()

    def take(self, line: bytes) -> LineResult:
        """Read one line, and let its figures have what is in it."""
        result, found = self.read(line)
        if found is not None:
            self.apply(found)
        return result

    def read(self, line: bytes) -> tuple[LineResult, Found | None]:
        """What becomes of one line, and what it holds. Changes nothing, and may run in a thread."""
        if not line.isascii():
            line = _as_utf8(line)
        document: Any = _MISSING
        found: Found | None = None
        is_malformed = False
        for shape in self._shapes:
            if shape.pattern is None:
                if document is _MISSING:
                    document = _json(line)
                if document is None:
                    is_malformed = True
                    continue
                fitting = document
            else:
                fitting = shape.groups_of(line)
                if fitting is None:
                    continue
            if shape.fits(fitting):
                found = found or Found()
                shape.plan.read_into(fitting, found)
        if found is not None:
            return LineResult.TAKEN, found
        return LineResult.MALFORMED if is_malformed else LineResult.PASSED, None

    def apply(self, found: Found) -> None:
        """Let the figures have what a line holds."""
        if len(found.items) > _MOST_VALUES:
            del found.items[_MOST_VALUES:]
            name = found.items[-1].figure
            message = f"is read from a line with over {_MOST_VALUES} values; the first of these are taken"
            found.refuse(name, FigureFault.TOO_MANY, message)
        for item in found.items:
            try:
                self._apply_one(item)
            except FigureRefused as why:
                found.refused.append(Refused(item.figure, why))
        if found.refused:
            self._figures.count_faults(Origin.LOG, found.refused)
            self._say(found.refused)

    def mark_updated(self) -> None:
        """The figures that lines have fed since this was last called got their values just now."""
        for figure in self._fed:
            figure.mark_updated()
        self._fed.clear()

    def _apply_one(self, item: Item) -> None:
        figure = self._figures.figures[item.figure]
        operation = item.operation
        if operation is Operation.ADD:
            figure.count(item.labels, item.value)
        elif operation is Operation.OBSERVE:
            figure.measure(item.labels, item.value)
        elif operation is Operation.SET:
            figure.set(item.labels, item.value)
        else:
            grown = self._figures.growth(item, self._source)
            figure.count(item.labels, grown)
        self._fed.add(figure)

    def _say(self, refused: Sequence[Refused]) -> None:
        """A count alone does not tell which figure it is; once for each figure and fault is enough."""
        for figure, why in refused:
            if (figure, why.fault) not in self._said:
                self._said.add((figure, why.fault))
                _log.warning(
                    "log_value_refused",
                    log=self._place,
                    figure=figure,
                    fault=why.fault.value,
                    detail=f"{figure} {why.message}; counted, and not said again before a reload",
                )


class _Shape:
    """One shape of line."""

    def __init__(self, line: LineSpec, figures: ServiceFigures) -> None:
        self.pattern = line.pattern
        self.plan = ReadingPlan(line.figures, figures.definitions)
        self._groups = () if line.pattern is None else _groups_read(line, line.pattern)
        self._when = None if line.when is None else line.when.holds

    def fits(self, document: Any) -> bool:
        """Whether its figures are read from the JSON, or from the named groups."""
        return self._when is None or self._when(document)

    def groups_of(self, line: bytes) -> dict[str, str | None] | None:
        """The named groups as the pattern finds them; None if it does not."""
        assert self.pattern is not None  # noqa: S101  asked by the caller
        match = self.pattern.search(line)
        if match is None:
            return None
        # By span: re2's own groupdict takes longer than the match.
        span = match.span
        groups: dict[str, str | None] = {}
        for name, index in self._groups:
            start, end = span(index)
            groups[name] = None if start < 0 else line[start:end].decode("utf-8", "replace")
        return groups


def _groups_read(line: LineSpec, pattern: Pattern) -> tuple[tuple[str, int], ...]:
    """The named groups that an expression of the shape may read; re2 takes its time for each."""
    sources = [value.source for _, value in values_in(line) if isinstance(value, JsonExpression)]
    return tuple(
        (name, index)
        for name, index in pattern.groups.items()
        if any(name in source or "@" in source or "*" in source for source in sources)
    )


def _as_utf8(line: bytes) -> bytes:
    """The line, what is no UTF-8 replaced: a client chooses its user agent, and must not hide by it.

    JSON with such bytes is refused, and in an RE2 pattern not even `.` fits them.
    """
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("utf-8", "replace").encode()
    return line


def _json(line: bytes) -> Any:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, _DOCUMENTS) else None
