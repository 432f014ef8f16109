"""Declared processes, measured on real ones: found, replaced, killed under our hands, hidden from us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from rollwatch.config.document import ProcessSpec
from rollwatch.host import metrics as m
from rollwatch.host.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY = "import sys; print('ready', flush=True); x = 0\nwhile True: x += 1"
IDLE = "import sys; print('ready', flush=True); sys.stdin.read()"
Started = list[subprocess.Popen[bytes]]
MARK = f"rollwatch-test-{os.getpid()}"


@pytest.fixture
def started() -> Iterator[Started]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def start(started: Started, code: str = IDLE, mark: str = MARK) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, mark], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def declared(**how: Any) -> Processes:
    return Processes([ProcessSpec.model_validate({"name": "worker", **how})])


def read(processes: Processes) -> dict[str, float]:
    return {figure.metric.name: figure.value for figure in processes.read()}


def test_processes_that_match_are_added_up(started: Started) -> None:
    processes = declared(match=MARK)
    assert read(processes) == {m.PROCESS_INSTANCES.name: 0, m.PROCESS_CPU_SECONDS.name: 0}
    first = start(started)
    alone = read(processes)
    second = start(started)
    both = read(processes)
    assert (alone[m.PROCESS_INSTANCES.name], both[m.PROCESS_INSTANCES.name]) == (1, 2)
    one, two = psutil.Process(first.pid), psutil.Process(second.pid)
    assert both[m.PROCESS_RESIDENT_BYTES.name] == pytest.approx(
        one.memory_info().rss + two.memory_info().rss, rel=0.05
    )
    assert both[m.PROCESS_OPEN_FDS.name] == one.num_fds() + two.num_fds()
    assert both[m.PROCESS_START_TIME.name] == two.create_time() >= alone[m.PROCESS_START_TIME.name]


def test_cpu_time_keeps_growing_over_a_restart(started: Started) -> None:
    processes = declared(match=MARK)
    before = 0.0
    for _ in range(2):
        process = start(started, BUSY)
        used = burnt(process)
        now = read(processes)[m.PROCESS_CPU_SECONDS.name]
        assert now >= before + used
        before = now
        process.kill()
        process.wait()
    assert read(processes)[m.PROCESS_CPU_SECONDS.name] == before


def burnt(process: subprocess.Popen[bytes], at_least_s: float = 0.1) -> float:
    """The CPU time of a busy process, once there is some."""
    used = 0.0
    while used < at_least_s:  # the test's timeout is the bound
        used = sum(psutil.Process(process.pid).cpu_times()[:2])
    return used


def test_cpu_time_is_that_of_the_process_however_often_it_is_read(started: Started) -> None:
    processes = declared(match=MARK)
    process = start(started, BUSY)
    burnt(process)
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    used = burnt(process)
    for _ in range(3):
        assert read(processes)[m.PROCESS_CPU_SECONDS.name] == pytest.approx(used)


def test_a_step_of_the_hosts_clock_is_no_restart(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = declared(match=MARK)
    process = start(started, BUSY)
    burnt(process)
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    before = read(processes)
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: real(process) + 3600)
    assert read(processes) == before


def test_a_killed_process_is_not_counted_even_before_it_is_reaped(started: Started, tmp_path: Path) -> None:
    process = start(started)
    file = tmp_path / "worker.pid"
    file.write_text(str(process.pid))
    processes = declared(pid_file=str(file))
    assert read(processes)[m.PROCESS_INSTANCES.name] == 1
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert read(processes)[m.PROCESS_INSTANCES.name] == 0


@pytest.mark.parametrize(
    "text", ["", "no number", "-1", "0", "99999999999999", "4194305", "12 34", "\x00", "é"]
)
def test_a_pid_file_that_names_no_process_gives_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "worker.pid"
    file.write_text(text, "utf-8")
    assert read(declared(pid_file=str(file)))[m.PROCESS_INSTANCES.name] == 0


def test_a_process_is_found_by_its_pid_file_once_there_is_one(tmp_path: Path, started: Started) -> None:
    file = tmp_path / "worker.pid"
    processes = declared(pid_file=str(file))
    assert read(processes)[m.PROCESS_INSTANCES.name] == 0
    file.write_text(f"{start(started).pid}\n")
    assert read(processes)[m.PROCESS_INSTANCES.name] == 1


def test_a_process_that_vanishes_while_it_is_read_was_not_there(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, other = start(started), start(started)
    real = psutil.Process.create_time

    def end_it_meanwhile(process: psutil.Process) -> float:
        created = real(process)
        if process.pid == victim.pid:
            victim.kill()
            victim.wait()
        return created

    monkeypatch.setattr(psutil.Process, "create_time", end_it_meanwhile)
    found = read(declared(match=MARK))
    assert victim.returncode == -signal.SIGKILL
    assert found[m.PROCESS_INSTANCES.name] == 1
    assert found[m.PROCESS_START_TIME.name] == real(psutil.Process(other.pid))


def test_a_process_the_host_hides_from_us_is_left_out(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, other = start(started), start(started)
    real = psutil.Process.status

    def refuse(process: psutil.Process) -> Any:
        if process.pid == victim.pid:
            raise psutil.AccessDenied(process.pid)
        return real(process)

    monkeypatch.setattr(psutil.Process, "status", refuse)
    found = read(declared(match=MARK))
    assert found[m.PROCESS_INSTANCES.name] == 1
    assert found[m.PROCESS_START_TIME.name] == psutil.Process(other.pid).create_time()


def test_open_files_of_another_users_process_are_not_claimed_to_be_fewer(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = start(started)
    start(started)
    real = psutil.Process.num_fds

    def refuse(process: psutil.Process) -> int:
        if process.pid == hidden.pid:
            raise psutil.AccessDenied(process.pid)
        return real(process)

    monkeypatch.setattr(psutil.Process, "num_fds", refuse)
    found = read(declared(match=MARK))
    assert m.PROCESS_OPEN_FDS.name not in found
    assert found[m.PROCESS_INSTANCES.name] == 2
