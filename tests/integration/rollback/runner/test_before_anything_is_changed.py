"""What ends a rollback before production is touched: denials, waits, persons, hooks, last looks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.rollback.journal_port import NewRollback
from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    Level,
    Mode,
    State,
    StrategyName,
    Verdict,
)
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.rollback_world import BAD, ENVIRONMENT, GOOD, World, alert, release, world

if TYPE_CHECKING:
    from collections.abc import Callable

FIXED = "c" * 40


async def is_claimed(here: World) -> bool:
    past = await here.journal.past(ENVIRONMENT, ["api"], since=0.0)
    assert past.flights == {}
    return bool(past.claims or past.executions)


# What the policy refuses (17, 22, 23, 28): the row is final, nothing was called, the guard is named.


async def _deploys_now(here: World) -> None:
    await here.journal.record_deployment(
        release("api", FIXED), DeploymentState.STARTED, DeploymentSource.REPORTED, at=time.time() - 5
    )


async def _prometheus_is_silent(here: World) -> None:
    here.evidence.firing = [Unanswered("Prometheus did not answer")]


async def _platform_is_silent(here: World) -> None:
    here.strategies["api"].platform = PlatformFailed("The platform answered 500")


async def _is_not_configured(here: World) -> None:
    here.plans.plan = None


@pytest.mark.parametrize(
    ("happens", "guard"),
    [
        (_deploys_now, "no_deployment"),
        (_prometheus_is_silent, "still_firing"),
        (_platform_is_silent, "release_agrees"),
        (_is_not_configured, "declared"),
    ],
)
async def test_a_denial_names_the_guard_and_calls_nobody(
    tmp_path: Path, happens: Callable[[World], Any], guard: str
) -> None:
    async with world(tmp_path) as here:
        ids = await here.tell(alert())
        await happens(here)
        here.start()
        row = await here.over(ids[0])
        assert row.state is State.DENIED
        assert row.decision is not None
        assert guard in [answer.guard for answer in row.decision.unmet]
        assert here.ledger.lines == []
        assert await here.journal.steps(row.id) == []


async def test_without_a_release_to_go_back_to_nothing_is_done(tmp_path: Path) -> None:
    async with world(tmp_path, "api") as here:
        for deployment in await here.journal.deployments(service="api"):
            if deployment.release.commit == GOOD:
                await here.journal.mark(deployment.id, good=False, actor="anna", now=time.time())
        row = await here.run()
        assert row.state is State.DENIED
        assert row.decision is not None
        assert {"target_known", "target_good"} & {answer.guard for answer in row.decision.unmet}
        assert here.ledger.lines == []


# Another release arrives (18).


async def test_a_release_that_arrives_while_it_settles_supersedes_it(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.rule(settle_s=0.3)
        ids = await here.tell(alert())
        here.start()
        await here.reach(ids[0], State.SETTLING)
        await here.deployed("api", FIXED, ago_s=0)
        here.strategies["api"].running = release("api", FIXED)
        row = await here.over(ids[0])
        assert row.state is State.SUPERSEDED
        assert here.ledger.lines == []


@pytest.mark.parametrize("who_knows", ["journal", "platform"])
async def test_a_release_that_arrives_while_hooks_run_supersedes_it(tmp_path: Path, who_knows: str) -> None:
    async with world(tmp_path) as here:
        gate, passed = tmp_path / "gate", tmp_path / "passed"
        wait = f"touch {passed}; until [ -e {gate} ]; do sleep 0.02; done"
        here.configure(before=[{"name": "slow", "run": ["sh", "-c", wait]}])
        ids = await here.tell(alert())
        here.start()
        while not passed.exists():
            await asyncio.sleep(0.01)
        if who_knows == "journal":
            await here.deployed("api", FIXED, ago_s=0)
        else:
            here.strategies["api"].running = release("api", FIXED)
        gate.touch()
        row = await here.over(ids[0])
        assert row.state is State.SUPERSEDED
        assert row.outcome_why is not None
        assert row.outcome_why.startswith("Nothing was changed: ")
        assert here.ledger.lines == []
        assert not await is_claimed(here)


# Just before the order (R3: only if it still fires when execution begins).


@pytest.mark.parametrize(
    ("last", "outcome", "words"),
    [
        (False, State.CANCELLED, "the alert ended before anything was changed"),
        (Unanswered("no answer in 5 s"), State.FAILED, "nobody could say whether the alert still fires"),
    ],
)
async def test_only_what_still_fires_is_begun(
    tmp_path: Path, last: bool | Unanswered, outcome: State, words: str
) -> None:
    async with world(tmp_path) as here:
        here.configure(after=[{"name": "restore", "run": ["sh", "-c", f"touch {tmp_path}/restored"]}])
        here.evidence.firing = [True, True, last]
        row = await here.run()
        assert row.state is outcome
        assert words in (row.outcome_why or "")
        assert here.ledger.lines == []
        assert not await is_claimed(here)
        assert (tmp_path / "restored").exists()
        assert bool(here.events.calls) is (outcome is State.FAILED)


async def test_what_was_left_undone_can_be_done_for_the_next_alert(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.evidence.firing = [True, True, False, True]
        assert (await here.run()).state is State.CANCELLED
        row = await here.run(alert(ago_s=30.0))
        assert row.state is State.SUCCEEDED
        assert len(here.ledger.lines) == 1


# Hooks before (36).


@pytest.mark.parametrize(
    ("hook", "state", "words"),
    [
        ({"run": ["sh", "-c", "echo no room >&2; exit 3"]}, "failed", "ended with exit status 3: no room"),
        ({"run": ["sh", "-c", "sleep 60 & sleep 60"], "timeout": "200ms"}, "timed_out", "had not finished"),
        ({"run": ["/no/such/program"]}, "failed", "could not be started"),
        ({"run": ["echo", "{target_version}"]}, "failed", "the target release has no known version"),
        ({"url": "http://127.0.0.1:1/hook"}, "failed", "It can't be reached"),
    ],
)
async def test_a_required_hook_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, hook: dict[str, Any], state: str, words: str
) -> None:
    async with world(tmp_path) as here:
        told = tmp_path / "told"
        here.configure(
            before=[{"name": "drain", **hook}],
            after=[{"name": "restore", "run": ["sh", "-c", f"echo $ROLLWATCH_OUTCOME > {told}"]}],
        )
        row = await here.run()
        assert row.state is State.FAILED
        assert (row.outcome_why or "").startswith("Nothing was changed: the hook api/drain")
        assert words in (row.outcome_why or "")
        assert (await here.steps(row.id)) == [
            ("hook_before", "api/drain", state),
            ("hook_after", "api/restore", "done"),
        ]
        assert told.read_text() == "failed\n"
        assert here.ledger.lines == []
        assert not await is_claimed(here)


async def test_a_hook_that_is_not_required_only_leaves_a_warning(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.configure(before=[{"name": "drain", "run": ["false"], "required": False}])
        row = await here.run()
        assert row.state is State.SUCCEEDED
        assert (row.outcome_why or "").endswith("Warning: the hook api/drain failed.")


# Persons (24, 29).


async def awaiting(here: World, **rules: Any) -> str:
    here.rule(mode=Mode.APPROVE, **rules)
    ids = await here.tell(alert())
    here.start()
    await here.reach(ids[0], State.AWAITING_APPROVAL)
    return ids[0]


async def test_nobody_approves_in_time(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        rollback_id = await awaiting(here, approval_ttl_s=0.2)
        row = await here.over(rollback_id)
        assert row.state is State.EXPIRED
        assert await here.journal.approve(rollback_id, "anna", time.time()) is None
        assert here.ledger.lines == []
        assert here.events.calls == ["Nobody approved the rollback in time."]


async def test_approved_twice_is_done_once(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        rollback_id = await awaiting(here)
        for who in ("anna", "ben"):
            assert await here.journal.approve(rollback_id, who, time.time()) is not None
        here.lives[0][0].wake()
        row = await here.over(rollback_id)
        assert (row.state, row.approved_by) == (State.SUCCEEDED, "anna")
        assert len(here.ledger.lines) == 1


async def test_approved_after_the_alert_was_resolved_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        one = alert()
        here.rule(mode=Mode.APPROVE)
        ids = await here.tell(one)
        here.start()
        await here.reach(ids[0], State.AWAITING_APPROVAL)
        await here.tell(replace(one, is_firing=False, ends_at=time.time()))
        here.evidence.firing = [False]
        await here.journal.approve(ids[0], "anna", time.time())
        here.lives[0][0].wake()
        row = await here.over(ids[0])
        assert row.state is State.DENIED
        assert row.approved_by is None
        assert here.ledger.lines == []


async def test_cancelled_while_a_hook_runs_ends_before_the_order(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        gate, passed = tmp_path / "gate", tmp_path / "passed"
        wait = f"touch {passed}; until [ -e {gate} ]; do sleep 0.02; done"
        here.configure(before=[{"name": "slow", "run": ["sh", "-c", wait]}])
        ids = await here.tell(alert())
        here.start()
        while not passed.exists():
            await asyncio.sleep(0.01)
        assert await here.journal.cancel(ids[0], "anna", "it is the database", time.time()) is not None
        gate.touch()
        row = await here.over(ids[0])
        assert row.state is State.CANCELLED
        assert row.outcome_why == "Cancelled by anna before anything was changed."
        assert here.ledger.lines == []
        assert not await is_claimed(here)


async def test_cancelled_after_the_point_of_no_return_is_too_late(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        answers: list[object] = []

        async def cancel(_: object) -> None:
            row = (await here.journal.open_rollbacks())[0]
            answers.append(await here.journal.cancel(row.id, "anna", "no", time.time()))

        here.strategies["api"].on_execute = cancel
        row = await here.run()
        assert answers == [None]
        assert row.state is State.SUCCEEDED


# Two for one (19, 27).


async def test_of_two_alerts_about_one_service_the_first_that_came_wins(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        ids = await here.tell(alert(), replace(alert(), fingerprint="1111111111111111"))
        here.start()
        first, second = await here.over(ids[0]), await here.over(ids[1])
        assert (first.state, second.state) == (State.SUCCEEDED, State.DENIED)
        assert second.decision is not None
        assert second.decision.verdict is Verdict.DENY
        assert first.id in " ".join(answer.why for answer in second.decision.unmet)
        assert len(here.ledger.lines) == 1


async def test_what_was_taken_back_once_is_not_taken_back_again(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert (await here.run()).state is State.SUCCEEDED
        await here.deployed("api", BAD, ago_s=0)
        here.strategies["api"].running = release("api", BAD)
        row = await here.run(replace(alert(ago_s=-1.0), fingerprint="1111111111111111"))
        assert row.state is State.DENIED
        assert len(here.ledger.lines) == 1


async def test_a_person_finds_a_rollback_running_and_is_told_which(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        go = asyncio.Event()

        async def wait(_: object) -> None:
            await go.wait()

        here.strategies["api"].on_execute = wait
        ids = await here.tell(alert())
        worker = here.start()
        await here.reach(ids[0], State.EXECUTING)
        wish = NewRollback(Level.EMERGENCY, ENVIRONMENT, "api", "api", "anna", "now")
        other = await here.journal.create(wish, time.time())
        worker.wake()
        denied = await here.over(other.id)
        assert denied.state is State.DENIED
        assert denied.decision is not None
        assert ids[0] in denied.decision.why
        go.set()
        assert (await here.over(ids[0])).state is State.SUCCEEDED
        assert here.strategies["api"].name is StrategyName.COMMAND
        assert len(here.ledger.lines) == 1
