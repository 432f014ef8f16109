"""Railway, against a server that behaves as Railway does, its documented oddities included."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rollwatch.config.rollback_strategies import RailwaySpec
from rollwatch.rollback.model.words import ExecutionResult
from rollwatch.rollback.strategies.pace import Pace
from rollwatch.rollback.strategies.railway import RailwayStrategy
from rollwatch.rollback.strategies.strategy import Execution, PlatformFailed
from support.rollback_platform_server import Asked, Reply
from support.rollback_railway_server import BAD, GOOD, PROJECT_TOKEN, FakeRailway, errors
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
ORDER = order_for(release(BAD, "bad-2"), release(GOOD, "good-1"))


@pytest.fixture
def railway() -> Iterator[FakeRailway]:
    with FakeRailway() as server:
        yield server


def strategy(
    server: FakeRailway, pace: Pace = PATIENT, *, clock: LeapingClock | None = None, **more: Any
) -> RailwayStrategy:
    spec = {
        "token": secret(PROJECT_TOKEN),
        "project": "prj",
        "environment": "env",
        "service": "srv",
        "url": f"{server.url}/graphql/v2",
        **more,
    }
    return RailwayStrategy("api", "production", RailwaySpec.model_validate(spec), tools(clock), pace)


async def run(server: FakeRailway, pace: Pace = PATIENT, **more: Any) -> tuple[Execution, Memory]:
    memory = Memory()
    return await strategy(server, pace, **more).execute(ORDER, memory), memory


def time_is_up_after(looks: int, server: FakeRailway) -> LeapingClock:
    """The order's time passes when the platform was asked so often about how it goes."""
    clock = LeapingClock()

    def on_asked(_: Asked) -> None:
        if server.count("deployments") == looks:
            clock.passed = 1000.0

    server.on_asked = on_asked
    return clock


async def test_the_current_release_is_the_newest_that_went_live(railway: FakeRailway) -> None:
    railway.add("failed-3", "FAILED", "c" * 40)
    railway.add("building-4", "BUILDING", "d" * 40)

    assert await strategy(railway).current() == release(BAD, "bad-2")


async def test_a_release_that_crashed_is_still_the_one_to_blame(railway: FakeRailway) -> None:
    railway.find("bad-2").status = "CRASHED"

    assert await strategy(railway).current() == release(BAD, "bad-2")


async def test_nothing_is_current_where_nothing_ever_ran(railway: FakeRailway) -> None:
    railway.deployments.clear()

    assert await strategy(railway).current() is None


async def test_history_tells_the_failed_from_the_finished_and_the_running(railway: FakeRailway) -> None:
    railway.add("failed-3", "FAILED", "c" * 40)
    railway.add("odd-4", "CANCELLED", "not a commit")
    railway.add("building-5", "BUILDING", None)

    past = await strategy(railway).history()

    told = [(one.release.platform_id, one.failed, one.ended_at is not None) for one in past]
    assert told == [
        ("building-5", False, False),
        ("odd-4", True, True),
        ("failed-3", True, True),
        ("bad-2", False, True),
        ("good-1", False, True),
    ]
    assert [one.release.commit for one in past] == [None, None, "c" * 40, BAD, GOOD]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"data": {"deployments": None}}, "another shape"),
        ({"data": {"deployments": {"edges": [{"node": {"status": "SUCCESS"}}]}}}, "without an id"),
        (
            {"data": {"deployments": {"edges": [{"node": {"id": "x", "createdAt": "now"}}]}}},
            "without its time",
        ),
        (errors("Not Authorized"), "Not Authorized"),
        ({"hello": 1}, "no GraphQL"),
        ([], "no GraphQL"),
    ],
)
async def test_an_answer_that_can_not_be_read_is_no_history(
    railway: FakeRailway, document: Any, words: str
) -> None:
    railway.faults["deployments"].append(Reply(document=document))

    with pytest.raises(PlatformFailed, match=words):
        await strategy(railway).history()


@pytest.mark.parametrize(
    ("can_rollback", "can_redeploy", "redeploy", "possible", "words"),
    [
        (True, True, False, True, "can roll back"),
        (False, True, False, False, "railway.redeploy would allow"),
        (False, True, True, True, "can build it again"),
        (False, False, True, False, "image is gone"),
    ],
)
async def test_going_back_needs_the_image_or_leave_to_build_it_again(
    railway: FakeRailway,
    *,
    can_rollback: bool,
    can_redeploy: bool,
    redeploy: bool,
    possible: bool,
    words: str,
) -> None:
    good = railway.find("good-1")
    good.can_rollback, good.can_redeploy = can_rollback, can_redeploy

    eligible = await strategy(railway, redeploy=redeploy).can_go_back(ORDER.bad, ORDER.target)

    assert eligible.possible is possible
    assert words in eligible.why


