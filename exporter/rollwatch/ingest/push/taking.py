"""Lets the figures of a service take a push, in steps between which the loop may live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.figures.faults import FigureFault, FigureRefused, Origin
from rollwatch.figures.items import Found, Operation, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rollwatch.figures.service import ServiceFigures
    from rollwatch.ingest.push.delivery import Delivery

__all__ = ["Taking"]

_PIECE = 200
"""Values taken in one step: a fraction of a millisecond."""
_OF_BROWSERS = "browser"


class Taking:
    """One push on its way into `figures`. `is_current` says whether these still are the service's.

    A reload may exchange them between two steps: then the rest is refused.
    """

    def __init__(self, figures: ServiceFigures, is_current: Callable[[], bool]) -> None:
        self._figures = figures
        self._is_current = is_current
        self.accepted = 0
        """Values and records taken so far; a record counts whatever its rules say of it."""
        self.refused: list[Refused] = []
        self.refused_records: list[tuple[str, FigureRefused]] = []

    @property
    def refused_total(self) -> int:
        """Values, and kinds of records, that were refused so far."""
        return len(self.refused) + len(self.refused_records)

    def steps(self, delivery: Delivery, *, is_browser: bool) -> Iterator[None]:
        """Take all of it: figures first, then records."""
        found, source = delivery.found, f"push:{delivery.stamp.source}"
        if is_browser:
            found, source = _without_totals(found), _OF_BROWSERS
        for taken in self._values(found, Origin.PUSH, source, delivery.stamp.started_at):
            self.accepted += taken
            yield
        for name, records in delivery.records.items():
            yield from self._records(name, records)
        for name, why in delivery.refused_records:
            self._refuse_records(name, why)

    def _records(self, name: str, records: Sequence[object]) -> Iterator[None]:
        stream = self._figures.records.get(name)
        if stream is None:
            why = FigureRefused(FigureFault.UNDECLARED, "are no records of this service")
            self._refuse_records(name, why)
            return
        delivery, found = stream.begin(), Found()
        try:
            for record in records:
                if not self._is_current():
                    self._refuse_records(name, _exchanged())
                    break
                stream.take_one(record, delivery, found)
                self.accepted += isinstance(record, dict)
                yield
        finally:
            stream.finish(delivery, found)
        for one in found.refused:
            if one.figure == name:
                self._refuse_records(name, one.why)
        found.refused = [one for one in found.refused if one.figure != name]
        for _ in self._values(found, Origin.RECORDS, f"records:{name}"):
            yield

    def _refuse_records(self, name: str, why: FigureRefused) -> None:
        self.refused_records.append((name, why))
        if self._is_current():
            self._figures.count_faults(Origin.PUSH, [Refused(name, why)])

    def _values(
        self, found: Found, origin: Origin, source: str, started_at: float | None = None
    ) -> Iterator[int]:
        """In pieces: how many of each were taken."""
        refused = found.refused
        pieces = _pieces(found)
        for at, piece in enumerate(pieces):
            if not self._is_current():
                left = [item for rest in pieces[at:] for item in rest.items]
                self.refused += [*refused, *(Refused(item.figure, _exchanged()) for item in left)]
                return
            piece.refused = refused
            said = self._figures.take(piece, origin, source=source, started_at=started_at)
            self.refused += said
            yield len(piece.items) - (len(said) - len(refused))
            refused = []


def _without_totals(found: Found) -> Found:
    """Browsers can't be told apart: whose running total it is, nobody knows."""
    why = FigureRefused(FigureFault.WRONG_OPERATION, "takes no running total from a browser: send add")
    totals = [item for item in found.items if item.operation is Operation.TOTAL]
    if not totals:
        return found
    others = [item for item in found.items if item.operation is not Operation.TOTAL]
    return Found(others, [*found.refused, *(Refused(item.figure, why) for item in totals)], found.whole)


def _pieces(found: Found) -> list[Found]:
    """`found` in pieces, at least one. Whole lists stay together: what is not in their piece is gone."""
    if len(found.items) <= _PIECE:
        return [Found(found.items, [], found.whole)]
    lists = [item for item in found.items if item.figure in found.whole]
    single = [item for item in found.items if item.figure not in found.whole]
    pieces = [Found(single[at : at + _PIECE]) for at in range(0, len(single), _PIECE)]
    return [*pieces, Found(lists, [], found.whole)] if found.whole else pieces


def _exchanged() -> FigureRefused:
    return FigureRefused(
        FigureFault.UNDECLARED,
        "came while the configuration was exchanged; send what is named here again, with a new id",
    )
