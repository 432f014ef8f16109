"""Which processes belong to a program that we started, by /proc, and how to end them all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import signal

__all__ = ["Family", "identity", "marked"]

_PROC = Path("/proc")
_ENDED = b"ZX"


class _Stat(NamedTuple):
    """A line of /proc/PID/stat. `started` tells two processes with one number apart."""

    pid: int
    state: bytes
    parent: int
    group: int
    session: int
    started: int


class Family:
    """A session leader, whoever is in its session, and their children, also those that left the session.

    Blocks for milliseconds: use it in a thread.
    """

    def __init__(self, leader: int) -> None:
        """`leader` must not be reaped as long as this is used: its number would be free for others."""
        self._leader = leader
        self._known: dict[int, int] = {}

    def alive(self) -> list[int]:
        """Who of it lives now; who was seen once stays known, whoever its parent is by then."""
        stats = {stat.pid: stat for stat in _stats()}
        known = {
            pid: started
            for pid, started in self._known.items()
            if pid in stats and stats[pid].started == started
        }
        members = {stat.pid for stat in stats.values() if stat.session == self._leader} | known.keys()
        grown = True
        while grown:
            children = {stat.pid for stat in stats.values() if stat.parent in members} - members
            members |= children
            grown = bool(children)
        self._known = {pid: stats[pid].started for pid in members}
        return [pid for pid in members if stats[pid].state not in _ENDED]

    def signal(self, number: signal.Signals) -> None:
        """To its process group at once, then to all others of it."""
        alive = self.alive()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader, number)
        for pid in alive:
            stat = _stat(pid)
            if stat is not None and stat.group != self._leader and stat.started == self._known[pid]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)


def marked(variable: str, value: str) -> list[int]:
    """Living processes of this user that were started with `variable` set to `value`, but for this one.

    Blocks for milliseconds: use it in a thread.
    """
    wanted = f"{variable}={value}".encode()
    found = []
    for stat in _stats():
        if stat.state in _ENDED or stat.pid == os.getpid():
            continue
        try:
            environment = (_PROC / str(stat.pid) / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            found.append(stat.pid)
    return found


def identity(pid: int, *, or_ended: bool = False) -> str | None:
    """Names a living process beyond the reuse of its number and beyond a reboot; None where there is none.

    `or_ended`: also one of our own that has ended and was not reaped.
    """
    stat = _stat(pid)
    if stat is None or (stat.state in _ENDED and not or_ended):
        return None
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot = ""
    return f"{pid}:{stat.started}:{boot}"


def _stats() -> list[_Stat]:
    with os.scandir(_PROC) as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdecimal()]
    return [stat for stat in map(_stat, pids) if stat is not None]


def _stat(pid: int) -> _Stat | None:
    try:
        line = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name of the program stands in brackets and may hold anything, brackets included.
    fields = line[line.rindex(b")") + 2 :].split()
    return _Stat(pid, fields[0], int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))
