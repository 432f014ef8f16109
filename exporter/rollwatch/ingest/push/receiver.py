"""What takes the pushes of one service: one after the other, each once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollwatch.figures.slices import in_slices
from rollwatch.ingest.push.answer import answer_to, outcome_of
from rollwatch.ingest.push.callers import unauthorized
from rollwatch.ingest.push.document_faults import document_invalid
from rollwatch.ingest.push.metrics import PUSH_LAST, PUSH_REQUESTS_TOTAL
from rollwatch.ingest.push.outcomes import PushOutcome
from rollwatch.ingest.push.sequence import PushSequence
from rollwatch.ingest.push.taking import Taking

if TYPE_CHECKING:
    from aiohttp import web

    from rollwatch.clock import Clock
    from rollwatch.figures.board import Board
    from rollwatch.ingest.push.callers import Caller
    from rollwatch.ingest.push.delivery import Delivery, Stamp
    from rollwatch.ingest.push.reading import PushReader
    from rollwatch.metrics.store import Store

__all__ = ["Receiver"]


@dataclass(frozen=True, slots=True)
class _Line:
    """Those whose pushes are taken one after the other."""

    sequence: PushSequence
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Receiver:
    """Takes what `reader` reads into the figures of its service. Its series are gone after `close`.

    `base` are the values of the service scope's common labels.
    """

    def __init__(
        self, reader: PushReader, board: Board, store: Store, clock: Clock, *, base: tuple[str, ...]
    ) -> None:
        self.reader = reader
        """Exchanged when the configuration of the service changes; what was accepted lately is kept."""
        self._board = board
        self._store = store
        self._clock = clock
        self._counts = {
            outcome: store.counter(PUSH_REQUESTS_TOTAL, (*base, outcome.value)) for outcome in PushOutcome
        }
        self._last = store.gauge(PUSH_LAST, base)
        self._applications = _Line(PushSequence())
        # Apart, so that no page can use up what applications need, say what they have sent, or let them wait.
        self._browsers = _Line(PushSequence(is_ordered=False))

    def count(self, outcome: PushOutcome) -> None:
        """One more push came to this."""
        self._counts[outcome].inc()

    async def take(
        self, delivery: Delivery, reader: PushReader, caller: Caller, key: str | None
    ) -> web.Response:
        """Take what `reader` has read, if it is new, and answer. `key` is the push's Idempotency-Key.

        Raises Refusal 409 for what was sent before, 422 for times that can't be.
        """
        stamp = _with_key(delivery.stamp, key)
        line = self._browsers if caller.is_browser else self._applications
        # One at a time: of two with one id, the second must find the first.
        async with line.turn:
            line.sequence.check(stamp, wall=self._clock.wall(), monotonic=self._clock.monotonic())
            name = reader.service.name
            figures = self._board.service(name)
            if figures is None:
                # A reload took the service away while its push was read.
                raise unauthorized()
            taking = Taking(figures, lambda: self.reader is reader and self._board.service(name) is figures)
            try:
                await in_slices(taking.steps(delivery, is_browser=caller.is_browser), self._clock)
            finally:
                # Also when time ran out: what was taken of it must not be taken again.
                if taking.accepted:
                    line.sequence.remember(stamp, monotonic=self._clock.monotonic())
                    self._last.set(self._clock.wall())
        outcome = outcome_of(taking, held_nothing=delivery.holds_nothing)
        self.count(outcome)
        return answer_to(taking, outcome)

    def close(self) -> None:
        """Remove every series."""
        for count in self._counts.values():
            self._store.remove(count)
        self._store.remove(self._last)


def _with_key(stamp: Stamp, key: str | None) -> Stamp:
    if key is None or stamp.id == key:
        return stamp
    if stamp.id is not None:
        raise document_invalid("its id and the header Idempotency-Key are not the same")
    return stamp._replace(id=key)
