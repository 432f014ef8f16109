"""git-revert on real repositories: what is pushed, what is refused, and what is said of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollwatch.rollback.model.words import ExecutionResult
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.processes import wait_for
from support.rollback_crashing import crash, handler, last_memo, strategy_of
from support.rollback_git import ORDER_ID, Notes, Team, order, release, revert_strategy


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


async def test_reverts_every_commit_after_the_target_newest_first(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1", tag="v1")
    team.commit("feature one", a_txt="2")
    bad = team.commit("feature two", a_txt="3", b_txt="new")
    strategy, notes = revert_strategy(tmp_path, team.origin), Notes()

    can = await strategy.can_go_back(release(bad), release(good))
    done = await strategy.execute(order(bad, good), notes)

    assert can.possible, can.why
    assert done.result is ExecutionResult.DONE, done.detail
    assert team.subjects(bad) == ['Revert "feature one"', 'Revert "feature two"']
    assert team.tree("main") == team.tree(good)
    assert notes.memos == [{"phase": "pushing", "commit": team.tip(), "onto": bad}]
    assert f"Rollwatch-Rollback: {ORDER_ID}" in team.at_origin("log", "-1", "--format=%B", "main")
    assert not list((tmp_path / "state").rglob("*~*")), "the clone was left behind"


async def _merged(team: Team) -> tuple[str, str]:
    good = team.commit("good", a_txt="1")
    team.commit("plain", b_txt="1")
    return good, team.merge("Merge side", onto={"a.txt": "ours"}, branch={"a.txt": "theirs", "c.txt": "1"})


async def _empty_commit(team: Team) -> tuple[str, str]:
    good = team.commit("good", a_txt="1")
    team.commit("nothing changed")
    return good, team.commit("bad", a_txt="2")


async def _would_conflict(team: Team) -> tuple[str, str]:
    """Reverting the first change alone, on top of the second, is a conflict."""
    good = team.commit("good", a_txt="1\n")
    team.commit("one", a_txt="2\n")
    return good, team.commit("two", a_txt="3\n")


async def _hostile_subject(team: Team) -> tuple[str, str]:
    good = team.commit("good", a_txt="1")
    return good, team.commit('--upload-pack="$(touch x)"; rm -rf / \u202e', a_txt="2")


async def _renamed_and_deleted(team: Team) -> tuple[str, str]:
    good = team.commit("good", a_txt="1", b_txt="2")
    team.git("mv", "a.txt", "z.txt")
    team.git("rm", "-q", "b.txt")
    return good, team.commit("moved")


@pytest.mark.parametrize(
    "history", [_merged, _empty_commit, _would_conflict, _hostile_subject, _renamed_and_deleted]
)
async def test_the_pushed_tree_is_the_targets_whatever_lies_between(
    history: Callable[[Team], object], team: Team, tmp_path: Path
) -> None:
    good, bad = await history(team)  # type: ignore[misc]
    done = await revert_strategy(tmp_path, team.origin).execute(order(bad, good), Notes())
    assert done.result is ExecutionResult.DONE, done.detail
    assert team.tree("main") == team.tree(good)
    assert team.at_origin("merge-base", bad, "main") == bad, "history is only added to"


@pytest.mark.parametrize(
    ("bad", "target", "expected"),
    [
        ("2.0.0", "1.0.0", True),
        ("2.0.0", "0.9.0", "no tag v0.9.0 or 0.9.0"),
        ("2.0.0", "--upload-pack=x", "no name that a tag can have"),
    ],
)
async def test_releases_known_by_version_are_tags(
    bad: str, target: str, expected: str | bool, team: Team, tmp_path: Path
) -> None:
    good = team.commit("good", a_txt="1", tag="v1.0.0")
    team.commit("bad", a_txt="2", tag="2.0.0")
    strategy = revert_strategy(tmp_path, team.origin)
    can = await strategy.can_go_back(release(version=bad), release(version=target))
    assert can.possible is (expected is True), can.why
    if expected is True:
        done = await strategy.execute(order(release(version=bad), release(version=target)), Notes())
        assert done.result is ExecutionResult.DONE, done.detail
        assert team.tree("main") == team.tree(good)
    else:
        assert str(expected) in can.why


async def test_nothing_is_pushed_where_it_would_be_wrong(team: Team, tmp_path: Path) -> None:
    older = team.commit("older", a_txt="0")
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    strategy = revert_strategy(tmp_path, team.origin)
    elsewhere = "ab" * 20
    cases = {
        (bad, bad): "one commit",
        (good, older): "moved on",
        (bad, elsewhere): "no commit abababababab",
        (elsewhere, good): "no commit abababababab",
    }
    for (from_, to), words in cases.items():
        can = await strategy.can_go_back(release(from_), release(to))
        done = await strategy.execute(order(from_, to), notes := Notes())
        assert (can.possible, done.result) == (False, ExecutionResult.FAILED), (from_, to)
        assert words in can.why
        assert words in done.detail
        assert notes.memos == []
    platform_only = await strategy.can_go_back(release(bad), release(platform_id="dep-1"))
    assert not platform_only.possible
    assert team.tip() == bad


async def test_a_rollback_of_ours_is_never_reverted(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    strategy = revert_strategy(tmp_path, team.origin)
    assert (await strategy.execute(order(bad, good), Notes())).result is ExecutionResult.DONE
    team.git("pull", "-q", "origin", "main")
    next_bad = team.commit("next", b_txt="3")

    again = replace(order(next_bad, bad), id="rb-2/api")
    can = await strategy.can_go_back(again.bad, again.target)
    done = await strategy.execute(again, Notes())

    assert not can.possible
    assert done.result is ExecutionResult.FAILED
    assert "is a rollback of ours" in done.detail
    assert team.tip() == next_bad


async def test_the_same_order_again_finds_the_branch_mended(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    strategy = revert_strategy(tmp_path, team.origin)
    await strategy.execute(order(bad, good), Notes())
    mended = team.tip()

    again = await strategy.execute(order(bad, good), notes := Notes())
    can = await strategy.can_go_back(release(bad), release(good))

    assert again.result is ExecutionResult.DONE
    assert again.facts["commit"] == mended
    assert notes.memos == []
    assert team.tip() == mended
    assert not can.possible
    assert "already" in can.why


async def test_a_revert_by_hand_is_left_to_its_author(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    by_hand = team.commit('Revert "bad"', a_txt="1")
    can = await revert_strategy(tmp_path, team.origin).can_go_back(release(bad), release(good))
    assert not can.possible
    assert "somebody has brought the target's files back" in can.why
    assert team.tip() == by_hand


async def test_a_refusal_of_the_host_is_said_in_its_words(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    team.hook("pre-receive", "echo 'GH006: Protected branch update failed'; exit 1")
    done = await revert_strategy(tmp_path, team.origin).execute(order(bad, good), Notes())
    assert done.result is ExecutionResult.FAILED
    assert "main refuses the push: pre-receive hook declined" in done.detail
    assert team.tip() == bad


async def test_who_pushes_first_wins_and_is_not_overwritten(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")

    class PushedMeanwhile(Notes):
        async def __call__(self, memo: object) -> None:
            await asyncio.to_thread(team.commit, "a fix", a_txt="3")

    done = await revert_strategy(tmp_path, team.origin).execute(order(bad, good), PushedMeanwhile())
    assert done.result is ExecutionResult.FAILED
    assert "main has moved on" in done.detail
    assert team.subjects(bad) == ["a fix"]


async def test_a_busy_branch_is_tried_again(team: Team, tmp_path: Path) -> None:
    """The origin's lock on the branch is held once; then the same commit goes through."""
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    lock = team.origin / "refs/heads/main.lock"
    team.hook("pre-receive", f"if [ ! -e once ]; then touch once '{lock}'; else rm -f '{lock}'; fi")
    done = await revert_strategy(tmp_path, team.origin).execute(order(bad, good), Notes())
    assert done.result is ExecutionResult.DONE, done.detail
    assert team.subjects(bad) == ['Revert "bad"']


