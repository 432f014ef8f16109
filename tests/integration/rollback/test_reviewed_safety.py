"""What a hostile reader found that a rollback might do, and must not: each would be an accident."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rollwatch.clock import SystemClock
from rollwatch.metrics.store import Store
from rollwatch.rollback.events.poster import Poster
from rollwatch.rollback.metrics import HandlerMetrics
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    ExecutionResult,
    State,
    StrategyName,
)
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.ports import JournalFailed, ProbeNow, ServiceNow
from rollwatch.rollback.strategies.strategy import Execution
from support.rollback_fakes import FakeEvidence, FakeStrategy
from support.rollback_world import ALERT, BAD, ENVIRONMENT, GOOD, alert, release, world
from support.rollback_wrapped import wrapped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from rollwatch.rollback.events.channel import Channel
    from rollwatch.rollback.policy.facts import Known
    from rollwatch.rollback.strategies.strategy import Note, Order

FIXED, REVERT = "c" * 40, "e" * 40


# A release that is right is taken back.


@pytest.mark.parametrize(
    ("state", "began_s", "outcome"),
    [
        (DeploymentState.FINISHED, 30.0, State.SUPERSEDED),
        (DeploymentState.STARTED, 30.0, State.SUPERSEDED),
        (DeploymentState.STARTED, 3600.0, State.SUCCEEDED),
        (DeploymentState.FAILED, 30.0, State.SUCCEEDED),
    ],
    ids=["another release runs", "it is being deployed", "begun long ago and never ended", "it failed"],
)
async def test_what_was_deployed_before_the_decision_and_told_after_it_is_seen(
    tmp_path: Path, state: DeploymentState, began_s: float, outcome: State
) -> None:
    """A platform is looked at once a minute, and CI says when it was: both tell of the past."""
    async with world(tmp_path) as here:
        here.strategies["api"].running = None  # nobody but the journal knows
        gate, passed = tmp_path / "gate", tmp_path / "passed"
        wait = f"touch {passed}; until [ -e {gate} ]; do sleep 0.02; done"
        here.configure(before=[{"name": "slow", "run": ["sh", "-c", wait]}])
        ids = await here.tell(alert())
        here.start()
        await here.until(ids[0], lambda _: passed.exists())
        await here.journal.record_deployment(
            release("api", FIXED), state, DeploymentSource.PLATFORM, at=time.time() - began_s
        )
        gate.touch()

        assert (await here.over(ids[0])).state is outcome
        assert len(here.ledger.lines) == (outcome is State.SUCCEEDED)


async def test_what_arrives_while_the_last_answers_are_gathered_is_seen(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.strategies["api"].running = None
        asked = []

        async def deploy(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            """The journal is read first; the decision is written when something has been deployed."""
            found = await call()
            asked.append(name)
            if name == "past" and asked.count("past") == 2:
                await here.deployed("api", FIXED, ago_s=0)
            return found

        ids = await here.tell(alert())
        here.start("one", wrapped(here.journal, deploy))

        assert (await here.over(ids[0])).state is State.SUPERSEDED
        assert here.ledger.lines == []


# It is done twice.


async def test_another_strategy_does_not_begin_anew_what_the_first_one_began(tmp_path: Path) -> None:
    """The handler died in an order; somebody configured another strategy, and started it again."""
    async with world(tmp_path) as here:
        begun = asyncio.Event()

        async def hang(_: Order) -> None:
            begun.set()
            await asyncio.sleep(60)

        strategy = here.strategies["api"]
        strategy.on_execute = hang
        ids = await here.tell(alert())
        worker = here.start()
        await asyncio.wait_for(begun.wait(), 10)
        # The process ends; what it began goes on outside, and nobody has seen its end.
        assert await worker.end() == ids
        await here.journal.release(ids[0], "one")

        strategy.on_execute = None
        strategy.name = StrategyName.GIT_REVERT
        here.start("two")
        row = await here.over(ids[0])

        assert row.state is State.UNKNOWN
        assert "begun by strategy command" in (row.outcome_why or "")
        assert here.ledger.lines == []
        for task in asyncio.all_tasks():
            if task.get_name() == f"rollback {ids[0]}":
                task.cancel()


# It is called a success and is none.


def by_id(name: str) -> Release:
    return Release("api", ENVIRONMENT, platform_id=name)


def up(
    version: str | None = None, *, at: float = 0.0, changed_at: float | None = None, ahead_s: float = 0.0
) -> ServiceNow:
    return ServiceNow(version, changed_at, (ProbeNow("api/health", "up", "ok", at, critical=True),), ahead_s)


@pytest.mark.parametrize(
    ("view", "platform", "words"),
    [
        (up("1.0.0"), release("api", BAD, "1.0.0"), "the platform says that"),
        (up("1.0.0"), release("api", GOOD, "1.0.0"), None),
    ],
    ids=["the bad one runs", "the target runs"],
)
async def test_a_version_that_never_changes_proves_nothing(
    tmp_path: Path, view: ServiceNow, platform: Release, words: str | None
) -> None:
    """Many services report the same version for ever: then the platform must say what runs."""
    async with world(tmp_path) as here:
        await here.deployed("api", GOOD, ago_s=7100, version="1.0.0")
        await here.deployed("api", BAD, ago_s=290, version="1.0.0")
        strategy = here.strategies["api"]
        strategy.changes_release = False
        here.evidence.views = [view]

        async def deploy(_: Order) -> None:
            strategy.running = platform

        strategy.on_execute = deploy
        row = await here.run()

        assert row.state is (State.SUCCEEDED if words is None else State.FAILED), row.outcome_why
        assert (words or "") in (row.outcome_why or "")


@pytest.mark.parametrize(("changes", "outcome"), [(True, State.SUCCEEDED), (False, State.FAILED)])
async def test_a_version_nobody_can_place_must_have_changed(
    tmp_path: Path, changes: bool, outcome: State
) -> None:
    """CI tells commits, health endpoints a version; a command ends well and may have changed nothing."""
    async with world(tmp_path) as here:
        here.strategies["api"].running = None
        here.evidence.views = [up("2026.1", changed_at=time.time() - 300)]

        async def deploy(_: Order) -> None:
            if changes:
                here.evidence.views = [up("2026.0", changed_at=time.time())]

        here.strategies["api"].on_execute = deploy
        row = await here.run()

        assert row.state is outcome, row.outcome_why
        if not changes:
            assert "it reports version 2026.1, as before the rollback" in (row.outcome_why or "")


async def test_the_commit_of_the_revert_is_the_right_version(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for commit, version, ago_s in ((GOOD, GOOD[:12], 7000.0), (BAD, BAD[:12], 280.0)):
            await here.deployed("api", commit, ago_s=ago_s, version=version)
        strategy = here.strategies["api"]
        strategy.made, strategy.running = release("api", REVERT), None
        here.evidence.version = BAD[:12]

        async def deploy(_: Order) -> None:
            await here.journal.record_deployment(
                release("api", REVERT), DeploymentState.FINISHED, DeploymentSource.REPORTED, at=time.time()
            )
            here.evidence.version = REVERT[:12]

        strategy.on_execute = deploy
        row = await here.run()

        assert row.state is State.SUCCEEDED, row.outcome_why


async def test_runs_of_the_bad_release_are_not_counted_because_a_clock_is_ahead(tmp_path: Path) -> None:
    async with world(tmp_path) as here:

        class Ahead(FakeEvidence):
            async def service_now(self, service: str) -> Known[ServiceNow]:
                """The exporter's clock is half a minute ahead, and no probe has run since the order."""
                return up(at=began + 30, ahead_s=30.0)

        began = time.time()
        here.evidence = Ahead()
        row = await here.run()

        assert row.state is State.FAILED
        assert "has not run since the rollback" in (row.outcome_why or "")


