"""From an alert, or a person's wish, to a verified good release: real journal, policy, hooks and programs."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollwatch.rollback.journal_port import NewRollback
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, Level, Mode, State
from rollwatch.rollback.strategies.pull_request import Proposal
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.rollback_world import BAD, ENVIRONMENT, GOOD, alert, world

SEEN = "env | grep ^ROLLWATCH_ | sort > {}"


async def test_a_bad_release_is_taken_back_once_and_verified(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        row = await here.run()
        assert row.state is State.SUCCEEDED
        assert row.outcome_why == f"api runs {GOOD[:12]} again."
        assert here.ledger.lines == [f"{row.id}/api commit:{BAD} -> commit:{GOOD}"]
        assert await here.steps(row.id) == [
            ("execute", "api", "done"),
            ("verify", "api", "done"),
            ("recovery", "api", "done"),
        ]
        moves = [after for _, _, after in here.events.moves]
        assert moves == ["settling", "preparing", "executing", "verifying", "finishing", "succeeded"]
        ours = (await here.journal.deployments(service="api"))[0]
        assert (ours.source, ours.state) == (DeploymentSource.ROLLBACK, DeploymentState.FINISHED)
        assert ours.rollback_id == row.id
        assert ours.release.commit == GOOD
        assert here.observer.steps[0] == ("execute", "api", "done")
        assert row.asked == 2


async def test_a_unit_goes_back_in_its_declared_order_under_one_decision(tmp_path: Path) -> None:
    async with world(tmp_path, "web", "api", "jobs") as here:
        row = await here.run(alert("api"))
        assert row.state is State.SUCCEEDED
        assert [line.split()[0] for line in here.ledger.lines] == [
            f"{row.id}/web",
            f"{row.id}/api",
            f"{row.id}/jobs",
        ]
        verified = [name for kind, name, _ in await here.steps(row.id) if kind == "verify"]
        assert verified == ["web", "api", "jobs"]


async def test_a_unit_stops_at_the_first_service_that_can_not_go_back(tmp_path: Path) -> None:
    async with world(tmp_path, "web", "api", "jobs") as here:
        here.strategies["api"].result = here.strategies["api"].result.FAILED
        here.strategies["api"].detail = "The platform said no."
        row = await here.run(alert("api"))
        assert row.state is State.FAILED
        assert row.outcome_why == "api: The platform said no. Already taken back: web."
        assert [line.split()[0] for line in here.ledger.lines] == [f"{row.id}/web", f"{row.id}/api"]


async def test_dry_run_decides_and_does_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.rule(mode=Mode.DRY_RUN)
        row = await here.run()
        assert row.state is State.DRY_RUN
        assert row.decision is not None
        assert row.decision.going[0].target.commit == GOOD
        assert here.ledger.lines == []
        assert await here.journal.steps(row.id) == []


async def test_a_person_waits_for_no_settling(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.rule(settle_s=3600.0, mode=Mode.DRY_RUN)
        wish = NewRollback(Level.MANUAL, ENVIRONMENT, "api", "api", "anna", "checkout is broken")
        row = await here.journal.create(wish, time.time())
        here.start()
        row = await here.over(row.id)
        assert row.state is State.SUCCEEDED
        assert ("recovery", "api", "done") not in await here.steps(row.id)


async def test_hooks_are_told_what_it_is_about_and_how_it_ended(tmp_path: Path) -> None:
    heard: list[tuple[dict[str, Any], str | None]] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append((await request.json(), request.headers.get("Authorization")))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", hear)
    async with TestServer(app) as server, world(tmp_path) as here:
        hook = {"url": str(server.make_url("/hook")), "headers": {"Authorization": "Bearer open-sesame"}}
        before, after, smoke = (tmp_path / name for name in ("before", "after", "smoke"))
        here.configure(
            before=[
                {"name": "drain", **hook},
                {
                    "name": "save",
                    "run": ["sh", "-c", f'{SEEN.format(before)}; echo "$1"', "sh", "{target_commit}"],
                },
            ],
            after=[
                {"name": "restore", "run": ["sh", "-c", SEEN.format(after)]},
                {"name": "notify", **hook},
            ],
            smoke={"run": ["sh", "-c", SEEN.format(smoke)]},
        )
        row = await here.run()
        assert row.state is State.SUCCEEDED
        assert await here.steps(row.id) == [
            ("hook_before", "api/drain", "done"),
            ("hook_before", "api/save", "done"),
            ("execute", "api", "done"),
            ("verify", "api", "done"),
            ("recovery", "api", "done"),
            ("smoke", "api", "done"),
            ("hook_after", "api/restore", "done"),
            ("hook_after", "api/notify", "done"),
        ]
        saved = next(one for one in await here.journal.steps(row.id) if one.name == "api/save")
        assert saved.output.strip() == GOOD
        said = {
            "event": "hook_before",
            "rollback_id": row.id,
            "service": "api",
            "environment": ENVIRONMENT,
            "bad": {"commit": BAD, "version": None, "platform_id": None},
            "target": {"commit": GOOD, "version": None, "platform_id": None},
            "outcome": None,
        }
        assert heard == [
            (said, "Bearer open-sesame"),
            (said | {"event": "hook_after", "outcome": "succeeded"}, "Bearer open-sesame"),
        ]
        variables = dict(line.split("=", 1) for line in after.read_text().splitlines())
        assert variables == {
            "ROLLWATCH_EVENT": "hook_after",
            "ROLLWATCH_ROLLBACK_ID": row.id,
            "ROLLWATCH_SERVICE": "api",
            "ROLLWATCH_ENVIRONMENT": ENVIRONMENT,
            "ROLLWATCH_BAD": BAD,
            "ROLLWATCH_TARGET": GOOD,
            "ROLLWATCH_OUTCOME": "succeeded",
        }
        assert "ROLLWATCH_OUTCOME=\n" in before.read_text()
        assert "ROLLWATCH_EVENT=smoke" in smoke.read_text()
        assert "open-sesame" not in json.dumps(
            [one.detail + one.output for one in await here.journal.steps(row.id)]
        )


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (Proposal("https://forge.example/pulls/7", "It was opened"), "done", "https://forge.example/pulls/7"),
        (Proposal(None, "main does not hold it any more"), "skipped", "main does not hold it any more"),
        (PlatformFailed("GitHub did not answer"), "failed", "GitHub did not answer"),
    ],
)
async def test_a_revert_is_proposed_and_changes_no_outcome(
    tmp_path: Path, answer: Proposal | PlatformFailed, state: str, said: str
) -> None:
    async with world(tmp_path) as here:
        (tmp_path / "token").write_text("a-token-of-a-forge")
        proposing = {"token": "${file:token}", "repository": "acme/api"}
        await asyncio.to_thread(here.configure, pull_request=proposing)
        here.proposer.answer = answer
        row = await here.run()
        assert row.state is State.SUCCEEDED
        assert (await here.steps(row.id))[-1] == ("propose", "api", state)
        assert row.outcome_why is not None
        assert said in row.outcome_why
        assert here.events.urls == ([said] if state == "done" else [])
