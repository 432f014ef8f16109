"""Leases and moves: who has a rollback may move it, in the ways that there are, and nobody else."""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import product

import pytest

from rollwatch.rollback.journal.journal import SqlJournal
from rollwatch.rollback.model.decision import Decision, GuardAnswer
from rollwatch.rollback.model.words import TRANSITIONS, GuardResult, State, StepKind, StepState, Verdict
from rollwatch.rollback.ports import LostLease
from support.rollback_rows import NOW, brought_to, due, going_of, taken, wish_of

_REACHED = [
    State.RECEIVED,
    State.SETTLING,
    State.AWAITING_APPROVAL,
    State.PREPARING,
    State.EXECUTING,
    State.VERIFYING,
    State.FINISHING,
]


async def test_a_lease_is_one_owners_until_it_ends(journal: SqlJournal, other: SqlJournal) -> None:
    rollback_id = await taken(journal)

    mine = await journal.lease(rollback_id, "one", NOW, NOW + 30)

    assert mine is not None
    assert (mine.lease_owner, mine.lease_until, mine.version) == ("one", NOW + 30, 1)
    assert await other.lease(rollback_id, "two", NOW + 29, NOW + 60) is None
    assert await due(other, NOW + 29) == []
    assert await journal.renew(rollback_id, "one", NOW + 45)
    assert await other.lease(rollback_id, "two", NOW + 44, NOW + 60) is None
    assert await due(other, NOW + 45) == [rollback_id]
    theirs = await other.lease(rollback_id, "two", NOW + 45, NOW + 60)
    assert theirs is not None
    assert not await journal.renew(rollback_id, "one", NOW + 90)
    with pytest.raises(LostLease):
        await journal.move(mine, State.DENIED, now=NOW + 46, by="one", why="too late")
    await journal.release(rollback_id, "one")
    assert await other.renew(rollback_id, "two", NOW + 90)


async def test_an_ended_lease_is_taken_over_by_one_of_two(journal: SqlJournal, other: SqlJournal) -> None:
    running = await brought_to(journal, State.EXECUTING, owner="dead")

    found = await asyncio.gather(
        *(
            each.lease(running.id, owner, NOW + 31, NOW + 60)
            for _ in range(10)
            for each, owner in ((journal, "one"), (other, "two"))
        )
    )

    owners = {row.lease_owner for row in found if row is not None}
    assert len(owners) == 1
    assert sum(row is not None for row in found) == 10


async def test_a_lease_given_back_is_free(journal: SqlJournal, other: SqlJournal) -> None:
    rollback_id = await taken(journal)
    await journal.lease(rollback_id, "one", NOW, NOW + 30)

    await journal.release(rollback_id, "one")

    assert await due(other, NOW) == [rollback_id]
    assert await other.lease(rollback_id, "two", NOW, NOW + 30) is not None
    assert await journal.lease("rb-unknown", "one", NOW, NOW + 30) is None


async def test_what_is_over_is_not_leased(journal: SqlJournal) -> None:
    denied = await brought_to(journal, State.DENIED)

    assert denied.lease_owner is None
    assert await journal.lease(denied.id, "one", NOW, NOW + 30) is None


async def test_only_one_of_two_moves(journal: SqlJournal, other: SqlJournal) -> None:
    rollback = await brought_to(journal, State.RECEIVED)

    answers = await asyncio.gather(
        *(
            each.move(rollback, after, now=NOW, by="one", why="both at once")
            for each, after in product((journal, other), (State.DENIED, State.DRY_RUN))
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, LostLease) for answer in answers) == 3
    assert len(await journal.transitions(rollback.id)) == 2


async def test_what_was_read_before_is_not_written_back(journal: SqlJournal) -> None:
    before = await brought_to(journal, State.SETTLING)
    now = await journal.move(before, State.SETTLING, now=NOW, by="one", why="asked", asked=1)

    with pytest.raises(LostLease):
        await journal.move(before, State.SETTLING, now=NOW, by="one", why="asked", asked=7)
    going = dataclasses.replace(before, going=(going_of(),))
    with pytest.raises(LostLease):
        await journal.begin(going, now=NOW, by="one", why="the guards are met")

    assert await journal.get(before.id) == now


async def test_a_move_without_a_lease_is_refused(journal: SqlJournal) -> None:
    rollback_id = await taken(journal)
    row = await journal.get(rollback_id)
    assert row is not None

    with pytest.raises(LostLease):
        await journal.move(row, State.DENIED, now=NOW, by="nobody", why="no lease")


