"""GitHub Actions, against a server that behaves as GitHub does, older and newer ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rollwatch.config.rollback_strategies import GitHubActionsSpec
from rollwatch.rollback.model.words import ExecutionResult
from rollwatch.rollback.strategies.github_actions import GitHubActionsStrategy
from rollwatch.rollback.strategies.pace import Pace
from rollwatch.rollback.strategies.strategy import Execution, PlatformFailed
from support.rollback_github_server import GITHUB_TOKEN, FakeGitHub
from support.rollback_platform_server import Asked, Reply
from support.rollback_strategy_parts import (
    PATIENT,
    QUICK,
    SHORT,
    LeapingClock,
    Memory,
    order_for,
    release,
    secret,
    tools,
)

DONE, FAILED, NOT_DONE, TIMED_OUT, UNKNOWN = (
    ExecutionResult.DONE,
    ExecutionResult.FAILED,
    ExecutionResult.NOT_DONE,
    ExecutionResult.TIMED_OUT,
    ExecutionResult.UNKNOWN,
)
GOOD, BAD = "a" * 40, "b" * 40
ORDER = order_for(release(BAD, "102"), release(GOOD, "101"))
NAMED = {"rollback_id": "{rollback_id}"}


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as server:
        yield server


def strategy(
    server: FakeGitHub, pace: Pace = PATIENT, *, clock: LeapingClock | None = None, **more: Any
) -> GitHubActionsStrategy:
    spec = {
        "token": secret(GITHUB_TOKEN),
        "repository": "acme/api",
        "workflow": "rollback.yml",
        "url": server.url,
        **more,
    }
    return GitHubActionsStrategy(
        "api", "production", GitHubActionsSpec.model_validate(spec), tools(clock), pace
    )


async def run(server: FakeGitHub, pace: Pace = PATIENT, **more: Any) -> tuple[Execution, Memory]:
    memory = Memory()
    return await strategy(server, pace, **more).execute(ORDER, memory), memory


def time_is_up_after(looks: int, server: FakeGitHub) -> LeapingClock:
    """The order's time passes when the platform was asked so often about how it goes."""
    clock = LeapingClock()

    def on_asked(_: Asked) -> None:
        if server.count("run") == looks:
            clock.passed = 1000.0

    server.on_asked = on_asked
    return clock


async def test_without_an_environment_nothing_is_known_of_deployments(github: FakeGitHub) -> None:
    made = strategy(github)

    assert await made.current() is None
    assert list(await made.history()) == []
    assert github.asked == []


async def test_deployments_are_read_with_their_statuses(github: FakeGitHub) -> None:
    github.add_deployment(GOOD, 1000, ("in_progress", 1005), ("success", 1060), ("inactive", 2060))
    github.add_deployment(BAD, 2000, ("queued", 2001), ("success", 2060))
    github.add_deployment("c" * 40, 3000, ("failure", 3030))
    github.add_deployment("d" * 40, 4000, ("in_progress", 4010))
    github.add_deployment("short", 5000)
    made = strategy(github, deployments_environment="Production EU")

    past = await made.history()

    assert [
        (one.release.platform_id, one.release.commit, one.started_at, one.ended_at, one.failed)
        for one in past
    ] == [
        ("104", None, 5000, None, False),
        ("103", "d" * 40, 4000, None, False),
        ("102", "c" * 40, 3000, 3030, True),
        ("101", BAD, 2000, 2060, False),
        ("100", GOOD, 1000, 1060, False),
    ]
    assert await made.current() == release(BAD, "101")


async def test_what_was_over_is_not_asked_of_again(github: FakeGitHub) -> None:
    github.add_deployment(GOOD, 1000, ("success", 1060))
    github.add_deployment(BAD, 2000, ("in_progress", 2060))
    made = strategy(github, deployments_environment="Production EU")
    await made.history()

    await made.history()

    assert github.count("statuses") == 3


async def test_history_is_not_told_in_parts(github: FakeGitHub) -> None:
    github.add_deployment(GOOD, 1000, ("success", 1060))
    github.faults["statuses"].append(Reply(404))

    with pytest.raises(PlatformFailed):
        await strategy(github, deployments_environment="Production EU").history()