async def test_the_alert_of_another_service_of_the_unit_must_be_over(tmp_path: Path) -> None:
    """api fires since web was deployed: web goes back, and api fires on."""
    async with world(tmp_path, "api", "web") as here:
        here.rule(triggers={"api": {ALERT: 10.0}, "web": {ALERT: 1800.0}})
        here.evidence.back = [False]
        row = await here.run()

        assert [going.service for going in row.going] == ["web"]
        assert row.state is State.FAILED
        assert "still fires" in (row.outcome_why or "")


async def test_a_platform_that_knows_releases_by_its_ids_only_makes_another_id(tmp_path: Path) -> None:
    """Railway, without commits: going back to d-1 is deployment d-3. It is ours, and never taken back."""

    class ByIds(FakeStrategy):
        async def execute(self, order: Order, note: Note) -> Execution:
            await asyncio.to_thread(self.ledger.add, order.id)
            self.running = by_id("d-3")
            return Execution(ExecutionResult.DONE, "It is done.", platform_id="d-3")

    async with world(tmp_path) as here:
        for name, ago_s in (("d-1", 3600.0), ("d-2", 200.0)):
            await here.journal.record_deployment(
                by_id(name), DeploymentState.FINISHED, DeploymentSource.PLATFORM, at=time.time() - ago_s
            )
        strategy = here.strategies["api"] = ByIds(here.ledger, running=by_id("d-2"))
        services = {"api": replace(here.plan.services["api"], strategy=strategy)}
        here.plans.plan = replace(here.plan, services=services)
        row = await here.run()
        assert row.state is State.SUCCEEDED, row.outcome_why

        # The platform lists it; the alert fires once more.
        await here.journal.record_deployment(
            by_id("d-3"), DeploymentState.FINISHED, DeploymentSource.PLATFORM, at=time.time()
        )
        again = await here.run(alert(ago_s=0, fingerprint="2" * 16))

        assert again.state is State.DENIED
        assert again.decision is not None
        assert "not_our_own" in {one.guard for one in again.decision.unmet}
        assert len(here.ledger.lines) == 1


