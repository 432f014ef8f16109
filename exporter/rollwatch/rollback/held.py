"""A row of the journal in our hands: every move and step goes through here, under one lease."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from rollwatch.errors import RollwatchError
from rollwatch.rollback.journal_port import Busy
from rollwatch.rollback.ports import JournalFailed, LostLease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.record import Rollback, Step
    from rollwatch.rollback.model.words import State, StepKind
    from rollwatch.rollback.ports import Events
    from rollwatch.rollback.steps.ended import Ended
    from rollwatch.rollback.tempo import Tempo

__all__ = ["Held", "Leaving", "RowChanged"]

_log = structlog.get_logger(__name__)

_ATTEMPTS = 5


class RowChanged(RollwatchError):  # noqa: N818  no fault
    """A person has approved or cancelled meanwhile: look at the row again before going on."""


class Leaving(RollwatchError):  # noqa: N818  no fault
    """The process is to end: nothing new is begun. The journal says where to go on."""


class Held:
    """One row and its lease. `row` is as the journal had it when it was last read or written.

    Others may write to a row that we hold: a repeated or resolved alert, a person who cancels. Such a write
    makes ours fail; it is then repeated on the new row, unless what they wrote matters to us.
    """

    def __init__(
        self,
        journal: Journal,
        row: Rollback,
        *,
        owner: str,
        clock: Clock,
        events: Events,
        tempo: Tempo,
        is_leaving: Callable[[], bool],
    ) -> None:
        self.row = row
        self._journal = journal
        self._owner = owner
        self._clock = clock
        self._events = events
        self._tempo = tempo
        self._is_leaving = is_leaving
        self.is_fragile = False
        """Whether something is under way outside that must not be broken without need."""

    async def move(self, after: State, why: str, **changes: Any) -> None:
        """To `after`, and tell; with the same state, only `changes`.

        Raises RowChanged, LostLease, JournalFailed.
        """
        before = self.row.state
        for _ in _tries():
            try:
                self.row = await self._journal.move(
                    self.row, after, now=self._clock.wall(), by=self._owner, why=why, **changes
                )
                break
            except LostLease:
                await self.refresh()
        if after is not before:
            _log.info(
                "rollback_moved",
                rollback=self.row.id,
                service=self.row.service,
                before=before.value,
                after=after.value,
                why=why,
            )
            self._events.changed(self.row, before)

    async def begin(self, why: str) -> Busy | None:
        """To PREPARING, by `row.going`; or who is in the way. Raises as `move` does."""
        before = self.row.state
        for _ in _tries():
            try:
                found = await self._journal.begin(self.row, now=self._clock.wall(), by=self._owner, why=why)
                break
            except LostLease:
                await self.refresh()
        if isinstance(found, Busy):
            return found
        self.row = found
        _log.info("rollback_began", rollback=self.row.id, service=self.row.service, why=why)
        self._events.changed(self.row, before)
        return None

    async def start(self, kind: StepKind, name: str) -> Step:
        """Write a step down before it is taken. Raises Leaving, and as `move` does."""
        if self._is_leaving():
            raise Leaving
        for _ in _tries():
            try:
                return await self._journal.step_started(self.row, kind, name, self._clock.wall())
            except LostLease:
                await self.refresh()
        raise AssertionError("the tries end by raising")

    async def note(self, step: Step, memo: Mapping[str, Any]) -> Step:
        """Write down what a strategy must know after a crash. Raises LostLease, JournalFailed."""
        return await self._journal.step_noted(step, memo)

    async def end(self, step: Step, ended: Ended) -> Step:
        """Write down how a step ended; what the journal refuses is tried again while the row is ours.

        Raises LostLease.
        """
        while True:
            try:
                return await self._journal.step_ended(
                    step, ended.state, self._clock.wall(), detail=ended.detail, output=ended.output
                )
            except JournalFailed as failure:
                # What was done is known here and nowhere else; the lease bounds how long this may last.
                _log.error("rollback_step_not_written", rollback=step.rollback_id, why=failure.why)
                await asyncio.sleep(self._tempo.journal_pause_s)

    async def drop_claims(self) -> None:
        """Nothing was executed, for certain. Raises LostLease, JournalFailed."""
        await self._journal.drop_claims(self.row)

    def needs_person(self, why: str) -> None:
        """Somebody must look now."""
        _log.warning("rollback_needs_person", rollback=self.row.id, service=self.row.service, why=why)
        self._events.needs_person(self.row, why)

    async def refresh(self) -> None:
        """Read the row again. Raises LostLease where it is not ours any more, RowChanged where a person has
        approved or cancelled."""
        mine = self.row
        row = await self._journal.get(mine.id)
        if row is None or row.lease_owner != self._owner or row.state is not mine.state:
            raise LostLease
        self.row = row
        if (row.approved_by, row.cancel_by) != (mine.approved_by, mine.cancel_by):
            raise RowChanged


def _tries() -> Iterator[int]:
    yield from range(_ATTEMPTS)
    raise LostLease