@pytest.mark.parametrize(
    ("more", "state", "target", "possible", "words"),
    [
        ({}, "active", release(GOOD), True, "can be dispatched"),
        ({}, "disabled_manually", release(GOOD), False, "disabled_manually"),
        ({"workflow": "other.yml"}, "active", release(GOOD), False, "no workflow other.yml"),
        ({"inputs": {"v": "{target_version}"}}, "active", release(GOOD), False, "target_version"),
        ({"inputs": {"v": "{target_version}"}}, "active", release(GOOD, version="1.4.2"), True, "dispatched"),
        ({}, "active", release(None, version="1.4.2; rm -rf /"), False, "not passed on"),
    ],
)
async def test_going_back_needs_an_active_workflow_and_every_input(
    github: FakeGitHub, *, more: dict[str, Any], state: str, target: Any, possible: bool, words: str
) -> None:
    github.workflow_state = state

    eligible = await strategy(github, **more).can_go_back(ORDER.bad, target)

    assert eligible.possible is possible
    assert words in eligible.why


async def test_a_token_that_is_not_known_is_no_answer(github: FakeGitHub) -> None:
    with pytest.raises(PlatformFailed, match="does not know the token"):
        await strategy(github, token=secret("another-token-77")).can_go_back(ORDER.bad, ORDER.target)


async def test_a_dispatch_with_details_is_followed_to_its_end(github: FakeGitHub) -> None:
    execution, memory = await run(github)

    assert (execution.result, execution.platform_id) == (DONE, "9001"), execution
    assert execution.facts["page"] == "https://github.test/acme/api/actions/runs/9001"
    assert memory.phases == ["reading", "calling", "following"]
    assert memory.notes[-1]["run"] == 9001
    dispatched = next(asked.body for asked in github.asked if asked.operation == "dispatch")
    assert dispatched["inputs"] == {"service": "api", "deployment_id": "101"}
    assert dispatched["ref"] == "main"


async def test_more_inputs_are_filled(github: FakeGitHub) -> None:
    github.inputs |= {"commit"}

    await run(github, inputs={"commit": "{target_commit}", **NAMED})

    dispatched = next(asked.body for asked in github.asked if asked.operation == "dispatch")
    assert dispatched["inputs"]["commit"] == GOOD
    assert dispatched["inputs"]["rollback_id"] == ORDER.id


@pytest.mark.parametrize("names_runs", [True, False])
@pytest.mark.parametrize("knows_details", [True, False])
async def test_an_older_github_is_understood(
    github: FakeGitHub, names_runs: bool, knows_details: bool
) -> None:
    """It does not know the key (422), or answers 204; the run is found by name, or as the only new one."""
    github.knows_details, github.gives_details, github.names_runs = knows_details, False, names_runs

    execution, _ = await run(github, inputs=NAMED)

    assert (execution.result, execution.platform_id) == (DONE, "9001"), execution
    assert github.count("dispatch") == (1 if knows_details else 2)
    assert len(github.runs) == 2


async def test_the_run_is_found_by_its_name_among_others(github: FakeGitHub) -> None:
    github.gives_details, github.names_runs = False, True

    def others(asked: Asked) -> None:
        if asked.operation == "runs" and len(github.runs) == 2:
            github.add_run("Rollback rb-7f3a/api-2")
            github.add_run("Rollback by hand")

    github.on_asked = others

    execution, _ = await run(github, inputs=NAMED)

    assert (execution.result, execution.platform_id) == (DONE, "9001"), execution


async def test_runs_of_other_orders_branches_and_events_are_not_ours(github: FakeGitHub) -> None:
    github.gives_details = False

    def others(asked: Asked) -> None:
        if asked.operation == "dispatch":
            github.add_run("Rollback rb-9999/web")
            github.add_run("Rollback", branch="topic")
            github.add_run("Rollback", event="push")

    github.on_asked = others

    execution, _ = await run(github)

    assert (execution.result, execution.platform_id) == (DONE, "9004"), execution


async def test_two_runs_that_might_be_ours_are_nobodys(github: FakeGitHub) -> None:
    github.gives_details = False
    github.on_asked = lambda asked: (
        github.add_run("Rollback") and None if asked.operation == "dispatch" else None
    )

    execution, _ = await run(github, SHORT)

    assert execution.result is UNKNOWN
    assert "2 new runs" in execution.detail