async def test_a_partial_clone_pushes_files_it_never_had(team: Team, tmp_path: Path) -> None:
    team.at_origin("config", "uploadpack.allowFilter", "true")
    team.at_origin("config", "uploadpack.allowAnySHA1InWant", "true")
    good = team.commit("good", **{f"f{n}_txt": f"good {n}" for n in range(20)})
    bad = team.commit("bad", **{f"f{n}_txt": f"bad {n}" for n in range(20)})
    done = await revert_strategy(tmp_path, team.origin).execute(order(bad, good), Notes())
    assert done.result is ExecutionResult.DONE, done.detail
    assert team.tree("main") == team.tree(good)


async def test_nothing_of_user_or_repository_changes_what_git_does(team: Team, tmp_path: Path) -> None:
    """A template with hooks, signing, a rewritten address: the user has them, and none of it is used."""
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "pre-push").write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\nexit 1\n")
    (hooks / "pre-push").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f"[init]\ntemplateDir = {hooks.parent}\n[commit]\ngpgSign = true\n"
        f'[url "/nowhere/"]\ninsteadOf = {team.origin.parent}/\n'
    )
    done = await revert_strategy(tmp_path, team.origin).execute(order(bad, good), Notes())
    assert done.result is ExecutionResult.DONE, done.detail
    assert not (tmp_path / "hook-ran").exists()


