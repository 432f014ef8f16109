"""Programs that behave badly, and that they are ended, bounded and silent about secrets."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from rollwatch.clock import SystemClock
from rollwatch.rollback.strategies.family import identity
from rollwatch.rollback.strategies.process import CommandResult, run_command

_PATH = {"PATH": os.environ["PATH"]}


class _LateOnce(SystemClock):
    """The deadline is over as soon as `begun` is there, however busy this host is."""

    def __init__(self, begun: Path) -> None:
        self._begun = begun

    def monotonic(self) -> float:
        return super().monotonic() + (3600 if self._begun.exists() else 0)


async def _run(argv: Sequence[str], cwd: Path, **options: Any) -> CommandResult:
    return await run_command(
        argv, cwd=cwd, **{"env": _PATH, "timeout_s": 20.0, "kill_after_s": 0.3, **options}
    )


async def _sh(script: str, cwd: Path, **options: Any) -> CommandResult:
    return await _run(["sh", "-c", script], cwd, **options)


@pytest.mark.parametrize(
    ("script", "code", "ending"),
    [
        ("echo out; echo err >&2", 0, "ended with exit status 0"),
        ("exit 3", 3, "ended with exit status 3"),
        ("kill -KILL $$", -9, "was ended by SIGKILL"),
    ],
)
async def test_how_it_ended_is_said(script: str, code: int, ending: str, tmp_path: Path) -> None:
    result = await _sh(script, tmp_path)
    assert (result.exit_code, result.ending) == (code, ending)
    assert result.is_success == (code == 0)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["no-such-program"], "No such file or directory: no-such-program"),
        (["/etc/passwd"], "Permission denied: /etc/passwd"),
        (["echo", "a\0b"], "can't be passed"),
        (["echo", "x" * 3_000_000], "Argument list too long"),
    ],
)
async def test_what_can_not_be_started_is_an_answer(argv: list[str], words: str, tmp_path: Path) -> None:
    result = await _run(argv, tmp_path)
    assert result.exit_code is None
    assert words in (result.not_started or "")


async def test_arguments_are_data(tmp_path: Path) -> None:
    hostile = [
        "; touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "--upload-pack=x",
        "two\nlines",
        "ünï\u202e",
    ]
    result = await _run(["printf", "%s|", *hostile], tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert result.output == "|".join(hostile).replace("\u202e", "?") + "|"


async def test_only_what_is_given_is_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-children")
    result = await _run(["env"], tmp_path, env={**_PATH, "GIVEN": "1"})
    names = {line.partition("=")[0] for line in result.output.splitlines()}
    assert names == {"PATH", "GIVEN"}


@pytest.mark.parametrize(
    "start",
    [
        "sleep 600 & sleep 600 &",
        "trap '' TERM; (trap '' TERM; sleep 600) &",
        "setsid sh -c 'touch away; exec sleep 600' &\nwhile [ ! -e away ]; do sleep 0.01; done; trap '' TERM",
        f"{sys.executable} -c 'import os, time; os.setpgid(0, 0); time.sleep(600)' &",
    ],
    ids=["children", "that ignore TERM", "in another session", "in groups of their own"],
)
async def test_at_the_deadline_all_of_it_ends(start: str, tmp_path: Path) -> None:
    mark = f"ROLLWATCH_TEST={os.getpid()}-{time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    result = await _sh(
        f"{start}\necho begun; touch begun; sleep 600",
        tmp_path,
        env={**_PATH, name: value},
        clock=_LateOnce(tmp_path / "begun"),
    )
    assert result.timed_out
    assert result.exit_code is None
    assert result.output == "begun\n"
    assert _marked(mark) == []


async def test_who_ends_at_sigterm_may_clean_up(tmp_path: Path) -> None:
    script = "trap 'echo cleaned; exit 0' TERM; echo begun; touch begun; while :; do sleep 0.05; done"
    result = await _sh(script, tmp_path, kill_after_s=20.0, clock=_LateOnce(tmp_path / "begun"))
    assert result.timed_out
    assert result.output.endswith("cleaned\n")


async def test_cancelling_ends_it_before_it_returns(tmp_path: Path) -> None:
    mark = f"ROLLWATCH_TEST={os.getpid()}-{time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    begun = tmp_path / "begun"
    task = asyncio.create_task(
        _sh(f"trap '' TERM; touch {begun}; sleep 600 & sleep 600", tmp_path, env={**_PATH, name: value})
    )
    async with asyncio.timeout(20):
        while not begun.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert _marked(mark) == []


async def test_what_is_left_in_the_background_neither_hangs_nor_dies(tmp_path: Path) -> None:
    """A deployment may start the service itself; and that may hold our pipe open."""
    result = await _sh("setsid sleep 600 & echo $!", tmp_path)
    left = int(result.output)
    try:
        assert result.exit_code == 0
        assert await asyncio.to_thread(identity, left) is not None
    finally:
        os.kill(left, signal.SIGKILL)


async def test_endless_and_binary_output_is_bounded_json(tmp_path: Path) -> None:
    result = await _sh("echo first; head -c 20000000 /dev/urandom; echo; echo last", tmp_path)
    assert result.exit_code == 0
    assert len(result.output) < 70_000
    assert result.output.startswith("first\n")
    assert result.output.endswith("\nlast\n")
    assert "[... 199" in result.output
    assert json.loads(json.dumps(result.output)) == result.output
    assert all(character.isprintable() or character in "\n\t" for character in result.output)


async def test_a_secret_is_not_shown_in_any_of_its_usual_forms(tmp_path: Path) -> None:
    secret = 'p@ss/w"rd+4711&x'
    said = [
        secret,
        quote(secret, safe=""),
        json.dumps({"token": secret}),
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(f"deployer:{secret}".encode()).decode(),
        base64.urlsafe_b64encode(f"de:{secret}".encode()).decode(),
        "\n".join(secret),
        f"https://deployer:{secret.replace('/', '%2F')}@host/x",
    ]
    result = await _run(["printf", "%s\n", *said], tmp_path, secrets=[secret, ""])
    assert result.output.count("***") == len(said)
    assert "4711" not in result.output
    assert base64.b64encode(b'w"rd+4711').decode()[2:10] not in result.output


async def test_credentials_in_addresses_are_not_shown_even_if_nobody_declared_them(tmp_path: Path) -> None:
    result = await _run(
        ["echo", "https://ghp_abc@github.com/x postgres://app:hunter2@db/x ssh://git@host/x"], tmp_path
    )
    assert result.output == "https://***@github.com/x postgres://app:***@db/x ssh://git@host/x\n"


@pytest.mark.parametrize("before", range(32_700, 32_772, 9))
async def test_a_secret_across_the_cut_leaves_no_piece(before: int, tmp_path: Path) -> None:
    secret = "SECRETSECRETSECRET-0123456789"
    (tmp_path / "text").write_text("a" * before + secret + "b" * 100_000 + secret + "c" * (before - 5))
    result = await _run(["cat", "text"], tmp_path, secrets=[secret])
    assert "left out" in result.output
    assert "SECRET" not in result.output
    assert "0123" not in result.output


async def test_a_key_of_many_lines_is_not_shown_line_by_line(tmp_path: Path) -> None:
    lines = [base64.b64encode(bytes([n]) * 48).decode() for n in range(20)]
    key = "-----BEGIN KEY-----\n" + "\n".join(lines) + "\n-----END KEY-----\n"
    (tmp_path / "said").write_text("".join(f"> {line}\n" for line in key.splitlines()))
    result = await _run(["cat", "said"], tmp_path, secrets=[key])
    assert not any(line[:40] in result.output for line in lines)


def _marked(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                found.append((path / "cmdline").read_bytes().decode())
        except OSError:
            continue
    return found