async def test_a_run_that_is_joined_by_another_is_not_taken_for_ours(github: FakeGitHub) -> None:
    github.executes = False
    github.on_asked = lambda asked: (
        github.add_run("Rollback") and None
        if asked.operation == "runs" and github.count("dispatch") and len(github.runs) < 3
        else None
    )

    execution, _ = await run(github, SHORT)

    assert execution.result is UNKNOWN
    assert "2 new runs" in execution.detail


async def test_an_accepted_dispatch_without_a_run_is_unknown(github: FakeGitHub) -> None:
    github.executes = False

    execution, _ = await run(github, SHORT)

    assert execution.result is UNKNOWN
    assert "no new run" in execution.detail
    assert github.count("dispatch") == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(401, {"message": "Bad credentials"}), "does not know the token"),
        (Reply(403, {"message": "Resource not accessible by integration"}), "Resource not accessible"),
        (Reply(404, {"message": "Not Found"}), "there is none"),
        (Reply(422, {"message": "Workflow does not have 'workflow_dispatch' trigger"}), "workflow_dispatch"),
        (Reply(422, {"message": 'Unexpected inputs provided: ["x"]'}), "Unexpected inputs"),
        (Reply(307, headers={"Location": "https://elsewhere.invalid"}), "redirect"),
    ],
)
async def test_a_rejected_dispatch_is_a_failure(github: FakeGitHub, reply: Reply, words: str) -> None:
    github.faults["dispatch"].append(reply)

    execution, _ = await run(github)

    assert execution.result is FAILED
    assert words in execution.detail
    assert github.count("dispatch") == 1


async def test_a_ref_that_is_not_there_is_said(github: FakeGitHub) -> None:
    execution, _ = await run(github, ref="gone")

    assert execution.result is FAILED
    assert "No ref found for: gone" in execution.detail


LOST = [Reply(500), Reply(503, raw=b"<html>"), Reply(429), Reply(reset=True), Reply(raw=b"<html>")]
_LOST_IDS = ["500", "503", "429", "reset", "html"]


@pytest.mark.parametrize("reply", LOST, ids=_LOST_IDS)
async def test_a_dispatch_that_was_taken_without_a_word_is_found(github: FakeGitHub, reply: Reply) -> None:
    github.faults["dispatch"].append(replace(reply, after=True))

    execution, memory = await run(github)

    assert (execution.result, execution.platform_id) == (DONE, "9001"), execution
    assert memory.phases[-1] == "following"
    assert github.count("dispatch") == 1


async def test_a_dispatch_that_is_taken_and_never_answered_is_found(github: FakeGitHub) -> None:
    github.faults["dispatch"].append(Reply(never=True, after=True))

    execution, _ = await run(github, QUICK)

    assert execution.result is DONE
    assert github.count("dispatch") == 1


@pytest.mark.parametrize("reply", LOST, ids=_LOST_IDS)
async def test_a_dispatch_whose_fate_can_not_be_learnt_is_unknown(github: FakeGitHub, reply: Reply) -> None:
    github.faults["dispatch"].append(reply)

    execution, _ = await run(github, SHORT)

    assert execution.result is UNKNOWN
    assert github.count("dispatch") == 1


@pytest.mark.parametrize(
    ("conclusion", "result", "words"),
    [
        ("success", DONE, "succeeded"),
        ("failure", FAILED, "failed"),
        ("cancelled", FAILED, "concurrency group"),
        ("timed_out", FAILED, "its own limit"),
        ("action_required", FAILED, "action of a person"),
        ("startup_failure", FAILED, "YAML"),
        ("stale", FAILED, "given up"),
        ("neutral", FAILED, "without having rolled back"),
        ("skipped", FAILED, "skipped"),
        ("splendid", UNKNOWN, "splendid"),
        (None, UNKNOWN, "no conclusion"),
    ],
)
async def test_how_the_run_ends_is_how_the_rollback_ends(
    github: FakeGitHub, conclusion: str | None, result: ExecutionResult, words: str
) -> None:
    github.script = [("queued", None), ("completed", conclusion)]

    execution, _ = await run(github)

    assert execution.result is result
    assert words in execution.detail


