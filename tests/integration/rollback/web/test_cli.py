"""`rollwatch rollback …` as a client of a real handler."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import pytest
import structlog
from aiohttp import web as http
from click.testing import CliRunner

from rollwatch.cli import cli
from rollwatch.cli.exits import Exit
from rollwatch.errors import RollwatchError
from rollwatch.rollback.model.words import Mode, Role, State
from support.bridge_running import far_end
from support.rollback_notifications import notification
from support.rollback_web import Web, firing, token, web

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def run(
    url: str, *args: str, role: Role | None = Role.APPROVE, given: str | bytes | None = None
) -> Told:
    """The command, in a thread of this process."""
    environ = {"ROLLWATCH_ROLLBACK_URL": url}
    if role is not None:
        environ["ROLLWATCH_ROLLBACK_TOKEN"] = token(role)

    def invoke() -> Told:
        runner = CliRunner(env=environ)
        result = runner.invoke(cli, ["rollback", *args], input=given, standalone_mode=False)
        if isinstance(result.exception, RollwatchError):
            return Told(Exit.USAGE, f"{result.output}{result.exception}")
        if isinstance(result.exception, click.ClickException):
            return Told(result.exception.exit_code, result.exception.format_message())
        if result.exception is not None:
            raise result.exception
        return Told(int(result.return_value or 0), result.output)

    # The runner takes over standard output, to which the handler in this process would log.
    with structlog.testing.capture_logs():
        return await asyncio.to_thread(invoke)


async def awaiting(here: Web) -> str:
    here.world.rule(mode=Mode.APPROVE)
    [rollback_id] = (await here.deliver(firing())).json["rollbacks"]
    await here.reached(rollback_id, State.AWAITING_APPROVAL)
    return str(rollback_id)


async def test_a_trigger_is_followed_step_by_step_to_its_end(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        told = await run(
            here.url, "trigger", "api", "--reason", "checkout is broken", "--actor", "alice", "--wait"
        )
        assert told.code == 0, told.out
        assert "decision: proceed" in told.out
        assert "✓  1 execute api done" in told.out
        lines = told.out.splitlines()
        moves = [line.split()[2] for line in lines if line.startswith("20")]
        assert moves[0] == "received"
        assert moves[-1] == "succeeded"
        rollback_id = lines[0].split()[0]
        assert len(moves) == len(await here.journal.transitions(rollback_id)), "each is printed once"
        shown = await run(here.url, "show", rollback_id)
        assert "manual, by alice (token the-approve): checkout is broken" in shown.out
        history = await run(here.url, "history")
        assert "succeeded" in history.out


async def test_a_denied_trigger_ends_with_1_and_says_which_guard(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        await run(here.url, "pause", "--reason", "migration", "--actor", "dave")
        told = await run(here.url, "trigger", "api", "--reason", "x", "--actor", "alice", "--wait")
        assert told.code == 1
        assert "decision: deny" in told.out
        assert "✗ " in told.out
        dry = await run(here.url, "trigger", "api", "--reason", "x", "--dry-run", "--json")
        assert (dry.code, dry.json["state"]) == (1, "denied")
        resumed = await run(here.url, "resume")
        assert (resumed.code, resumed.out) == (0, "Nothing is paused.\n")
        dry = await run(here.url, "trigger", "api", "--reason", "x", "--dry-run")
        assert (dry.code, "dry run" in dry.out) == (0, True)
        assert here.world.ledger.lines == []


async def test_status_shows_what_to_do_next(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        rollback_id = await awaiting(here)
        await run(here.url, "pause", "--reason", "until 10:00", "--actor", "dave", "--service", "api")
        told = await run(here.url, "status", role=Role.READ)
        assert told.code == 0
        for part in (
            "rollbacks of production: on",
            "api paused for",
            "by dave (token the-approve): until 10:00",
            f"rollwatch rollback approve {rollback_id}",
            "RollbackHttpErrorRatio of api",
        ):
            assert part in told.out
        as_json = await run(here.url, "status", "--json")
        assert as_json.json["awaiting_approval"][0]["id"] == rollback_id


async def test_approve_and_cancel(tmp_path: Path) -> None:
    async with web(tmp_path, "api", "shop") as here:
        first = await awaiting(here)
        approved = await run(here.url, "approve", first, "--actor", "carol")
        assert approved.code == 0, approved.out
        assert (await here.world.over(first)).state is State.SUCCEEDED
        again = await run(here.url, "approve", first)
        assert (again.code, "nothing to approve" in again.out) == (1, True)
        cancelled = await run(here.url, "cancel", first, "--reason", "no")
        assert (cancelled.code, "can't be cancelled" in cancelled.out) == (1, True)
        counted = await run(here.url, "breaker", "api")
        assert counted.code == 0


async def test_explain_reads_a_file_or_standard_input(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        body = notification(firing(), firing("unheard-of"))
        path = tmp_path / "alert.json"
        await asyncio.to_thread(path.write_bytes, body)
        told = await run(here.url, "explain", str(path), role=Role.READ)
        assert told.code == 0
        assert "decision: proceed" in told.out
        assert "unheard-of" in told.out
        denied = await run(here.url, "explain", "-", given=notification(firing("unheard-of")))
        assert (denied.code, "decision: deny" in denied.out) == (1, True)
        wrong = await run(here.url, "explain", "-", given=b"{}")
        assert (wrong.code, "version 4" in wrong.out) == (2, True)


async def test_ci_reports_a_deployment(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        args = ("deployment", "finished", "--service", "api", "--commit", "c" * 40, "--version", "1.5.0")
        told = await run(here.url, *args, "--migration", role=Role.DEPLOY)
        assert told.code == 0, told.out
        assert "finished  api 1.5.0 (cccccccccccc), production" in told.out
        [newest] = await here.journal.deployments(limit=1)
        assert (newest.release.version, newest.migration) == ("1.5.0", True)
        nothing = await run(here.url, "deployment", "failed", "--service", "api", role=Role.DEPLOY)
        assert (nothing.code, "--commit" in nothing.out) == (2, True)


async def test_refusals_are_told_with_what_to_do(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        unknown = await run(here.url, "trigger", "nobody", "--reason", "x")
        assert (unknown.code, "Declared with a section rollback: api." in unknown.out) == (2, True)
        no_token = await run(here.url, "status", role=None)
        assert (no_token.code, "token" in no_token.out) == (2, True)
        other_role = await run(here.url, "pause", "--reason", "x", role=Role.READ)
        assert (other_role.code, "role read" in other_role.out) == (2, True)
        no_reason = await run(here.url, "trigger", "api")
        assert (no_reason.code, "--reason" in no_reason.out) == (2, True)
        nowhere = await run(here.url, "show", "rb-1")
        assert (nowhere.code, "no rollback of this id" in nowhere.out) == (2, True)


async def test_who_cant_be_reached_or_is_somebody_else_is_no_answer(tmp_path: Path) -> None:
    closed = await run("http://127.0.0.1:1", "approve", "rb-1")
    assert (closed.code, "can't be reached" in closed.out, "--url" in closed.out) == (3, True, True)
    async with far_end(lambda _: http.Response(text="<html>", content_type="text/html")) as other:
        told = await run(other.url, "status")
        assert (told.code, "Is http" in told.out) == (3, True)
    for url in ("ftp://x", "127.0.0.1:9718"):
        assert (await run(url, "status")).code == 2


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        calls = []

        async def once_lost(call: Any) -> http.Response:
            calls.append(call)
            headers = {
                name: value
                for name, value in call.headers.items()
                if name in {"Authorization", "Content-Type", "Idempotency-Key"}
            }
            async with here.session.post(f"{here.url}{call.path}", data=call.body, headers=headers) as answer:
                text = await answer.text()
                if len(calls) == 1:
                    return http.Response(status=503, text="the proxy lost it")
                return http.Response(status=answer.status, text=text, content_type="application/json")

        async with far_end(once_lost) as proxy:
            told = await run(proxy.url, "trigger", "api", "--reason", "x", "--dry-run", "--json")
        assert (told.code, told.json["state"], len(calls)) == (0, "dry_run", 2)
        assert len({call.headers["Idempotency-Key"] for call in calls}) == 1
        assert await here.rows() == 1


@pytest.mark.parametrize("content", [b"", b"two words", b"line\nline", b"\xff\xfe"])
async def test_a_token_file_that_holds_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    await asyncio.to_thread(path.write_bytes, content)
    told = await run("http://127.0.0.1:1", "status", "--token-file", str(path), role=None)
    assert (told.code, "holds no token" in told.out) == (2, True)


async def test_as_a_process_with_a_token_file(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        path = tmp_path / "token"
        await asyncio.to_thread(path.write_text, token(Role.READ) + "\n")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "rollwatch", "rollback", "trigger", "api", "--reason", "x"),
            *("--url", here.url, "--token-file", str(path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert (process.returncode, out) == (2, b"")
        assert b"the-read has the role read" in err
