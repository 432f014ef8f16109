"""CPU, memory and files of declared processes, found by pid file or command line. Blocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import psutil

from rollwatch.host import metrics as m
from rollwatch.host.reading import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rollwatch.config.document import ProcessSpec

__all__ = ["Processes"]

_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)
_PID = re.compile(r"\s*([0-9]{1,10})\s*")
_PID_FILE_LIMIT = 64
_COMMAND_LIMIT = 32_768


class _Instance(NamedTuple):
    """What is remembered of a running process until the next reading."""

    cpu_s: float
    started_at: float


_Instances = dict[psutil.Process, _Instance]
"""Two `psutil.Process` are equal if they have the same id and started at the same tick since boot."""


class Processes:
    """Reads declared processes; adds up CPU time over instances that come and go."""

    def __init__(self, declared: Sequence[ProcessSpec]) -> None:
        self._declared = tuple(declared)
        self._cpu_s = {process.name: 0.0 for process in declared}
        self._seen: dict[str, _Instances] = {process.name: {} for process in declared}

    def read(self) -> list[Figure]:
        """Every declared process as it is now. A process that vanishes meanwhile was not there."""
        running = _with_commands() if any(process.match is not None for process in self._declared) else []
        figures: list[Figure] = []
        for process in self._declared:
            if process.pid_file is not None:
                found = _by_pid_file(process.pid_file)
            else:
                pattern = process.match
                matching = (
                    pid for pid, command in running if pattern is not None and pattern.search(command)
                )
                found = [process for pid in matching for process in _by_pid(pid)]
            figures += self._read_one(process.name, found)
        return figures

    def _read_one(self, name: str, found: Iterable[psutil.Process]) -> list[Figure]:
        before = self._seen[name]
        seen: _Instances = {}
        resident = open_fds = 0
        may_see_fds = True
        for process in found:
            try:
                with process.oneshot():
                    if process.status() == psutil.STATUS_ZOMBIE:
                        continue
                    started_at = process.create_time()
                    cpu = process.cpu_times()
                    memory = process.memory_info().rss
                    fds = _open_fds(process)
            except _GONE:
                continue
            except psutil.AccessDenied:
                # A host that hides other users' processes (hidepid).
                continue
            if process in before:
                # Psutil's start time moves with the host's clock; a step of that is no restart.
                started_at = before[process].started_at
            seen[process] = _Instance(cpu.user + cpu.system, started_at)
            resident += memory
            open_fds += fds or 0
            may_see_fds = may_see_fds and fds is not None
        self._add_cpu(name, seen)
        figures = [
            Figure(m.PROCESS_INSTANCES, (name,), len(seen)),
            Figure(m.PROCESS_CPU_SECONDS, (name,), self._cpu_s[name]),
        ]
        if seen:
            figures.append(Figure(m.PROCESS_RESIDENT_BYTES, (name,), resident))
            figures.append(Figure(m.PROCESS_START_TIME, (name,), max(it.started_at for it in seen.values())))
            if may_see_fds:
                figures.append(Figure(m.PROCESS_OPEN_FDS, (name,), open_fds))
        return figures

    def _add_cpu(self, name: str, seen: _Instances) -> None:
        before = self._seen[name]
        for process, instance in seen.items():
            known_s = before[process].cpu_s if process in before else 0.0
            self._cpu_s[name] += max(0.0, instance.cpu_s - known_s)
        self._seen[name] = seen


def _open_fds(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.AccessDenied:
        return None


def _by_pid_file(file: Path) -> list[psutil.Process]:
    try:
        with file.open(encoding="ascii") as opened:
            match = _PID.fullmatch(opened.read(_PID_FILE_LIMIT))
    except (OSError, ValueError):
        return []
    return _by_pid(int(match[1])) if match else []


def _by_pid(pid: int) -> list[psutil.Process]:
    """The process as it is now: `process_iter` gives kept ones, and an id may have a new owner."""
    try:
        return [psutil.Process(pid)]
    except (OverflowError, ValueError, psutil.Error):
        return []


def _with_commands() -> list[tuple[int, str]]:
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())[:_COMMAND_LIMIT]
        except psutil.Error:
            continue
        if command:
            found.append((process.pid, command))
    return found
