"""The one owner of the handler's work: finds rows that are due, takes each under a lease, judges or runs it.

Ending: nothing new is taken; what only waits or looks is ended at once; a hook, an order or a check that
runs outside is given some seconds to reach its next entry in the journal, and is then left as it is, with its
lease kept. Whether what was left goes on by itself is for the process to decide; the next handler asks the
platform what became of it, as after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from rollwatch.rollback.giving_up import give_up
from rollwatch.rollback.held import Held, Leaving, RowChanged
from rollwatch.rollback.leasing import renewing
from rollwatch.rollback.model.words import State
from rollwatch.rollback.ports import JournalFailed, LostLease

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.rollback.journal_port import DueRow
    from rollwatch.rollback.judge import Judge
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.runner import Runner, Tools

__all__ = ["Worker"]

_log = structlog.get_logger(__name__)


class Worker:
    """`live` is its task; `owner` names this process in leases, and is new at each start."""

    def __init__(
        self, judge: Judge, runner: Runner, tools: Tools, *, owner: str, rng: Callable[[], float]
    ) -> None:
        self._judge = judge
        self._runner = runner
        self._journal = tools.journal
        self._tools = tools
        self._clock = tools.clock
        self._tempo = tools.tempo
        self._owner = owner
        self._rng = rng
        self._wake = asyncio.Event()
        self._over = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[bool]] = {}
        self._is_crowded = False
        """Whether more was due, at the last look, than could be begun."""
        self._held: dict[str, Held] = {}
        self._benches: dict[str, asyncio.Lock] = {}
        """One per environment: of two alerts about one service the first that came is judged first."""
        self._not_before: dict[str, float] = {}
        """Rows that failed us, and when each may be taken again; on the monotonic clock."""
        self._to_release: set[str] = set()
        """Rows that we are done with, and whose lease the journal has not taken back yet."""
        self._left: set[str] = set()
        """Rows in the middle of a call when the process ended: their lease is left to run out."""
        self._failures = 0
        """Of the journal, in a row."""

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    @property
    def busy(self) -> int:
        """Rows that are worked on."""
        return len(self._tasks)

    async def live(self) -> None:
        """Work until `end`. The journal's failures are waited over; no row is touched meanwhile."""
        while not self._over.is_set():
            self._wake.clear()
            try:
                wait_s = await self._look()
            except JournalFailed as failure:
                await self._journal_failed(failure)
                continue
            self._failures = 0
            await self._rest(self._wake, wait_s)

    async def end(self) -> tuple[str, ...]:
        """Stop, within `tempo.ending_s`; the ids of rows that are left in the middle of a call."""
        if self._over.is_set():
            return tuple(self._left)
        self._over.set()
        self._wake.set()
        for rollback_id, task in self._tasks.items():
            held = self._held.get(rollback_id)
            if held is None or not held.is_fragile:
                task.cancel()
        left: set[asyncio.Task[bool]] = set()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks.values(), timeout=self._tempo.ending_s)
        ids = tuple(rollback_id for rollback_id, task in self._tasks.items() if task in left)
        self._left.update(ids)
        for rollback_id in ids:
            _log.warning("rollback_left", rollback=rollback_id, remedy="the next start looks what it came to")
        return ids

    async def _look(self) -> float:
        """Begin what is due; seconds until the next look. Raises JournalFailed."""
        await self._release()
        now = self._clock.monotonic()
        self._not_before = {row: due for row, due in self._not_before.items() if due > now}
        limit = self._tempo.rows_max + len(self._not_before)
        due = await self._journal.due(self._clock.wall(), limit=limit)
        self._is_crowded = False
        for row in due.rows:
            if row.id in self._not_before:
                continue
            # Also while we asked: the process may be ending.
            if row.id in self._tasks or len(self._tasks) >= self._tempo.rows_max or self._over.is_set():
                self._is_crowded = True
            else:
                self._begin(row)
        wait_s = self._tempo.look_every_s
        if due.next_at is not None:
            wait_s = min(wait_s, due.next_at - self._clock.wall())
        # Several handlers on one journal are not to look at the same moment.
        return max(wait_s, 0.0) + self._tempo.least_rest_s * (0.5 + self._rng())

    def _begin(self, row: DueRow) -> None:
        task = asyncio.create_task(self._work(row), name=f"rollback {row.id}")
        self._tasks[row.id] = task

        def forget(task: asyncio.Task[bool]) -> None:
            self._tasks.pop(row.id, None)
            is_over = not task.cancelled() and task.exception() is None and task.result()
            if self._is_crowded or not is_over:
                self._wake.set()

        task.add_done_callback(forget)

    async def _work(self, row: DueRow) -> bool:
        """One row, as far as it can go now; the outermost frame: whatever goes wrong is told and bounded.

        Whether it is over, so that nothing more is to be done about it, neither now nor later.
        """
        held: Held | None = None
        try:
            async with contextlib.AsyncExitStack() as bench:
                if not row.is_running:
                    lock = self._benches.setdefault(row.environment, asyncio.Lock())
                    await bench.enter_async_context(lock)
                leased_at = self._clock.monotonic()
                held = await self._lease(row.id)
                if held is None:
                    return False
                async with renewing(
                    self._journal, row.id, self._owner, self._clock, self._tempo, since=leased_at
                ):
                    await self._judge_it(held)
                    await bench.aclose()
                    if held.row.state.is_running:
                        await self._runner.run(held)
        except (LostLease, RowChanged):
            _log.info("rollback_row_moved_by_others", rollback=row.id)
        except Leaving:
            _log.info("rollback_put_down", rollback=row.id)
        except JournalFailed as failure:
            self._put_off(row.id)
            self._tell(failure)
        except Exception:  # noqa: BLE001  the outermost frame of a row
            _log.exception("rollback_bug", rollback=row.id, service=row.service)
            self._put_off(row.id)
            # What fails because the process is being taken apart is no fault of the rollback's.
            if held is not None and row.id not in self._left:
                await self._give_up(held)
        finally:
            # A state that is not open has ended the lease.
            if held is not None and row.id not in self._left and held.row.lease_owner is not None:
                self._to_release.add(row.id)
                await self._release()
            self._held.pop(row.id, None)
        return held is not None and held.row.lease_owner is None

    async def _judge_it(self, held: Held) -> None:
        """Until it is decided, or something must be waited for."""
        while not held.row.state.is_running and _is_due(held.row, self._clock.wall()):
            await self._judge.judge(held)

    async def _lease(self, rollback_id: str) -> Held | None:
        now = self._clock.wall()
        row = await self._journal.lease(rollback_id, self._owner, now, now + self._tempo.lease_s)
        if row is None:
            return None
        held = Held(
            self._journal,
            row,
            owner=self._owner,
            clock=self._clock,
            events=self._tools.events,
            tempo=self._tempo,
            is_leaving=self._over.is_set,
        )
        self._held[rollback_id] = held
        return held

    async def _release(self) -> None:
        """Give back what is not worked on any more; what the journal refuses now is given back later."""
        for rollback_id in tuple(self._to_release):
            self._to_release.discard(rollback_id)
            try:
                await self._journal.release(rollback_id, self._owner)
            except JournalFailed:
                self._to_release.add(rollback_id)
                return

    async def _give_up(self, held: Held) -> None:
        try:
            await give_up(held, self._journal)
        except (LostLease, RowChanged):
            _log.info("rollback_row_moved_by_others", rollback=held.row.id)
        except JournalFailed as failure:
            self._tell(failure)

    def _put_off(self, rollback_id: str) -> None:
        self._not_before[rollback_id] = self._clock.monotonic() + self._tempo.put_off_s

    def _tell(self, failure: JournalFailed) -> None:
        self._tools.observer.journal_worked(False)
        _log.error(
            "rollback_journal_failed",
            why=failure.why,
            remedy="nothing is rolled back until it can be written",
        )

    async def _journal_failed(self, failure: JournalFailed) -> None:
        self._tell(failure)
        self._failures += 1
        longest_s = self._tempo.journal_pause_max_s
        pause_s = min(self._tempo.journal_pause_s * 2.0 ** min(self._failures - 1, 10), longest_s)
        # Wakes do not shorten it: what is to be done can't be.
        await self._rest(self._over, pause_s * (0.5 + self._rng() / 2))

    async def _rest(self, event: asyncio.Event, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await event.wait()


def _is_due(row: Rollback, now: float) -> bool:
    match row.state:
        case State.RECEIVED:
            return True
        case State.SETTLING:
            return row.settle_until is None or row.settle_until <= now
        case State.AWAITING_APPROVAL:
            is_expired = row.expires_at is not None and row.expires_at <= now
            return row.approved_by is not None or is_expired
        case _:
            return False
