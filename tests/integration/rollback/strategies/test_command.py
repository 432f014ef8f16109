"""The command strategy with real programs: how they end, what they print, and after a crash."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from rollwatch.config.rollback_strategies import CommandSpec
from rollwatch.rollback.model.words import ExecutionResult
from rollwatch.rollback.strategies.command import CommandStrategy
from rollwatch.rollback.strategies.family import identity
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.processes import wait_for
from support.rollback_crashing import crash, handler, last_memo, strategy_of
from support.rollback_git import Notes, order, release, tools

GOOD, BAD = "a" * 40, "b" * 40
ORDER = order(BAD, GOOD)


def _strategy(root: Path, run: list[str] | None = None, **spec: Any) -> CommandStrategy:
    made = CommandSpec.model_validate({"run": run or ["true"], **spec})
    return CommandStrategy("api", "production", made, tools(root), shows_s=0.2, poll_s=0.05)


def _sh(script: str, *more: str) -> list[str]:
    return ["sh", "-c", script, "program", *more]


@pytest.mark.parametrize(
    ("run", "expected", "words"),
    [
        (["true"], ExecutionResult.DONE, "exit status 0"),
        (_sh("echo no such release; exit 4"), ExecutionResult.FAILED, "exit status 4: no such release"),
        (["no-such-program"], ExecutionResult.FAILED, "could not be started"),
        (["echo", "{target_version}"], ExecutionResult.FAILED, "the target release has no known version"),
    ],
)
async def test_what_the_program_does_is_what_is_said(
    run: list[str], expected: ExecutionResult, words: str, tmp_path: Path
) -> None:
    done = await _strategy(tmp_path, run).execute(ORDER, Notes())
    assert done.result is expected
    assert words in done.detail


async def test_it_gets_the_order_as_arguments_and_runs_beside_the_configuration(tmp_path: Path) -> None:
    run = _sh(
        'pwd; for x; do echo "$x"; done', "{service}", "--to={target_commit}", "{bad_commit}", "{rollback_id}"
    )
    done = await _strategy(tmp_path, run).execute(ORDER, notes := Notes())
    assert done.output.splitlines() == [str(tmp_path), "api", f"--to={GOOD}", BAD, ORDER.id]
    assert [memo["phase"] for memo in notes.memos] == ["running", "running"], "noted before it was started"
    assert "process" not in notes.memos[0]


@pytest.mark.parametrize(
    "hostile",
    [
        "--help",
        "-rf",
        "$(reboot)",
        "a;b",
        "a b",
        "two\nlines",
        "nul\0",
        "../../etc",
        "a/../b",
        "é",
        "x" * 129,
    ],
)
async def test_no_value_becomes_an_option_a_path_or_a_second_line(hostile: str, tmp_path: Path) -> None:
    strategy = _strategy(tmp_path, ["touch", "{target_version}"])
    target = release(GOOD, version=hostile)
    can = await strategy.can_go_back(release(BAD), target)
    done = await strategy.execute(order(release(BAD), target), notes := Notes())
    assert not can.possible
    assert "{target_version} has a value that is not passed on" in can.why
    assert hostile not in can.why + done.detail
    assert (done.result, notes.memos) == (ExecutionResult.FAILED, [])


async def test_secrets_reach_the_program_and_nobody_else(tmp_path: Path) -> None:
    strategy = _strategy(
        tmp_path,
        _sh('printf "%s\\n" "$TOKEN" "$OTHER"; test ${{#TOKEN}} = 12'),
        secrets={"TOKEN": "tok-4711-xyz"},
    )
    done = await strategy.execute(ORDER, notes := Notes())
    assert done.result is ExecutionResult.DONE
    assert done.output == "***\n\n"
    assert "4711" not in repr((done, notes.memos, strategy._spec))


async def test_one_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    strategy = _strategy(tmp_path, _sh("sleep 600 & echo $!; sleep 600"))
    done = await strategy.execute(order(BAD, GOOD, deadline_s=0.5), Notes())
    assert done.result is ExecutionResult.TIMED_OUT
    assert "had not finished after" in done.detail
    for pid in done.output.split():
        assert await asyncio.to_thread(identity, int(pid)) is None


@pytest.mark.parametrize(
    ("reported", "expected"),
    [(BAD, ExecutionResult.FAILED), (GOOD, ExecutionResult.DONE), ("c" * 40, ExecutionResult.DONE)],
)
async def test_success_with_the_bad_release_still_there_is_none(
    reported: str, expected: ExecutionResult, tmp_path: Path
) -> None:
    current = ["echo", json.dumps({"commit": reported}).replace("{", "{{").replace("}", "}}")]
    done = await _strategy(tmp_path, ["echo", "skipped rollback"], current=current).execute(ORDER, Notes())
    assert done.result is expected, done.detail


@pytest.mark.parametrize(
    ("script", "possible", "words"),
    [("exit 0", True, "exit status 0"), ("echo its image is gone >&2; exit 1", False, "its image is gone")],
)
async def test_check_says_whether_it_is_possible(
    script: str, possible: bool, words: str, tmp_path: Path
) -> None:
    can = await _strategy(tmp_path, check=_sh(script)).can_go_back(release(BAD), release(GOOD))
    assert (can.possible, words in can.why) == (possible, True), can.why


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (json.dumps({"commit": GOOD, "version": "1.2"}), release(GOOD, version="1.2")),
        ("noise\n" + '{"id": 17}', release(platform_id="17")),
        (json.dumps({"commit": GOOD.upper()}), release(GOOD)),
        ("null", None),
        ("", "printed nothing"),
        ("v1.2.3", "printed no JSON"),
        ('{"commit": "abc123"}', "no full SHA"),
        ('{"release": "1"}', "none of `commit`, `version` and `id`"),
        ('{"version": ["x"]}', "no text"),
        ("[" * 100_000, "printed no JSON"),
    ],
)
async def test_what_current_prints(printed: str, expected: object, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(printed)
    strategy = _strategy(tmp_path, current=_sh("echo a warning >&2; cat said"))
    if isinstance(expected, str):
        with pytest.raises(PlatformFailed, match=expected):
            await strategy.current()
    else:
        assert await strategy.current() == expected


async def test_what_history_prints(tmp_path: Path) -> None:
    said = [
        {"version": "2", "started_at": "2026-01-31T12:00:00Z"},
        {"version": "1", "started_at": 1_700_000_000, "ended_at": 1_700_000_060.5, "failed": True},
    ] + [{"version": "0", "started_at": 1}] * 200
    (tmp_path / "said").write_text(json.dumps(said))
    past = await _strategy(tmp_path, history=["cat", "said"]).history()
    assert len(past) == 100
    assert [(one.release.version, one.started_at, one.ended_at, one.failed) for one in past[:2]] == [
        ("2", 1_769_860_800.0, None, False),
        ("1", 1_700_000_000.0, 1_700_000_060.5, True),
    ]


@pytest.mark.parametrize(
    "printed", ["{}", '[{"version": "1"}]', '[{"version": "1", "started_at": "yesterday"}]', "[1]", "[NaN]"]
)
async def test_a_history_that_can_not_be_read_is_no_answer(printed: str, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(printed)
    with pytest.raises(PlatformFailed, match="cat printed"):
        await _strategy(tmp_path, history=["cat", "said"]).history()


async def test_without_programs_to_ask_nothing_is_known(tmp_path: Path) -> None:
    strategy = _strategy(tmp_path)
    assert await strategy.current() is None
    assert list(await strategy.history()) == []
    assert (await strategy.can_go_back(release(BAD), release(GOOD))).possible


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, ExecutionResult.DONE),
        (3, ExecutionResult.NOT_DONE),
        (1, ExecutionResult.UNKNOWN),
        (None, ExecutionResult.UNKNOWN),
    ],
)
async def test_after_a_crash_only_status_can_tell(
    status: int | None, expected: ExecutionResult, tmp_path: Path
) -> None:
    spec = {} if status is None else {"status": _sh(f"exit {status}")}
    strategy = _strategy(tmp_path, ["touch", "ran"], **spec)
    seen = await strategy.what_happened(ORDER, {"phase": "running", "began_at": 1.0}, Notes())
    before = await strategy.what_happened(ORDER, {}, Notes())
    assert seen.result is expected
    assert before.result is ExecutionResult.NOT_DONE
    assert not (tmp_path / "ran").exists()


async def test_a_handler_killed_while_the_program_runs_finds_it_and_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    leave = "setsid sleep 60 > /dev/null 2>&1 & echo $! > left"
    spec = {
        "run": _sh(f"{leave}; echo x >> began; read line < go; echo x >> done"),
        "status": _sh("test -e done || exit 3"),
    }
    with handler("command", tmp_path, spec, ORDER):
        await asyncio.to_thread(wait_for, lambda: "process" in last_memo(tmp_path), "the program to be noted")
        await asyncio.to_thread(wait_for, (tmp_path / "began").exists, "the program to begin")
    strategy = strategy_of("command", tmp_path, spec)

    looking = asyncio.create_task(strategy.what_happened(ORDER, last_memo(tmp_path), Notes()))
    _, waits = await asyncio.wait([looking], timeout=0.5)
    assert waits, "it answered while the program was running"
    await asyncio.to_thread((tmp_path / "go").write_text, "go\n")
    seen = await asyncio.wait_for(looking, 20)

    left = int((tmp_path / "left").read_text())
    os.kill(left, signal.SIGKILL)  # Raises where what the program left running was ended with it.
    assert seen.result is ExecutionResult.DONE, seen.detail
    assert (tmp_path / "began").read_text() == "x\n", "it ran twice"


async def test_a_program_that_outlived_its_handler_is_ended_at_its_deadline(tmp_path: Path) -> None:
    spec = {"run": _sh("echo x > began; sleep 600"), "status": _sh("exit 1")}
    with handler("command", tmp_path, spec, ORDER):
        await asyncio.to_thread(wait_for, lambda: "process" in last_memo(tmp_path), "the program to be noted")
    memo = last_memo(tmp_path)
    late = {**memo, "began_at": memo["began_at"] - 3600}
    seen = await strategy_of("command", tmp_path, spec).what_happened(ORDER, late, Notes())
    assert seen.result is ExecutionResult.UNKNOWN
    assert await asyncio.to_thread(identity, int(memo["process"].partition(":")[0])) is None


async def test_a_handler_killed_right_after_its_first_note_ran_nothing(tmp_path: Path) -> None:
    spec = {"run": ["touch", "ran"], "status": _sh("test -e ran || exit 3")}
    memo = await asyncio.to_thread(crash, "command", tmp_path, spec, ORDER, 1)
    seen = await strategy_of("command", tmp_path, spec).what_happened(ORDER, memo, Notes())
    assert seen.result is ExecutionResult.NOT_DONE
    assert memo["phase"] == "running"
    assert not (tmp_path / "ran").exists()