async def test_a_run_that_waits_for_approval_is_told_while_it_waits(github: FakeGitHub) -> None:
    github.script = [("waiting", None), ("waiting", None), ("in_progress", None), ("completed", "success")]

    execution, memory = await run(github)

    assert execution.result is DONE
    told = [note["detail"] for note in memory.notes if "detail" in note]
    assert len(told) == 1
    assert "waits for the approval" in told[0]


@pytest.mark.parametrize(("status", "words"), [("waiting", "approval"), ("pending", "pending")])
async def test_a_run_that_does_not_end_is_timed_out(github: FakeGitHub, status: str, words: str) -> None:
    github.script = [(status, None)]

    execution, _ = await run(github, clock=time_is_up_after(5, github))

    assert (execution.result, execution.platform_id) == (TIMED_OUT, "9001")
    assert words in execution.detail
    assert "may still roll back" in execution.detail


async def test_passing_trouble_while_it_is_followed_is_waited_out(github: FakeGitHub) -> None:
    github.faults["run"] += [
        Reply(404, {"message": "Not Found"}),
        Reply(500),
        Reply(403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}),
        Reply(200, {"id": None}),
    ]

    execution, _ = await run(github)

    assert execution.result is DONE


async def test_a_run_that_was_deleted_is_unknown(github: FakeGitHub) -> None:
    github.faults["run"] += [Reply(404)] * 1000

    execution, _ = await run(github, SHORT)

    assert execution.result is UNKNOWN


async def test_an_input_without_a_value_dispatches_nothing(github: FakeGitHub) -> None:
    execution, memory = await run(github, inputs={"v": "{target_version}"})

    assert execution.result is FAILED
    assert "target_version" in execution.detail
    assert memory.phases == ["reading"]
    assert github.count("dispatch") == 0


async def test_a_platform_that_can_not_be_read_is_not_called(github: FakeGitHub) -> None:
    github.faults["runs"] += [Reply(503)] * 10

    execution, _ = await run(github)

    assert execution.result is NOT_DONE
    assert github.count("dispatch") == 0


async def test_a_dispatch_that_is_known_not_to_have_left_is_not_done(github: FakeGitHub) -> None:
    async def note(memo: Any) -> None:
        if memo["phase"] == "calling":
            await asyncio.to_thread(github.go_away)

    execution = await strategy(github).execute(ORDER, note)

    assert execution.result is NOT_DONE


async def test_a_stop_while_reading_is_proven_to_have_done_nothing(github: FakeGitHub) -> None:
    for memo in ({}, {"phase": "reading"}):
        execution = await strategy(github).what_happened(ORDER, memo, Memory())
        assert execution.result is NOT_DONE
    assert github.asked == []


@pytest.mark.parametrize("names_runs", [True, False])
async def test_a_stop_in_the_middle_of_the_dispatch_finds_its_run(
    github: FakeGitHub, names_runs: bool
) -> None:
    github.add_run(f"Rollback {ORDER.id}" if names_runs else "Rollback")
    memo = {"phase": "calling", "newest_run": 9000, "called_at": 1.0}
    memory = Memory()

    execution = await strategy(github).what_happened(ORDER, memo, memory)

    assert (execution.result, execution.platform_id) == (DONE, "9001"), execution
    assert memory.phases == ["following"]
    assert github.count("dispatch") == 0


async def test_a_stop_in_the_middle_of_the_dispatch_is_unknown_without_a_run(github: FakeGitHub) -> None:
    memo = {"phase": "calling", "newest_run": 9000, "called_at": 1.0}

    execution = await strategy(github, SHORT).what_happened(ORDER, memo, Memory())

    assert execution.result is UNKNOWN
    assert github.count("dispatch") == 0


@pytest.mark.parametrize(("conclusion", "result"), [("success", DONE), ("cancelled", FAILED)])
async def test_a_stop_while_following_follows_on(
    github: FakeGitHub, conclusion: str, result: ExecutionResult
) -> None:
    number = github.add_run("Rollback", script=[("in_progress", None), ("completed", conclusion)])

    execution = await strategy(github).what_happened(ORDER, {"phase": "following", "run": number}, Memory())

    assert (execution.result, execution.platform_id) == (result, str(number))
    assert github.count("dispatch") == 0


async def test_a_memo_that_can_not_be_read_is_unknown(github: FakeGitHub) -> None:
    execution = await strategy(github).what_happened(ORDER, {"phase": "following"}, Memory())

    assert execution.result is UNKNOWN
