"""The control endpoint obeys the command line and nobody's web page."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.demo.announcement import announce
from rollwatch.demo.control.client import ControlClient
from rollwatch.demo.control.server import TOKEN_HEADER
from rollwatch.demo.faults import Fault
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Visitor

# Says that it listens, and is gone.
ANNOUNCING = """
import pathlib, sys
from rollwatch.demo.announcement import announce
from rollwatch.demo.rundir import RunDir
announce(RunDir(pathlib.Path(sys.argv[1])), {"control": 1})
"""
SWITCH_ON = {"fault": "slow", "on": True}


def token(visitor: Visitor) -> str:
    return visitor.run_dir.control_token.read_text().strip()


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({}, SWITCH_ON, 401, id="a form or a simple fetch: no token"),
        pytest.param({TOKEN_HEADER: "guess"}, SWITCH_ON, 401, id="a wrong token"),
        pytest.param({TOKEN_HEADER: "\u00fc"}, SWITCH_ON, 401, id="a token that is no ASCII"),
        pytest.param({"Host": "evil.example"}, SWITCH_ON, 403, id="a name rebound to loopback"),
        pytest.param({"Content-Type": "text/plain"}, SWITCH_ON, 415, id="a content type a form can send"),
        pytest.param({}, {"fault": "nonsense", "on": True}, 400, id="no such fault"),
        pytest.param({}, {"fault": "slow", "on": "yes"}, 400, id="on is no boolean"),
        pytest.param({}, {"fault": "slow", "on": True, "for_s": 0}, 400, id="for no time"),
        pytest.param({}, {"fault": "slow", "on": True, "for_s": True}, 400, id="for true seconds"),
        pytest.param({}, {"fault": "slow", "on": True, "for_s": float("nan")}, 400, id="for NaN seconds"),
        pytest.param({}, ["slow"], 400, id="no object"),
    ],
)
async def test_a_wrong_request_changes_nothing_and_says_why(
    visitor: Visitor, headers: dict[str, str], body: Any, expected: int
) -> None:
    if expected != 401:
        headers = {TOKEN_HEADER: token(visitor), **headers}

    async with visitor.session.post(
        visitor.url("control", "/faults"), json=body, headers=headers
    ) as response:
        answer = await response.json()

    assert response.status == expected
    assert answer["error"]
    assert not visitor.production.board.is_on(*Fault)


async def test_reading_the_faults_needs_the_token_too(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.url("control", "/faults")) as response:
        assert response.status == 401


async def test_the_client_switches_what_it_says(visitor: Visitor) -> None:
    client = await client_of(visitor)

    states = await asyncio.to_thread(client.switch_on, Fault.SLOW, for_s=60.0)
    assert states[Fault.SLOW].is_on
    assert 50 < (states[Fault.SLOW].remaining_s or 0) <= 60
    assert [fault for fault, state in states.items() if state.is_on] == [Fault.SLOW]

    await asyncio.to_thread(client.switch_on, Fault.HANG)
    states = await asyncio.to_thread(client.switch_off, Fault.SLOW)
    assert [fault for fault, state in states.items() if state.is_on] == [Fault.HANG]

    states = await asyncio.to_thread(client.heal)
    assert not any(state.is_on for state in states.values())


async def client_of(visitor: Visitor) -> ControlClient:
    await asyncio.to_thread(announce, visitor.run_dir, visitor.production.ports)
    return ControlClient(visitor.run_dir)


def test_without_a_production_the_client_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="Start it with 'rollwatch demo up'"):
        ControlClient(RunDir(tmp_path)).states()


async def test_a_production_that_does_not_answer_is_said_to_be_so(visitor: Visitor) -> None:
    client = await client_of(visitor)
    await visitor.production.stop()  # the process that announced it lives on

    with pytest.raises(DemoError, match="does not answer"):
        await asyncio.to_thread(client.states)


def test_what_a_killed_production_announced_does_not_count(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / "run")
    run_dir.prepare()
    ended = subprocess.run([sys.executable, "-c", ANNOUNCING, str(run_dir.path)], check=True, timeout=30)

    assert ended.returncode == 0
    assert run_dir.production.exists()
    with pytest.raises(DemoError, match="no demo production is running"):
        ControlClient(run_dir).states()


async def test_secrets_and_keys_are_readable_by_their_owner_only(visitor: Visitor) -> None:
    files = [path for path in visitor.run_dir.path.rglob("*") if path.is_file()]

    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert visitor.run_dir.path.stat().st_mode & 0o777 == 0o700
    assert {"control", "primary", "fallback", "feed", "valid.pem"} <= {path.name for path in files}