# A rollback is stuck.


async def test_a_row_that_can_not_be_read_stands_in_nobodys_way(tmp_path: Path) -> None:
    """Written by another version, or changed by hand: the others are carried out all the same."""
    async with world(tmp_path) as here:
        (broken,) = await here.tell(replace(alert("web"), fingerprint="1" * 16))
        (whole,) = await here.tell(alert())

        async def unreadable(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            found = await call()
            if name in {"get", "lease"} and found is not None and found.id == broken:
                raise JournalFailed(f"its rollback {broken} is not as this rollwatch writes it")
            return found

        here.start("one", wrapped(here.journal, unreadable))

        assert (await here.over(whole)).state is State.SUCCEEDED


async def test_a_storm_of_denials_does_not_end_the_news_of_a_failure(tmp_path: Path) -> None:
    """What is not told any more counts as resolved: whoever was paged would think that it is over."""

    class Told:
        alerts: list[dict[str, Any]]

        async def tell_alertmanager(self, alerts: list[dict[str, Any]]) -> str | None:
            self.alerts = alerts
            return None

    async with world(tmp_path) as here:
        here.evidence.back = [Unanswered("Prometheus is gone")]
        failed = await here.run()
        assert failed.state is State.FAILED
        await here.stop()
        storm = [replace(alert("api"), fingerprint=f"{number:016x}") for number in range(150)]
        for one in await here.tell(*storm):
            row = await here.journal.lease(one, "storm", time.time(), time.time() + 60)
            assert row is not None
            await here.journal.move(row, State.DENIED, now=time.time(), by="storm", why="denied")
        told, clock = Told(), SystemClock()
        metrics = HandlerMetrics(Store(), clock.wall())
        poster = Poster(here.journal, cast("Channel", told), clock, metrics, lambda *_: {})
        await poster.post()

        assert [one["labels"]["rollback_id"] for one in told.alerts] == [failed.id]