@pytest.mark.parametrize("before", _REACHED)
async def test_moves_go_by_the_table_only(journal: SqlJournal, before: State) -> None:
    rollback = await brought_to(journal, before)

    for after in State:
        if after in TRANSITIONS[before] and after is not State.PREPARING:
            continue
        if after is before:
            continue
        with pytest.raises(AssertionError):
            await journal.move(rollback, after, now=NOW, by="one", why="not in the table")

    assert await journal.get(rollback.id) == rollback


async def test_a_move_may_change_what_it_names_and_nothing_else(journal: SqlJournal) -> None:
    rollback = await brought_to(journal, State.RECEIVED)
    decision = Decision(
        Verdict.ASK,
        "a migration lies between",
        (
            GuardAnswer("migration", GuardResult.FAIL, "0007 is new", hard=False, inputs={"marker": True}),
            GuardAnswer("flight", GuardResult.PASS, "nothing runs", hard=True, inputs={"age_s": 1.5}),
        ),
        going=(going_of(), going_of("d", "c", service="web")),
        proposal="fix forward",
    )

    moved = await journal.move(
        rollback,
        State.AWAITING_APPROVAL,
        now=NOW + 1,
        by="one",
        why="a migration",
        decision=decision,
        asked=1,
        last_asked_at=NOW,
        first_bad=("commit:b", "version:1"),
        expires_at=NOW + 1800,
    )

    assert moved == dataclasses.replace(
        rollback,
        version=rollback.version + 1,
        state=State.AWAITING_APPROVAL,
        updated_at=NOW + 1,
        decision=decision,
        asked=1,
        last_asked_at=NOW,
        first_bad=("commit:b", "version:1"),
        expires_at=NOW + 1800,
    )
    assert await journal.get(rollback.id) == moved
    with pytest.raises(AssertionError, match="lease_owner"):
        await journal.move(moved, moved.state, now=NOW, by="one", why="", lease_owner="two")


async def test_every_move_is_in_the_audit(journal: SqlJournal) -> None:
    rollback = await brought_to(journal, State.FINISHING)
    await journal.move(rollback, State.FAILED, now=NOW + 9, by="one", why="the command ended with 1")

    moves = await journal.transitions(rollback.id)

    assert [(move.before, move.after) for move in moves] == [
        (None, State.RECEIVED),
        (State.RECEIVED, State.SETTLING),
        (State.SETTLING, State.PREPARING),
        (State.PREPARING, State.EXECUTING),
        (State.EXECUTING, State.FINISHING),
        (State.FINISHING, State.FAILED),
    ]
    assert (moves[-1].at, moves[-1].by, moves[-1].why) == (NOW + 9, "one", "the command ended with 1")


async def test_approval_makes_it_due_and_counts_once(journal: SqlJournal) -> None:
    waiting = await brought_to(journal, State.AWAITING_APPROVAL)
    await journal.release(waiting.id, "one")
    assert await due(journal, NOW + 60) == []

    first = await journal.approve(waiting.id, "jane", NOW + 60)
    second = await journal.approve(waiting.id, "joe", NOW + 61)

    assert first is not None
    assert first == second
    assert (first.approved_by, first.state) == ("jane", State.AWAITING_APPROVAL)
    assert await due(journal, NOW + 61) == [waiting.id]
    assert [move.by for move in await journal.transitions(waiting.id)][-1] == "jane"
    with pytest.raises(LostLease):
        await journal.move(waiting, State.DENIED, now=NOW, by="one", why="judged before the approval")


async def test_approval_comes_too_late(journal: SqlJournal) -> None:
    waiting = await brought_to(journal, State.AWAITING_APPROVAL)
    settling = await brought_to(journal, State.SETTLING, number=2, service="web")

    assert await journal.approve(waiting.id, "jane", NOW + 1800) is None
    assert await journal.approve(settling.id, "jane", NOW) is None
    assert await journal.approve("rb-unknown", "jane", NOW) is None


@pytest.mark.parametrize("state", [State.RECEIVED, State.SETTLING, State.AWAITING_APPROVAL])
async def test_cancelled_before_anything_began(journal: SqlJournal, state: State) -> None:
    rollback = await brought_to(journal, state)

    over = await journal.cancel(rollback.id, "jane", "known cause", NOW + 1)

    assert over is not None
    assert (over.state, over.cancel_by, over.lease_owner) == (State.CANCELLED, "jane", None)
    assert await due(journal, NOW + 10_000) == []
    with pytest.raises(LostLease):
        await journal.move(rollback, state, now=NOW, by="one", why="did not know")
    assert await journal.cancel(rollback.id, "jane", "once more", NOW + 2) is None


