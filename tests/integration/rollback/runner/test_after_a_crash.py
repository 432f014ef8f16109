"""A handler died at each point of a rollback (30): the next one looks, and never repeats blindly."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollwatch.rollback.model.decision import Decision, Going
from rollwatch.rollback.model.record import Rollback
from rollwatch.rollback.model.words import ExecutionResult, State, StepKind, StepState, Verdict
from rollwatch.rollback.strategies.strategy import Execution, PlatformFailed
from support.rollback_world import BAD, ENVIRONMENT, GOOD, World, alert, release, world

GOING = Going("api", release("api", BAD), release("api", GOOD), "dp-1")
WAY = (State.PREPARING, State.EXECUTING, State.VERIFYING, State.FINISHING)


async def died(here: World, state: State, *steps: tuple[StepKind, str, StepState], ago_s: float = 0.0) -> str:
    """A handler came as far as this, and is gone; its lease has just run out."""
    ids = await here.tell(alert())
    now = time.time()
    row = await here.journal.lease(ids[0], "dead", now, now + 60)
    assert row is not None
    judged = Decision(Verdict.PROCEED, "It is taken back.", (), (GOING,))
    moved = {"settle_until": now, "going": (GOING,), "decision": judged, "first_bad": (GOING.bad.key,)}
    row = await here.journal.move(row, State.SETTLING, now=now, by="dead", why="judged", **moved)
    begun = await here.journal.begin(row, now=now, by="dead", why="begun")
    assert isinstance(begun, Rollback)
    row = begun
    for after in WAY[1 : WAY.index(state) + 1]:
        changes = (
            {"outcome": State.SUCCEEDED, "outcome_why": "It is back."} if after is State.FINISHING else {}
        )
        row = await here.journal.move(row, after, now=now, by="dead", why="on", **changes)
    for kind, name, how in steps:
        step = await here.journal.step_started(row, kind, name, now - ago_s)
        if how is not StepState.STARTED:
            await here.journal.step_ended(step, how, now - ago_s)
    await here.journal.release(row.id, "dead")
    return row.id


def done_before(here: World, rollback_id: str) -> None:
    here.strategies["api"].running = GOING.target
    here.ledger.add(f"{rollback_id}/api {GOING.bad.key} -> {GOING.target.key}")


@dataclass(frozen=True)
class Case:
    """What is found after a crash while the order was carried out, and what must come of it."""

    name: str
    outcome: State
    executions: int
    was_done: bool = False
    firing: bool = True
    answer: Execution | PlatformFailed | None = None
    answers_later: bool = False
    ago_s: float = 0.0
    words: str = ""
    claimed: bool = True


UNKNOWN = Execution(ExecutionResult.UNKNOWN, "The platform has forgotten it.")
REFUSED = Execution(ExecutionResult.FAILED, "The platform refused it.")
LATE = Execution(ExecutionResult.TIMED_OUT, "It builds still.")
SILENT = PlatformFailed("the platform is down")


@pytest.mark.parametrize(
    "case",
    [
        Case("done, not written", State.SUCCEEDED, 1, was_done=True),
        Case("done, and the alert ended by it", State.SUCCEEDED, 1, was_done=True, firing=False),
        Case("not begun", State.SUCCEEDED, 1),
        Case("not begun, alert ended", State.FAILED, 0, firing=False, words="the alert ended", claimed=False),
        Case("not begun, too late", State.FAILED, 0, ago_s=3600, words="its time was over", claimed=False),
        Case("nobody knows", State.UNKNOWN, 0, answer=UNKNOWN, words="The platform has forgotten it."),
        Case("refused", State.FAILED, 0, answer=REFUSED, words="The platform refused it."),
        Case("still going", State.TIMED_OUT, 0, answer=LATE, words="It builds still."),
        Case("silent at first", State.SUCCEEDED, 1, was_done=True, answer=SILENT, answers_later=True),
        Case("silent for good", State.UNKNOWN, 0, answer=SILENT, ago_s=3600, words="the platform is down"),
    ],
    ids=lambda case: case.name,
)
async def test_an_order_that_was_interrupted_is_looked_into_first(tmp_path: Path, case: Case) -> None:
    async with world(tmp_path) as here:
        strategy = here.strategies["api"]
        rollback_id = await died(
            here, State.EXECUTING, (StepKind.EXECUTE, "api", StepState.STARTED), ago_s=case.ago_s
        )
        if case.was_done:
            done_before(here, rollback_id)
        here.evidence.firing = [case.firing]
        strategy.afterwards = case.answer

        def answer_now() -> None:
            """What the first question is answered with, no other is."""
            strategy.afterwards = case.answer if not asked else None
            asked.append(1)

        asked: list[int] = []
        strategy.on_asked = answer_now if case.answers_later else None
        here.start()
        row = await here.over(rollback_id)
        assert row.state is case.outcome, row.outcome_why
        assert case.words in (row.outcome_why or "")
        assert len(here.ledger.lines) == case.executions
        past = await here.journal.past(ENVIRONMENT, ["api"], since=0.0)
        assert bool(past.claims) is case.claimed
        assert past.flights == {}
        assert all(step.state is not StepState.STARTED for step in await here.journal.steps(rollback_id))


async def test_an_order_that_was_never_given_is_given_while_the_alert_fires(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        rollback_id = await died(here, State.EXECUTING)
        here.start()
        assert (await here.over(rollback_id)).state is State.SUCCEEDED
        assert len(here.ledger.lines) == 1


async def test_an_order_that_was_never_given_is_not_given_after_the_alert(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        rollback_id = await died(here, State.EXECUTING)
        here.evidence.firing = [False]
        here.start()
        assert (await here.over(rollback_id)).state is State.CANCELLED
        assert here.ledger.lines == []


@pytest.mark.parametrize(
    ("repeatable", "outcome", "runs"), [(True, State.SUCCEEDED, 1), (False, State.FAILED, 0)]
)
async def test_a_hook_before_is_run_again_only_if_it_may_be(
    tmp_path: Path, repeatable: bool, outcome: State, runs: int
) -> None:
    async with world(tmp_path) as here:
        ran = tmp_path / "ran"
        here.configure(
            before=[{"name": "drain", "run": ["sh", "-c", f"echo x >> {ran}"], "repeatable": repeatable}]
        )
        rollback_id = await died(
            here, State.PREPARING, (StepKind.HOOK_BEFORE, "api/drain", StepState.STARTED)
        )
        here.start()
        row = await here.over(rollback_id)
        assert row.state is outcome
        assert (len(ran.read_text().splitlines()) if ran.exists() else 0) == runs
        assert len(here.ledger.lines) == runs
        if not repeatable:
            assert (row.outcome_why or "").startswith(
                "Nothing was changed: the hook api/drain was interrupted."
            )


async def test_a_hook_after_that_was_interrupted_leaves_the_outcome_and_a_warning(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.configure(after=[{"name": "restore", "run": ["true"]}])
        rollback_id = await died(
            here,
            State.FINISHING,
            (StepKind.EXECUTE, "api", StepState.DONE),
            (StepKind.HOOK_AFTER, "api/restore", StepState.STARTED),
        )
        here.start()
        row = await here.over(rollback_id)
        assert row.state is State.SUCCEEDED
        assert row.outcome_why == "It is back. Warning: the hook api/restore was interrupted."


async def test_looking_begins_anew(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        done = (StepKind.EXECUTE, "api", StepState.DONE)
        rollback_id = await died(here, State.VERIFYING, done, (StepKind.VERIFY, "api", StepState.STARTED))
        done_before(here, rollback_id)
        here.start()
        assert (await here.over(rollback_id)).state is State.SUCCEEDED
        assert await here.steps(rollback_id) == [
            ("execute", "api", "done"),
            ("verify", "api", "unknown"),
            ("verify", "api", "done"),
            ("recovery", "api", "done"),
        ]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (State.PREPARING, State.FAILED),
        (State.EXECUTING, State.FAILED),
        (State.VERIFYING, State.FAILED),
        (State.FINISHING, State.SUCCEEDED),
    ],
)
async def test_a_service_that_is_configured_no_more_ends_all_the_same(
    tmp_path: Path, state: State, outcome: State
) -> None:
    async with world(tmp_path) as here:
        rollback_id = await died(here, state)
        here.plans.plan = None
        here.start()
        assert (await here.over(rollback_id)).state is outcome
        assert here.ledger.lines == []
