"""`rollwatch rollback deployments` and `mark`: what the handler is asked, and what is printed of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web as http
from click.testing import CliRunner, Result

from rollwatch.cli import cli
from rollwatch.cli.rollback_words import deployment_row
from support.bridge_running import far_end

if TYPE_CHECKING:
    from collections.abc import Callable

RELEASE = {"service": "api", "environment": "production", "shown": "1.4.2 (bbbbbbbbbbbb)"}
DEPLOYMENT: dict[str, Any] = {
    "id": "dp-2",
    "release": RELEASE,
    "state": "finished",
    "source": "reported",
    "started_at": 1764144000.0,
    "ended_at": 1764144060.0,
    "marked": None,
}


@pytest.mark.parametrize(
    ("changes", "when", "marked"),
    [
        ({}, "2025-11-26 08:01:00Z", ""),
        ({"state": "started", "ended_at": None}, "2025-11-26 08:00:00Z", ""),
        ({"marked": True}, "2025-11-26 08:01:00Z", "good"),
        ({"marked": False}, "2025-11-26 08:01:00Z", "bad"),
    ],
)
def test_a_row_says_when_its_state_began_and_what_a_person_said(
    changes: dict[str, Any], when: str, marked: str
) -> None:
    row = deployment_row({**DEPLOYMENT, **changes})
    assert row[:3] == ("dp-2", "api", "1.4.2 (bbbbbbbbbbbb)")
    assert row[4:] == ("reported", when, marked)


async def test_deployments_are_listed_as_they_come() -> None:
    older = {**DEPLOYMENT, "id": "dp-1", "marked": True, "release": {**RELEASE, "shown": "1.4.1\x1b[2J"}}
    async with far_end(_answering({"deployments": [DEPLOYMENT, older]})) as handler:
        told = await _run(handler.url, "deployments", "--service", "api", "--limit", "2")
        as_json = await _run(handler.url, "deployments", "--json")
    head, *rows = told.output.splitlines()
    assert head.split() == ["id", "service", "release", "state", "source", "when", "mark"]
    assert [row.split()[0] for row in rows] == ["dp-2", "dp-1"]
    assert rows[1].rstrip().endswith("good")
    assert "\x1b" not in told.output
    assert [call.path for call in handler.calls] == [
        "/api/monitoring/deployments?service=api&limit=2",
        "/api/monitoring/deployments?limit=20",
    ]
    assert json.loads(as_json.output)["deployments"][1]["id"] == "dp-1"


async def test_none_are_no_empty_table() -> None:
    async with far_end(_answering({"deployments": []})) as handler:
        assert (await _run(handler.url, "deployments")).output == "There are none.\n"


@pytest.mark.parametrize(
    ("said", "good", "shown"),
    [
        ("good", True, "marked as good"),
        ("bad", False, "marked as bad"),
        ("none", None, "not marked any more"),
    ],
)
async def test_a_mark_is_sent_in_the_name_of_who_says_it(said: str, good: bool | None, shown: str) -> None:
    async with far_end(_answering({**DEPLOYMENT, "marked": good})) as handler:
        told = await _run(handler.url, "mark", "dp-2", said, "--actor", "alice")
    [call] = handler.calls
    assert (call.path, json.loads(call.body)) == (
        "/api/monitoring/deployments/dp-2/mark",
        {"good": good, "actor": "alice"},
    )
    assert call.headers["Idempotency-Key"]
    assert told.output == f"api 1.4.2 (bbbbbbbbbbbb) is {shown}\n"


@pytest.mark.parametrize(
    "args", [("mark", "dp-2"), ("mark", "dp-2", "fine"), ("deployments", "--limit", "501")]
)
async def test_what_makes_no_sense_is_never_asked(args: tuple[str, ...]) -> None:
    async with far_end(_answering({})) as handler:
        assert (await _run(handler.url, *args)).exit_code == 2
    assert handler.calls == []


def _answering(document: dict[str, Any]) -> Callable[[Any], http.Response]:
    return lambda _: http.json_response(document)


async def _run(url: str, *args: str) -> Result:
    runner = CliRunner(env={"ROLLWATCH_ROLLBACK_URL": url})
    return await asyncio.to_thread(runner.invoke, cli, ["rollback", *args])