async def test_cancelled_while_it_prepares_never_passes_the_point_of_no_return(journal: SqlJournal) -> None:
    rollback = await brought_to(journal, State.PREPARING)

    asked = await journal.cancel(rollback.id, "jane", "known cause", NOW + 1)

    assert asked is not None
    assert (asked.state, asked.cancel_by, asked.version) == (State.PREPARING, "jane", rollback.version)
    step = await journal.step_started(rollback, StepKind.HOOK_BEFORE, "drain", NOW + 1)
    await journal.step_ended(step, StepState.DONE, NOW + 2)
    with pytest.raises(LostLease):
        await journal.move(rollback, State.EXECUTING, now=NOW + 2, by="one", why="did not look")
    over = await journal.move(
        rollback, State.FINISHING, now=NOW + 3, by="one", why="jane", outcome=State.CANCELLED
    )
    assert over.outcome is State.CANCELLED


@pytest.mark.parametrize("state", [State.EXECUTING, State.VERIFYING, State.FINISHING])
async def test_cancelled_too_late(journal: SqlJournal, state: State) -> None:
    rollback = await brought_to(journal, state)

    assert await journal.cancel(rollback.id, "jane", "please", NOW + 1) is None
    assert await journal.get(rollback.id) == rollback


async def test_steps_are_numbered_and_remembered(journal: SqlJournal, other: SqlJournal) -> None:
    rollback = await brought_to(journal, State.EXECUTING)

    hook = await journal.step_started(rollback, StepKind.HOOK_BEFORE, "drain", NOW)
    hook = await journal.step_ended(hook, StepState.TIMED_OUT, NOW + 5, detail="no end", output="…\0x")
    step = await journal.step_started(rollback, StepKind.EXECUTE, "api", NOW + 6)
    step = await journal.step_noted(step, {"call": "about to", "ids": [1, {"a": None}]})

    assert (hook.number, step.number) == (1, 2)
    assert (hook.state, hook.ended_at, hook.detail) == (StepState.TIMED_OUT, NOW + 5, "no end")
    assert (step.state, step.ended_at) == (StepState.STARTED, None)
    assert step.memo == {"call": "about to", "ids": [1, {"a": None}]}
    assert list(await other.steps(rollback.id)) == [hook, step]


async def test_who_lost_the_lease_writes_no_step_before_its_call(
    journal: SqlJournal, other: SqlJournal
) -> None:
    """A handler that slept is about to call the platform; another one has asked it meanwhile, and goes on."""
    rollback = await brought_to(journal, State.EXECUTING)
    step = await journal.step_started(rollback, StepKind.EXECUTE, "api", NOW)
    theirs = await other.lease(rollback.id, "two", NOW + 31, NOW + 60)
    assert theirs is not None

    with pytest.raises(LostLease):
        await journal.step_noted(step, {"call": "about to"})
    with pytest.raises(LostLease):
        await journal.step_ended(step, StepState.DONE, NOW + 32)
    with pytest.raises(LostLease):
        await journal.step_started(rollback, StepKind.VERIFY, "api", NOW + 32)

    assert (await other.step_noted(step, {"call": "two's"})).memo == {"call": "two's"}
    assert (await other.step_ended(step, StepState.DONE, NOW + 33)).state is StepState.DONE


async def test_what_ends_when_a_rollback_ends(journal: SqlJournal) -> None:
    rollback = await brought_to(journal, State.FINISHING)

    over = await journal.move(rollback, State.FAILED, now=NOW + 9, by="one", why="failed")

    past = await journal.past("production", ["api"], since=NOW - 1)
    assert (over.lease_owner, over.lease_until, past.flights) == (None, None, {})
    assert [(claim.release_key, claim.rollback_id) for claim in past.claims] == [
        ("commit:" + "b" * 40, over.id)
    ]
    assert past.executions == (NOW,)


async def test_what_was_never_executed_may_be_taken_back_another_time(journal: SqlJournal) -> None:
    rollback = await brought_to(journal, State.PREPARING)
    rollback = await journal.move(
        rollback, State.FINISHING, now=NOW, by="one", why="a hook failed", outcome=State.FAILED
    )
    await journal.move(rollback, State.FAILED, now=NOW, by="one", why="a hook failed")

    past = await journal.past("production", ["api"], since=0)

    assert (past.claims, past.flights, past.executions) == ((), {}, ())


async def test_claims_can_be_dropped_when_the_platform_proves_that_nothing_was_done(
    journal: SqlJournal,
) -> None:
    rollback = await brought_to(journal, State.FINISHING)
    await journal.drop_claims(rollback)
    await journal.move(rollback, State.FAILED, now=NOW, by="one", why="refused")

    assert (await journal.past("production", ["api"], since=0)).claims == ()


async def test_a_wish_is_never_counted_as_automatic(journal: SqlJournal) -> None:
    await brought_to(journal, State.EXECUTING, wanted=wish_of())

    past = await journal.past("production", ["api"], since=0)

    assert (len(past.flights), len(past.claims), past.executions) == (1, 1, ())
