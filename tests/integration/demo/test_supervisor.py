"""The supervisor starts in order, says what fails, and leaves nothing behind: with real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from rollwatch.demo.rundir import RunDir
from rollwatch.demo.supervisor.down import stop_running
from rollwatch.demo.supervisor.process import last_lines
from rollwatch.demo.supervisor.runlock import holder
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHIN_S = 20.0

# A server that is ready at once. It writes its pid, and what it is told by its first argument:
# `obey` ends on TERM, `ignore` does not, `family` has a child in a session of its own.
SERVER = """
import http.server, os, pathlib, signal, subprocess, sys
mode, directory, name, port = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
def ended(*_):
    with (directory / "ends").open("a") as file:
        file.write(name + "\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "ignore" else ended)
if mode == "family":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    (directory / (name + "-child.pid")).write_text(str(child.pid))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", port), Handler)
(directory / (name + ".pid")).write_text(str(os.getpid()))
server.serve_forever()
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def server(directory: Path, name: str, mode: str = "obey", **more: Any) -> dict[str, Any]:
    port = free_port()
    return {
        "name": name,
        "argv": [sys.executable, "-c", SERVER, mode, str(directory), name, str(port)],
        "ready_url": f"http://127.0.0.1:{port}/",
        "ports": {name: port},
        **more,
    }


def script(name: str, code: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "argv": [sys.executable, "-c", code], "ready_url": None, **more}


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_S:g} s: {what}"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def supervisor(directory: Path, *processes: dict[str, Any], **plan: Any) -> Iterator[subprocess.Popen[str]]:
    """The supervisor as a process; killed at the end if the test has not ended it."""
    path = directory / "plan.json"
    path.write_text(json.dumps({"processes": processes, **plan}))
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("supervised.py")), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=WITHIN_S)


def read_until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    said = []
    for text in process.stdout:
        said.append(text)
        if text.strip() == line:
            return
    raise AssertionError(f"{line!r} was not said, but:\n{''.join(said)}")


def pid_of(directory: Path, name: str) -> int:
    return int((directory / f"{name}.pid").read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_all_in_the_opposite_order(tmp_path: Path, number: signal.Signals) -> None:
    with supervisor(tmp_path, server(tmp_path, "first"), server(tmp_path, "second")) as process:
        read_until(process, "all ready")
        process.send_signal(number)
        output, _ = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 0, output
    assert (tmp_path / "ends").read_text().split() == ["second", "first"]
    assert not is_running(pid_of(tmp_path, "first"))


def test_a_child_that_ignores_term_is_killed(tmp_path: Path) -> None:
    with supervisor(tmp_path, server(tmp_path, "stubborn", "ignore", stop_within_s=0.2)) as process:
        read_until(process, "all ready")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WITHIN_S)

    assert process.returncode == 0
    assert not is_running(pid_of(tmp_path, "stubborn"))


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with supervisor(tmp_path, server(tmp_path, "stubborn", "ignore", stop_within_s=3600)) as process:
        read_until(process, "all ready")
        process.send_signal(signal.SIGINT)
        read_until(process, "stopping stubborn")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WITHIN_S)

    assert not is_running(pid_of(tmp_path, "stubborn"))


def test_a_grandchild_in_its_own_session_goes_too(tmp_path: Path) -> None:
    with supervisor(tmp_path, server(tmp_path, "parent", "family")) as process:
        read_until(process, "all ready")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WITHIN_S)

    assert not is_running(pid_of(tmp_path, "parent-child"))


def test_nothing_survives_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with supervisor(
        tmp_path, server(tmp_path, "stubborn", "ignore"), server(tmp_path, "parent", "family")
    ) as process:
        read_until(process, "all ready")
        process.kill()
        names = ("stubborn", "parent", "parent-child")
        eventually(lambda: not any(is_running(pid_of(tmp_path, name)) for name in names), "no orphan is left")


def test_another_start_right_after_a_kill_clears_what_is_left(tmp_path: Path) -> None:
    stubborn = server(tmp_path, "stubborn", "ignore", stop_within_s=0.2)
    with supervisor(tmp_path, stubborn) as process:
        read_until(process, "all ready")
        process.kill()
        process.wait()
        first = pid_of(tmp_path, "stubborn")
        with supervisor(tmp_path, stubborn) as second:  # on the same port
            read_until(second, "all ready")
            assert not is_running(first)
            assert is_running(pid_of(tmp_path, "stubborn"))


