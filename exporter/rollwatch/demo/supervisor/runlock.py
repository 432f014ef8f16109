"""One supervisor per run directory, and a way to find it that never hits a foreign process.

The lock on the file is held by the kernel for as long as the supervisor lives. The file says which
process that is: its id and, because ids are used again, when it started (ticks since boot).
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Holder", "held", "holder"]


@dataclass(frozen=True, slots=True)
class Holder:
    """The supervisor that holds the lock. `pid` is None in the instant before it has signed."""

    pid: int | None
    started_ticks: int | None
    marker: str | None

    def is_alive(self) -> bool:
        """Whether that id is still that very process."""
        return self.pid is not None and _started_ticks(self.pid) == self.started_ticks


def _started_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold spaces and parentheses.
    return int(stat.rpartition(b")")[2].split()[19])


@contextmanager
def held(path: Path, marker: str) -> Iterator[None]:
    """Hold the run directory. Raises DemoError if another supervisor does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = holder(path)
            who = "" if other is None or other.pid is None else f" (pid {other.pid})"
            raise DemoError(
                f"the demo is already up in {path.parent}{who}. Use it as it is, stop it with "
                "'rollwatch demo down', or start another with --run-dir and --base-port"
            ) from None
        os.ftruncate(descriptor, 0)
        pid = os.getpid()
        record = {"pid": pid, "started_ticks": _started_ticks(pid), "marker": marker}
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(path: Path) -> Holder | None:
    """Who holds the run directory now; None if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _parse(os.pread(descriptor, 4096, 0))
        return None
    finally:
        os.close(descriptor)


def _parse(content: bytes) -> Holder:
    try:
        record = json.loads(content)
        return Holder(int(record["pid"]), int(record["started_ticks"]), str(record["marker"]))
    except (ValueError, KeyError, TypeError):
        return Holder(None, None, None)
