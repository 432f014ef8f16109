"""What a strategy only pushes is put into production by somebody else: done is what somebody saw there."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, State
from support.rollback_world import BAD, ENVIRONMENT, GOOD, release, world

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.rollback.strategies.strategy import Order
    from support.rollback_world import World

REVERT = release("api", "e" * 40)


def pushing(here: World, *reports: DeploymentState, timeout_s: float = 30.0) -> None:
    """The strategy makes a revert; CI deploys it and reports these."""
    strategy = here.strategies["api"]
    strategy.made = REVERT
    strategy.timeout_s = timeout_s
    strategy.running = None  # git can't know what runs

    async def deploy(order: Order) -> None:
        for state in reports:
            await here.journal.record_deployment(REVERT, state, DeploymentSource.REPORTED, at=time.time())

    strategy.on_execute = deploy


@pytest.mark.parametrize(
    ("reports", "outcome", "says"),
    [
        ((DeploymentState.STARTED, DeploymentState.FINISHED), State.SUCCEEDED, "runs"),
        ((DeploymentState.STARTED, DeploymentState.FAILED), State.FAILED, "Its deployment has failed"),
        ((DeploymentState.STARTED,), State.TIMED_OUT, "Nobody has said that it was deployed"),
        ((), State.TIMED_OUT, "Nobody has said that it was deployed"),
    ],
)
async def test_a_push_is_done_when_somebody_says_that_it_was_deployed(
    tmp_path: Path, reports: tuple[DeploymentState, ...], outcome: State, says: str
) -> None:
    async with world(tmp_path) as here:
        pushing(here, *reports, timeout_s=30.0 if outcome is not State.TIMED_OUT else 0.5)
        row = await here.run()

        assert row.state is outcome
        assert says in (row.outcome_why or "")
        ours = [one for one in await here.journal.deployments(service="api") if one.rollback_id == row.id]
        assert [one.release for one in ours] == [REVERT]


async def test_or_when_health_endpoints_report_the_targets_version(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for commit, version, ago_s in ((GOOD, "1.4.2", 7000.0), (BAD, "1.5.0", 280.0)):
            await here.deployed("api", commit, ago_s=ago_s, version=version)
        pushing(here, timeout_s=5.0)
        strategy = here.strategies["api"]
        here.evidence.version = "1.5.0"

        async def deploy(_: Order) -> None:
            here.evidence.version = "1.4.2"

        strategy.on_execute = deploy
        strategy.made = replace(REVERT, version="1.4.2")

        assert (await here.run()).state is State.SUCCEEDED


async def test_that_the_targets_version_ran_before_says_nothing_of_the_revert(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for commit, version, ago_s in ((GOOD, "1.4.2", 7000.0), (BAD, "1.5.0", 280.0)):
            await here.deployed("api", commit, ago_s=ago_s, version=version)
        seen = Release("api", ENVIRONMENT, version="1.4.2")
        await here.journal.record_deployment(
            seen, DeploymentState.FINISHED, DeploymentSource.HEALTH, at=time.time() - 3600
        )
        pushing(here, timeout_s=0.5)
        here.strategies["api"].made = replace(REVERT, version="1.4.2")
        here.evidence.version = "1.5.0"

        assert (await here.run()).state is State.TIMED_OUT