def test_a_child_that_ends_takes_all_down_and_its_last_words_are_shown(tmp_path: Path) -> None:
    dying = script("dying", "import sys; print('the database is not there'); sys.exit(3)")
    with supervisor(tmp_path, server(tmp_path, "first"), dying) as process:
        output, _ = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 4
    assert "dying ended with status 3" in output
    assert "    the database is not there" in output
    assert "all ready" not in output
    assert not is_running(pid_of(tmp_path, "first"))


def test_a_child_that_is_killed_later_is_told_by_its_signal(tmp_path: Path) -> None:
    with supervisor(tmp_path, server(tmp_path, "first"), server(tmp_path, "second")) as process:
        read_until(process, "all ready")
        os.kill(pid_of(tmp_path, "first"), signal.SIGKILL)
        output, _ = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 4
    assert "first ended with signal SIGKILL" in output
    assert not is_running(pid_of(tmp_path, "second"))


def test_a_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    sleeper = script("sleeper", "import time; print('thinking', flush=True); time.sleep(600)")
    with supervisor(tmp_path, sleeper, ready_within_s=1.0) as process:
        output, _ = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 4
    assert "sleeper was not ready after 1 s" in output
    assert "    thinking" in output


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = {"name": "missing", "argv": ["/no/such/program"], "ready_url": None}
    with supervisor(tmp_path, server(tmp_path, "first"), missing) as process:
        output, _ = process.communicate(timeout=WITHIN_S)

    assert "missing can't be started: /no/such/program: No such file or directory" in output
    assert not is_running(pid_of(tmp_path, "first"))


def test_a_taken_port_is_said_with_its_owner_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        second = server(tmp_path, "second", ports={"second": taken})
        with supervisor(tmp_path, server(tmp_path, "first"), second) as process:
            output, _ = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 4
    assert f"port {taken} (second) is taken by " in output
    assert f"(pid {os.getpid()})" in output
    assert not (tmp_path / "first.pid").exists()


def test_a_second_supervisor_says_that_one_is_up(tmp_path: Path) -> None:
    with supervisor(tmp_path, server(tmp_path, "first")) as process:
        read_until(process, "all ready")
        with supervisor(tmp_path, server(tmp_path, "other")) as second:
            output, _ = second.communicate(timeout=WITHIN_S)

        assert second.returncode == 4
        assert f"already up in {tmp_path} (pid {process.pid})" in output
        assert is_running(pid_of(tmp_path, "first"))


def test_down_stops_it_from_elsewhere(tmp_path: Path) -> None:
    with supervisor(tmp_path, server(tmp_path, "first")) as process:
        read_until(process, "all ready")
        assert stop_running(RunDir(tmp_path)) == "stopped"
        process.communicate(timeout=WITHIN_S)

    assert process.returncode == 0
    assert not is_running(pid_of(tmp_path, "first"))


def test_down_ends_a_supervisor_that_does_not_end(tmp_path: Path) -> None:
    with supervisor(tmp_path, server(tmp_path, "first")) as process:
        read_until(process, "all ready")
        process.send_signal(signal.SIGSTOP)
        assert "by force" in stop_running(RunDir(tmp_path), within_s=0.2)
        process.communicate(timeout=WITHIN_S)

    eventually(lambda: not is_running(pid_of(tmp_path, "first")), "the child is gone")


def test_down_with_nothing_running_says_so(tmp_path: Path) -> None:
    assert "nothing is running" in stop_running(RunDir(tmp_path))


def test_down_leaves_a_process_alone_whose_id_was_used_again(tmp_path: Path) -> None:
    # Somebody holds the lock, but the id in the file is of a process that started at another time.
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with supervisor(tmp_path, server(tmp_path, "first")) as process:
            read_until(process, "all ready")
            path = tmp_path / "supervisor.json"
            record = json.loads(path.read_bytes())
            another = {"pid": bystander.pid, "started_ticks": 1}
            # In place: a new file would have no lock.
            with path.open("r+b") as file:
                file.write(json.dumps({**record, **another}).encode())
                file.truncate()
            with pytest.raises(DemoError, match="is left alone"):
                stop_running(RunDir(tmp_path), within_s=0.2)

            assert bystander.poll() is None
            assert holder(path) is not None
    finally:
        bystander.kill()
        bystander.wait()


def test_last_lines_are_bounded_and_free_of_control_characters(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"early\n" * 5000 + b"\x1b[2J\xff late\n")

    shown = last_lines(log)

    assert len(shown.splitlines()) == 20
    assert shown.splitlines()[-1] == "    \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} late"