async def test_a_configuration_that_the_operator_names_is_used(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    config = tmp_path / "gitconfig"
    config.write_text(f'[url "{team.origin.parent}/"]\ninsteadOf = https://git.invalid/\n')
    strategy = revert_strategy(tmp_path, "https://git.invalid/origin.git", GIT_CONFIG_GLOBAL=str(config))
    done = await strategy.execute(order(bad, good), Notes())
    assert done.result is ExecutionResult.DONE, done.detail


async def test_what_can_not_be_cloned_is_no_answer(tmp_path: Path) -> None:
    strategy = revert_strategy(tmp_path, tmp_path / "nowhere.git")
    with pytest.raises(PlatformFailed, match="git clone ended with exit status 128"):
        await strategy.can_go_back(release("a" * 40), release("b" * 40))
    done = await strategy.execute(order("a" * 40, "b" * 40), notes := Notes())
    assert done.result is ExecutionResult.FAILED
    assert "Nothing was pushed" in done.detail
    assert notes.memos == []


async def test_the_clone_for_questions_survives_damage(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    strategy = revert_strategy(tmp_path, team.origin)
    assert (await strategy.can_go_back(release(bad), release(good))).possible
    newer = team.commit("newer", a_txt="3")
    assert (await strategy.can_go_back(release(newer), release(good))).possible
    (mirror,) = (tmp_path / "state").rglob("mirror-*.git")
    (mirror / "HEAD").write_text("rubbish")
    assert (await strategy.can_go_back(release(newer), release(good))).possible


async def test_a_push_that_hangs_is_ended_and_looked_after(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    fifo = tmp_path / "never"
    os.mkfifo(fifo)
    team.hook("pre-receive", f"cat {fifo}")
    strategy = revert_strategy(tmp_path, team.origin)
    done = await strategy.execute(order(bad, good, deadline_s=2.0), Notes())
    assert done.result is ExecutionResult.TIMED_OUT, done.detail
    assert team.tip() == bad


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("nothing", ExecutionResult.NOT_DONE),
        ("arrived", ExecutionResult.DONE),
        ("arrived, then others", ExecutionResult.DONE),
        ("others", ExecutionResult.FAILED),
        ("rewritten", ExecutionResult.UNKNOWN),
    ],
)
async def test_after_a_crash_the_branch_says_what_happened(
    after: str, expected: ExecutionResult, team: Team, tmp_path: Path
) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    strategy, notes = revert_strategy(tmp_path, team.origin), Notes()
    await strategy.execute(order(bad, good), notes)
    match after:
        case "nothing":
            team.at_origin("update-ref", "refs/heads/main", bad)
        case "arrived, then others":
            team.git("pull", "-q", "origin", "main")
            team.commit("later", b_txt="1")
        case "others":
            team.at_origin("update-ref", "refs/heads/main", bad)
            team.commit("later", b_txt="1")
        case "rewritten":
            team.at_origin("update-ref", "refs/heads/main", good)
    tip = team.tip()

    seen = await revert_strategy(tmp_path, team.origin).what_happened(order(bad, good), notes.last, Notes())

    assert seen.result is expected, seen.detail
    assert team.tip() == tip, "looking changes nothing"


async def test_interrupted_before_the_push_nothing_was_done(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    seen = await revert_strategy(tmp_path, team.origin).what_happened(order(good, good), {}, Notes())
    assert seen.result is ExecutionResult.NOT_DONE


async def test_cancelling_a_push_ends_it_before_it_returns(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    fifo = tmp_path / "never"
    os.mkfifo(fifo)
    team.hook("pre-receive", f"touch {tmp_path}/in-hook; cat {fifo}")
    strategy = revert_strategy(tmp_path, team.origin)
    task = asyncio.create_task(strategy.execute(order(bad, good), Notes()))
    async with asyncio.timeout(20):
        while not (tmp_path / "in-hook").exists():
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert team.tip() == bad
    assert not list((tmp_path / "state").rglob("*~*"))


async def test_a_push_that_outlived_its_handler_is_awaited_and_not_repeated(
    team: Team, tmp_path: Path
) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    os.mkfifo(tmp_path / "go")
    team.hook("pre-receive", f"touch {tmp_path}/in-hook; read line < {tmp_path}/go")
    given, spec = order(bad, good), {"repository": str(team.origin)}
    with handler("git-revert", tmp_path, spec, given):
        await asyncio.to_thread(wait_for, (tmp_path / "in-hook").exists, "the push")

    strategy = strategy_of("git-revert", tmp_path, spec)
    looking = asyncio.create_task(strategy.what_happened(given, last_memo(tmp_path), Notes()))
    _, waits = await asyncio.wait([looking], timeout=0.3)
    assert waits, "it answered while the push was running"
    await asyncio.to_thread((tmp_path / "go").write_text, "go\n")
    seen = await asyncio.wait_for(looking, 20)

    assert seen.result is ExecutionResult.DONE, seen.detail
    assert team.subjects(bad) == ['Revert "bad"']
    assert list((tmp_path / "state").rglob("*~*")) == [], "what the crash left is cleared"


async def test_killed_between_note_and_push_the_order_is_given_again(team: Team, tmp_path: Path) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    given, spec = order(bad, good), {"repository": str(team.origin)}
    memo = await asyncio.to_thread(crash, "git-revert", tmp_path, spec, given, 1)
    strategy = strategy_of("git-revert", tmp_path, spec)
    seen = await strategy.what_happened(given, memo, Notes())
    assert (memo["phase"], seen.result) == ("pushing", ExecutionResult.NOT_DONE)
    assert (await strategy.execute(given, Notes())).result is ExecutionResult.DONE
    assert team.subjects(bad) == ['Revert "bad"']


async def test_a_strategy_made_by_a_reload_leaves_the_clone_of_the_one_before_alone(
    team: Team, tmp_path: Path
) -> None:
    good = team.commit("good", a_txt="1")
    bad = team.commit("bad", a_txt="2")
    after_reload = revert_strategy(tmp_path, team.origin)

    class ReloadedMeanwhile(Notes):
        async def __call__(self, memo: Mapping[str, Any]) -> None:
            await after_reload.execute(replace(order(good, bad), id="rb-other/api"), Notes())

    done = await revert_strategy(tmp_path, team.origin).execute(order(bad, good), ReloadedMeanwhile())
    assert done.result is ExecutionResult.DONE, done.detail