async def test_a_target_known_by_its_commit_only_is_found(railway: FakeRailway) -> None:
    eligible = await strategy(railway).can_go_back(ORDER.bad, release(GOOD))

    assert eligible.possible


@pytest.mark.parametrize("target", [release("e" * 40), release("e" * 40, "good-1"), release(None, "gone-0")])
async def test_a_target_that_is_not_listed_is_not_possible(railway: FakeRailway, target: Any) -> None:
    eligible = await strategy(railway).can_go_back(ORDER.bad, target)

    assert not eligible.possible
    assert "not among" in eligible.why


@pytest.mark.parametrize("returns", ["boolean", "object"])
@pytest.mark.parametrize("validation", [200, 400])
async def test_a_rollback_is_followed_to_its_end_whatever_the_schema_says(
    railway: FakeRailway, returns: str, validation: int
) -> None:
    railway.returns, railway.status_of_validation = returns, validation

    execution, memory = await run(railway)

    assert (execution.result, execution.platform_id) == (DONE, "new-3"), execution
    assert [one.id for one in railway.deployments] == ["good-1", "bad-2", "new-3"]
    assert memory.phases == ["reading", "calling", "following"]
    assert memory.notes[-1]["deployment"] == "new-3"
    assert await strategy(railway).current() == release(GOOD, "new-3")


async def test_what_is_to_be_called_is_noted_before_it_is_called(railway: FakeRailway) -> None:
    memory = Memory()
    seen: list[dict[str, Any]] = []
    railway.on_asked = lambda asked: (
        seen.append(memory.notes[-1]) if asked.operation == "deploymentRollback" else None
    )

    await strategy(railway).execute(ORDER, memory)

    assert [(note["phase"], note["newest"], note["target"]) for note in seen] == [
        ("calling", "bad-2", "good-1")
    ]


@pytest.mark.parametrize(
    ("end", "result", "words"),
    [
        ("SLEEPING", DONE, "SLEEPING"),
        ("FAILED", FAILED, "FAILED"),
        ("CRASHED", FAILED, "CRASHED"),
        ("REMOVED", FAILED, "REMOVED"),
        ("SKIPPED", FAILED, "SKIPPED"),
        ("CANCELLED", UNKNOWN, "says nothing"),
        ("TURNED_INTO_GOLD", UNKNOWN, "says nothing"),
    ],
)
async def test_how_the_new_deployment_ends_is_how_the_rollback_ends(
    railway: FakeRailway, end: str, result: ExecutionResult, words: str
) -> None:
    railway.becomes = ["BUILDING", end]

    execution, _ = await run(railway)

    assert execution.result is result
    assert words in execution.detail
    assert railway.count("deploymentRollback") == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(document=errors("Deployment is not eligible for rollback")), "not eligible"),
        (Reply(400, errors("Variable $id is wrong")), "Variable"),
        (Reply(document={"data": {"deploymentRollback": False}}), "did not roll back"),
        (Reply(document=errors("Rate limit exceeded", "RATE_LIMITED")), "Rate limit"),
        (Reply(401, {"message": "no"}), "does not know the token"),
        (Reply(403, raw=b"error code: 1010"), "may not do this"),
        (Reply(301, headers={"Location": "https://elsewhere.invalid"}), "redirect"),
    ],
)
async def test_a_refusal_is_a_failure_also_where_it_comes_with_200(
    railway: FakeRailway, reply: Reply, words: str
) -> None:
    railway.faults["deploymentRollback"].append(reply)

    execution, _ = await run(railway)

    assert execution.result is FAILED
    assert words in execution.detail
    assert railway.count("deploymentRollback") == 1


LOST = [
    Reply(500, after=True),
    Reply(502, raw=b"<html>", after=True),
    Reply(429, after=True),
    Reply(reset=True, after=True),
    Reply(document=errors("Problem processing request", "INTERNAL_SERVER_ERROR"), after=True),
    Reply(document={"data": {"deploymentRollback": None}}, after=True),
    Reply(raw=b"<html>signed out</html>", after=True),
]
_LOST_IDS = ["500", "502", "429", "reset", "graphql-fault", "null", "html"]


