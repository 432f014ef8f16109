"""The worker: several handlers on one journal, lost leases, a journal that fails, faults of ours, the end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.rollback.journal.journal import open_journal
from rollwatch.rollback.model.words import State
from rollwatch.rollback.ports import JournalFailed
from support.rollback_world import ENVIRONMENT, FAST, GOOD, alert, release, world
from support.rollback_wrapped import wrapped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# Two handlers (31).


async def test_two_handlers_on_one_journal_act_once(tmp_path: Path) -> None:
    async with world(tmp_path, "api", "web") as here:
        other = await open_journal(str(tmp_path / "journal.db"))
        try:
            here.start("one")
            here.start("two", other)
            incidents = [
                replace(alert(name), fingerprint=f"{number:016x}")
                for number, name in enumerate(["api", "web"] * 3)
            ]
            ids = await here.tell(*incidents)
            rows = [await here.over(each) for each in ids]
            assert sorted(row.state.value for row in rows) == ["denied"] * 5 + ["succeeded"]
            assert len(here.ledger.lines) == 2
            await here.stop()
        finally:
            await other.close()


async def test_a_lease_that_ran_out_is_taken_over_once(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        others = [await open_journal(str(tmp_path / "journal.db")) for _ in range(2)]
        try:
            ids = await here.tell(alert())
            # Somebody had it, and died.
            assert await here.journal.lease(ids[0], "dead", time.time(), time.time() + 0.3) is not None
            for number, journal in enumerate(others):
                here.start(f"handler {number}", journal)
            assert (await here.over(ids[0])).state is State.SUCCEEDED
            assert len(here.ledger.lines) == 1
            moved = {one.by for one in await here.journal.transitions(ids[0])}
            assert len(moved & {"handler 0", "handler 1"}) == 1
            await here.stop()
        finally:
            for journal in others:
                await journal.close()


async def test_who_loses_the_lease_stops_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.tempo = replace(FAST, lease_s=0.4, renew_every_s=0.1, give_up_after_s=0.3)
        ended = asyncio.Event()

        async def hang(_: object) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        async def unrenewed(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            if name == "renew":
                return False
            return await call()

        here.strategies["api"].on_execute = hang
        ids = await here.tell(alert())
        here.start("one", wrapped(here.journal, unrenewed))
        await asyncio.wait_for(ended.wait(), 10)
        assert here.ledger.lines == []
        await here.stop()
        # The next one looks first, finds that nothing was begun, and does it.
        here.strategies["api"].on_execute = None
        here.start("two")
        assert (await here.over(ids[0])).state is State.SUCCEEDED
        assert len(here.ledger.lines) == 1


async def test_a_lease_that_can_not_be_renewed_counts_as_lost(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.tempo = replace(FAST, lease_s=2.0, renew_every_s=0.05, give_up_after_s=0.2)
        ended = asyncio.Event()
        is_failing = True

        async def hang(_: object) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        async def failing(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            if is_failing and name == "renew":
                raise JournalFailed("the disk is full")
            return await call()

        here.strategies["api"].on_execute = hang
        ids = await here.tell(alert())
        here.start("one", wrapped(here.journal, failing))
        await asyncio.wait_for(ended.wait(), 10)
        here.strategies["api"].on_execute = None
        is_failing = False
        assert (await here.over(ids[0])).state is State.SUCCEEDED


# The journal fails (14): nothing is executed while it can't be written.


async def test_while_the_journal_fails_nothing_is_done_and_then_everything_is(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        failures = 0

        async def failing(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            nonlocal failures
            if failures < 6 and name in {"due", "move", "begin"}:
                failures += 1
                raise JournalFailed("the disk is full")
            return await call()

        ids = await here.tell(alert())
        here.start("one", wrapped(here.journal, failing))
        assert (await here.over(ids[0])).state is State.SUCCEEDED
        assert failures == 6
        assert len(here.ledger.lines) == 1
        assert False in here.observer.journal


async def test_an_order_is_not_given_before_it_is_written_down(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        seen: list[list[str]] = []

        async def failing(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            if name in {"step_started", "step_noted"} and len(seen) < 4:
                seen.append(await asyncio.to_thread(lambda: here.ledger.lines))
                raise JournalFailed("the disk is full")
            return await call()

        ids = await here.tell(alert())
        here.start("one", wrapped(here.journal, failing))
        assert (await here.over(ids[0])).state is State.SUCCEEDED
        assert seen == [[], [], [], []]
        assert len(here.ledger.lines) == 1


async def test_what_was_done_is_written_down_as_soon_as_that_is_possible(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        failures = 0

        async def failing(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            nonlocal failures
            if name == "step_ended" and failures < 3:
                failures += 1
                raise JournalFailed("the disk is full")
            return await call()

        ids = await here.tell(alert())
        here.start("one", wrapped(here.journal, failing))
        assert (await here.over(ids[0])).state is State.SUCCEEDED
        assert failures == 3
        assert len(here.ledger.lines) == 1


# Faults of ours: a stated end, and a person is called.


def nobody_thought_of(*questions: str, when: Callable[[], bool] = lambda: True) -> Callable[[str], None]:
    """Raises when one of these is asked."""

    def fail(question: str) -> None:
        if question in questions and when():
            raise RuntimeError("nobody thought of this")

    return fail


async def test_a_fault_in_judging_denies(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.evidence.on_asked = nobody_thought_of("silenced")
        row = await here.run()
        assert row.state is State.DENIED
        assert here.events.calls == ["A fault of rollwatch; its log has it."]
        assert here.ledger.lines == []


@pytest.mark.parametrize(
    ("where", "outcome", "words"),
    [
        ("looking", State.FAILED, "Nothing was changed."),
        ("strategy", State.UNKNOWN, "It could not be carried on."),
        ("verify", State.FAILED, "It could not be carried on."),
    ],
)
async def test_a_fault_in_running_ends_stated_and_hooks_after_still_run(
    tmp_path: Path, where: str, outcome: State, words: str
) -> None:
    async with world(tmp_path) as here:
        restored = tmp_path / "restored"
        here.configure(after=[{"name": "restore", "run": ["touch", str(restored)]}])
        if where == "strategy":

            async def wrong(_: object) -> None:
                raise RuntimeError("nobody thought of this")

            here.strategies["api"].on_execute = wrong
        elif where == "verify":
            here.evidence.on_asked = nobody_thought_of(
                "service_now", when=lambda: here.strategies["api"].running == release("api", GOOD)
            )
        else:
            moves = here.events.moves
            here.evidence.on_asked = nobody_thought_of(
                "still_firing", when=lambda: bool(moves) and moves[-1][2] == "executing"
            )
        row = await here.run()
        assert row.state is outcome
        assert (row.outcome_why or "").startswith(words)
        assert restored.exists()
        assert "A fault of rollwatch; its log has it." in here.events.calls
        past = await here.journal.past(ENVIRONMENT, ["api"], since=0.0)
        assert bool(past.claims) is (where != "looking")


# The process is to end (46).


async def test_what_only_waits_ends_at_once_and_is_taken_up_again(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.evidence.back = [False]
        ids = await here.tell(alert())
        here.start("one")
        await here.until(ids[0], lambda row: row.state is State.VERIFYING)
        await here.stop()
        row = await here.journal.get(ids[0])
        assert row is not None
        assert row.lease_owner is None
        here.evidence.back = [True]
        here.start("two")
        assert (await here.over(ids[0])).state is State.SUCCEEDED
        assert len(here.ledger.lines) == 1


async def test_an_order_under_way_may_end_and_nothing_new_is_begun(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.tempo = replace(FAST, ending_s=10.0)
        go, waits = asyncio.Event(), asyncio.Event()

        async def wait(_: object) -> None:
            waits.set()
            await go.wait()

        here.strategies["api"].on_execute = wait
        ids = await here.tell(alert())
        worker = here.start("one")
        await asyncio.wait_for(waits.wait(), 10)
        ending = asyncio.create_task(worker.end())
        await asyncio.sleep(0)
        go.set()
        assert await ending == ()
        assert (await here.steps(ids[0])) == [("execute", "api", "done")]
        here.start("two")
        assert (await here.over(ids[0])).state is State.SUCCEEDED
        assert len(here.ledger.lines) == 1


async def test_an_order_that_does_not_end_is_left_and_its_lease_kept(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        waits = asyncio.Event()

        async def hang(_: object) -> None:
            waits.set()
            await asyncio.sleep(60)

        here.strategies["api"].on_execute = hang
        ids = await here.tell(alert())
        worker = here.start("one")
        await asyncio.wait_for(waits.wait(), 10)
        assert await worker.end() == ids
        row = await here.journal.get(ids[0])
        assert row is not None
        assert (row.state, row.lease_owner) == (State.EXECUTING, "one")
        for task in asyncio.all_tasks():
            if task.get_name() == f"rollback {ids[0]}":
                task.cancel()
                await asyncio.wait([task])
        row = await here.journal.get(ids[0])
        assert row is not None
        assert row.lease_owner == "one"
