"""`rollwatch rollback deployments` and `mark` as clients of a real handler."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from click.testing import CliRunner, Result

from rollwatch.cli import cli
from rollwatch.rollback.model.words import Role
from support.rollback_web import token, web

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_release_is_found_marked_and_unmarked(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        listed = await _run(here.url, "deployments", "--service", "api", role=Role.READ)
        deployments = await here.journal.deployments(service="api")
        ids = [line.split()[0] for line in listed.output.splitlines()[1:]]
        assert ids == [one.id for one in deployments]
        oldest = ids[-1]
        for said, marked in (("good", True), ("bad", False), ("none", None)):
            told = await _run(here.url, "mark", oldest, said, "--actor", "alice", role=Role.TRIGGER)
            assert told.return_value == 0, told.output
            assert (await here.journal.deployments(service="api"))[-1].marked is marked
        refused = await _run(here.url, "mark", oldest, "good", role=Role.READ)
        assert (refused.return_value, "role read" in refused.output) == (2, True)
        unknown = await _run(here.url, "mark", "dp-of-nobody", "good", role=Role.TRIGGER)
        assert (unknown.return_value, "no deployment of this id" in unknown.output) == (2, True)


async def _run(url: str, *args: str, role: Role) -> Result:
    runner = CliRunner(env={"ROLLWATCH_ROLLBACK_URL": url, "ROLLWATCH_ROLLBACK_TOKEN": token(role)})
    with structlog.testing.capture_logs():
        return await asyncio.to_thread(runner.invoke, cli, ["rollback", *args], standalone_mode=False)