@pytest.mark.parametrize("reply", LOST, ids=_LOST_IDS)
async def test_a_call_that_was_done_without_a_word_is_found(railway: FakeRailway, reply: Reply) -> None:
    railway.faults["deploymentRollback"].append(reply)

    execution, memory = await run(railway)

    assert (execution.result, execution.platform_id) == (DONE, "new-3"), execution
    assert memory.phases[-1] == "following"
    assert railway.count("deploymentRollback") == 1, "never a second time"


async def test_a_call_that_is_done_and_never_answered_is_found(railway: FakeRailway) -> None:
    railway.faults["deploymentRollback"].append(Reply(never=True, after=True))

    execution, _ = await run(railway, QUICK)

    assert execution.result is DONE
    assert railway.count("deploymentRollback") == 1


@pytest.mark.parametrize("reply", [replace(reply, after=False) for reply in LOST], ids=_LOST_IDS)
async def test_a_call_whose_fate_can_not_be_learnt_is_unknown(railway: FakeRailway, reply: Reply) -> None:
    railway.faults["deploymentRollback"].append(reply)

    execution, _ = await run(railway, SHORT)

    assert execution.result is UNKNOWN
    assert "no newer deployment" in execution.detail
    assert railway.count("deploymentRollback") == 1


async def test_a_new_deployment_that_never_appears_is_unknown(railway: FakeRailway) -> None:
    railway.executes = False

    execution, _ = await run(railway, SHORT)

    assert execution.result is UNKNOWN
    assert "no newer deployment" in execution.detail


async def test_a_new_deployment_that_never_ends_is_timed_out(railway: FakeRailway) -> None:
    railway.becomes = ["NEEDS_APPROVAL"]

    execution, _ = await run(railway, clock=time_is_up_after(5, railway))

    assert (execution.result, execution.platform_id) == (TIMED_OUT, "new-3")
    assert "NEEDS_APPROVAL" in execution.detail


async def test_somebody_elses_new_deployment_is_not_taken_for_ours(railway: FakeRailway) -> None:
    railway.executes = False
    railway.on_asked = lambda asked: (
        railway.add("push-9", "SUCCESS", "c" * 40) and None
        if asked.operation == "deploymentRollback"
        else None
    )

    execution, _ = await run(railway, SHORT)

    assert execution.result is UNKNOWN
    assert "1 newer deployments" in execution.detail


async def test_ours_is_told_from_a_push_at_the_same_moment(railway: FakeRailway) -> None:
    railway.on_asked = lambda asked: (
        railway.add("push-9", "SUCCESS", "c" * 40) and None
        if asked.operation == "deploymentRollback"
        else None
    )

    execution, _ = await run(railway)

    assert (execution.result, execution.platform_id) == (DONE, "new-4")


@pytest.mark.parametrize("others", [0, 1])
async def test_without_commits_the_only_new_deployment_is_ours(railway: FakeRailway, others: int) -> None:
    for one in railway.deployments:
        one.commit = None
    railway.new_commit = None
    railway.on_asked = lambda asked: (
        railway.add("push-9", "BUILDING", None) and None
        if others and asked.operation == "deploymentRollback"
        else None
    )
    memory = Memory()
    order = order_for(release(None, "bad-2"), release(None, "good-1"))

    execution = await strategy(railway, SHORT).execute(order, memory)

    assert execution.result is (UNKNOWN if others else DONE)


async def test_a_target_without_its_image_is_built_again_where_that_is_allowed(railway: FakeRailway) -> None:
    railway.find("good-1").can_rollback = False

    execution, memory = await run(railway, redeploy=True)

    assert (execution.result, execution.platform_id) == (DONE, "new-3")
    assert railway.count("deploymentRollback") == 0
    assert memory.notes[1]["action"] == "redeploy"


async def test_a_target_without_its_image_is_left_alone_otherwise(railway: FakeRailway) -> None:
    railway.find("good-1").can_rollback = False

    execution, _ = await run(railway)

    assert execution.result is FAILED
    assert railway.count("deploymentRollback") == railway.count("deploymentRedeploy") == 0


async def test_another_release_that_runs_by_now_is_not_taken_back(railway: FakeRailway) -> None:
    railway.add("fixed-3", "SUCCESS", "c" * 40)

    execution, memory = await run(railway)

    assert execution.result is NOT_DONE
    assert "cccccccccccc" in execution.detail
    assert memory.phases == ["reading"]
    assert railway.count("deploymentRollback") == 0


