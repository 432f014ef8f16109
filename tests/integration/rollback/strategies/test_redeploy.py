"""redeploy on real repositories with real builds: what is deployed, and what is left after a crash."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollwatch.rollback.model.words import ExecutionResult
from rollwatch.rollback.strategies.family import identity
from rollwatch.rollback.strategies.strategy import PlatformFailed, Strategy
from support.processes import wait_for
from support.rollback_crashing import handler, last_memo, strategy_of
from support.rollback_git import Notes, Team, order, release


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def _sh(script: str, *more: str) -> list[str]:
    return ["sh", "-c", script, "program", *more]


def _spec(team: Team, root: Path, **spec: Any) -> dict[str, Any]:
    """Deploying is copying what was built to ROOT/live."""
    deploy = _sh('cp built "$1/live"', str(root))
    return {"repository": str(team.origin), "build": ["cp", "app", "built"], "deploy": deploy, **spec}


def _strategy(team: Team, root: Path, **spec: Any) -> Strategy:
    return strategy_of("redeploy", root, _spec(team, root, **spec))


def _left(root: Path) -> list[Path]:
    return list((root / "state").rglob("*~*"))


@pytest.mark.parametrize("known_by", ["commit", "version"])
async def test_the_target_is_built_and_deployed(known_by: str, team: Team, tmp_path: Path) -> None:
    good = team.commit("good", app="good", tag="release-1.0")
    bad = team.commit("bad", app="bad")
    target = release(good) if known_by == "commit" else release(version="1.0")
    strategy = _strategy(team, tmp_path, tag="release-{version}")

    can = await strategy.can_go_back(release(bad), target)
    done = await strategy.execute(order(release(bad), target), notes := Notes())

    assert can.possible, can.why
    assert done.result is ExecutionResult.DONE, done.detail
    assert (tmp_path / "live").read_text() == "good"
    assert done.facts["commit"] == good
    assert [(memo["phase"], memo["commit"]) for memo in notes.memos] == [("deploying", good)] * 2
    assert _left(tmp_path) == []
    assert team.tip() == bad, "the repository is only read"


@pytest.mark.parametrize(
    ("spec", "expected", "words", "noted"),
    [
        ({"build": ["false"]}, ExecutionResult.FAILED, "Nothing was deployed: the build ended", False),
        ({"build": ["gone"]}, ExecutionResult.FAILED, "the build could not be started", False),
        ({"build": _sh("exec sleep 600")}, ExecutionResult.TIMED_OUT, "Nothing was deployed", False),
        ({"deploy": _sh("echo quota; exit 9")}, ExecutionResult.FAILED, "exit status 9: quota", True),
        ({"deploy": ["gone"]}, ExecutionResult.FAILED, "Nothing was deployed", True),
        ({"deploy": ["echo", "{target_id}"]}, ExecutionResult.FAILED, "no known id", False),
    ],
)
async def test_what_fails_is_said_and_nothing_is_left(
    spec: dict[str, Any], expected: ExecutionResult, words: str, *, noted: bool, team: Team, tmp_path: Path
) -> None:
    good = team.commit("good", app="good")
    bad = team.commit("bad", app="bad")
    deadline_s = 2.0 if expected is ExecutionResult.TIMED_OUT else 30.0
    done = await _strategy(team, tmp_path, **spec).execute(
        order(bad, good, deadline_s=deadline_s), notes := Notes()
    )
    assert done.result is expected, done.detail
    assert words in done.detail
    assert bool(notes.memos) is noted
    assert not (tmp_path / "live").exists()
    assert _left(tmp_path) == []


async def test_what_a_build_made_unwritable_is_removed_all_the_same(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", app="good")
    build = _sh("cp app built; mkdir -p cache/deep; touch cache/deep/x; chmod -R a-w cache")
    done = await _strategy(team, tmp_path, build=build).execute(order(good, good), Notes())
    assert done.result is ExecutionResult.DONE, done.detail
    assert _left(tmp_path) == []


async def test_what_is_not_in_the_repository_can_not_be_gone_back_to(team: Team, tmp_path: Path) -> None:
    bad = team.commit("bad", app="bad")
    strategy = _strategy(team, tmp_path)
    for target, words in (
        (release("ab" * 20), "no commit abababababab"),
        (release(version="7"), "no tag v7"),
        (release(version="-x"), "no name that a tag can have"),
        (release(platform_id="dep-1"), "platform id only"),
    ):
        can = await strategy.can_go_back(release(bad), target)
        assert not can.possible
        assert words in can.why
    team.origin.rename(tmp_path / "elsewhere")
    with pytest.raises(PlatformFailed, match="git clone"):
        await strategy.can_go_back(release(bad), release("ab" * 20))


async def test_a_deployment_that_outlived_its_handler_is_followed_and_left_in_peace(
    team: Team, tmp_path: Path
) -> None:
    """Its checkout stays as long as it works in it; how it ended nobody can say; then it is cleared."""
    good = team.commit("good", app="good")
    bad = team.commit("bad", app="bad")
    os.mkfifo(tmp_path / "go")
    deploy = _sh('touch "$1/begun"; read line < "$1/go"; cp built "$1/live"', str(tmp_path))
    given, spec = order(bad, good), _spec(team, tmp_path, deploy=deploy)
    with handler("redeploy", tmp_path, spec, given):
        await asyncio.to_thread(wait_for, lambda: "process" in last_memo(tmp_path), "the note")
        await asyncio.to_thread(wait_for, (tmp_path / "begun").exists, "the deployment to begin")

    strategy = strategy_of("redeploy", tmp_path, spec)
    await strategy.execute(replace(order(bad, "ab" * 20), id="rb-other/api"), Notes())
    assert len(_left(tmp_path)) == 1, "the checkout of the running deployment is not cleared"
    looking = asyncio.create_task(strategy.what_happened(given, last_memo(tmp_path), Notes()))
    _, waits = await asyncio.wait([looking], timeout=0.3)
    assert waits, "it answered while the deployment was running"
    await asyncio.to_thread((tmp_path / "go").write_text, "go\n")
    seen = await asyncio.wait_for(looking, 20)

    assert seen.result is ExecutionResult.UNKNOWN
    assert (tmp_path / "live").read_text() == "good"
    await strategy_of("redeploy", tmp_path, spec).execute(order(bad, good, deadline_s=0.0), Notes())
    assert _left(tmp_path) == []


async def test_a_build_that_outlived_its_handler_is_ended_and_the_order_may_be_given_again(
    team: Team, tmp_path: Path
) -> None:
    good = team.commit("good", app="good")
    bad = team.commit("bad", app="bad")
    build = _sh('test -e "$1/pid" || {{ echo $$ > "$1/pid"; exec sleep 600; }}; cp app built', str(tmp_path))
    given, spec = order(bad, good, deadline_s=1.0), _spec(team, tmp_path, build=build)
    pid = tmp_path / "pid"
    with handler("redeploy", tmp_path, spec, order(bad, good)):
        await asyncio.to_thread(wait_for, lambda: pid.exists() and pid.read_text(), "the build")

    strategy = strategy_of("redeploy", tmp_path, spec)
    seen = await strategy.what_happened(given, last_memo(tmp_path), Notes())
    assert seen.result is ExecutionResult.NOT_DONE
    assert await asyncio.to_thread(identity, int(pid.read_text())) is None
    again = await strategy.execute(order(bad, good), Notes())
    assert again.result is ExecutionResult.DONE, again.detail
    assert (tmp_path / "live").read_text() == "good"
    assert _left(tmp_path) == []