async def test_a_platform_that_can_not_be_read_is_not_called(railway: FakeRailway) -> None:
    railway.faults["deployments"] += [Reply(503)] * 10

    execution, memory = await run(railway)

    assert execution.result is NOT_DONE
    assert memory.phases == ["reading"]


async def test_a_platform_that_is_not_there_is_not_called() -> None:
    with FakeRailway() as gone:
        made = strategy(gone)

    execution = await made.execute(ORDER, Memory())

    assert execution.result is NOT_DONE


async def test_a_call_that_is_known_not_to_have_left_is_not_done(railway: FakeRailway) -> None:
    """The platform goes away between the look and the call."""
    memory = Memory()
    made = strategy(railway)

    async def note(memo: Any) -> None:
        await memory(memo)
        if memo["phase"] == "calling":
            await asyncio.to_thread(railway.go_away)

    execution = await made.execute(ORDER, note)

    assert execution.result is NOT_DONE
    assert "nobody listens" in execution.detail


async def test_passing_trouble_while_it_is_followed_is_waited_out(railway: FakeRailway) -> None:
    trouble = [
        Reply(500),
        Reply(429, headers={"Retry-After": "0"}),
        Reply(document=errors("Internal server error", "INTERNAL_SERVER_ERROR")),
        Reply(document=errors("Rate limit exceeded")),
        Reply(raw=b"<html>"),
    ]

    def after_the_call(asked: Asked) -> None:
        if asked.operation == "deploymentRollback":
            railway.faults["deployments"] += trouble

    railway.on_asked = after_the_call

    execution, _ = await run(railway)

    assert execution.result is DONE
    assert not railway.faults["deployments"]


async def test_a_token_that_is_revoked_meanwhile_leaves_it_unknown(railway: FakeRailway) -> None:
    def after_the_call(asked: Asked) -> None:
        if asked.operation == "deploymentRollback":
            railway.faults["deployments"] += [Reply(document=errors("Not Authorized"))] * 100

    railway.on_asked = after_the_call

    execution, _ = await run(railway)

    assert execution.result is UNKNOWN
    assert "Not Authorized" in execution.detail


async def test_a_stop_while_reading_is_proven_to_have_done_nothing(railway: FakeRailway) -> None:
    for memo in ({}, {"phase": "reading"}):
        execution = await strategy(railway).what_happened(ORDER, memo, Memory())
        assert execution.result is NOT_DONE
    assert railway.asked == []


async def calling_memo(railway: FakeRailway) -> dict[str, Any]:
    """What a handler had noted that was killed in the middle of the call."""
    memory = Memory()
    railway.faults["deploymentRollback"].append(Reply(500))
    await strategy(railway, SHORT).execute(ORDER, memory)
    return next(note for note in memory.notes if note["phase"] == "calling")


async def test_a_stop_in_the_middle_of_the_call_finds_what_came_of_it(railway: FakeRailway) -> None:
    memo = await calling_memo(railway)
    railway._make("good-1")
    memory = Memory()

    execution = await strategy(railway).what_happened(ORDER, memo, memory)

    assert (execution.result, execution.platform_id) == (DONE, "new-3")
    assert memory.phases == ["following"]
    assert railway.count("deploymentRollback") == 1, "only looked at, never called again"


async def test_a_stop_in_the_middle_of_the_call_is_unknown_where_nothing_came_of_it(
    railway: FakeRailway,
) -> None:
    memo = await calling_memo(railway)

    execution = await strategy(railway, SHORT).what_happened(ORDER, memo, Memory())

    assert execution.result is UNKNOWN
    assert railway.count("deploymentRollback") == 1


@pytest.mark.parametrize(("end", "result"), [("SUCCESS", DONE), ("FAILED", FAILED)])
async def test_a_stop_while_following_follows_on(
    railway: FakeRailway, end: str, result: ExecutionResult
) -> None:
    railway.becomes = ["BUILDING", "DEPLOYING", end]
    made = railway._make("good-1")
    memo = {"phase": "following", "deployment": made}

    execution = await strategy(railway).what_happened(ORDER, memo, Memory())

    assert (execution.result, execution.platform_id) == (result, made)
    assert railway.count("deploymentRollback") == 0


async def test_a_memo_that_can_not_be_read_is_unknown(railway: FakeRailway) -> None:
    execution = await strategy(railway).what_happened(ORDER, {"phase": "calling"}, Memory())

    assert execution.result is UNKNOWN
