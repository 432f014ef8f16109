"""Which process something is: its id and, because ids are used again, when it started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ProcessIdentity"]


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process of this host, since its last boot."""

    pid: int
    started_ticks: int
    """Clock ticks from boot to its start."""

    @classmethod
    def own(cls) -> ProcessIdentity:
        """This process."""
        ticks = _started_ticks(os.getpid())
        assert ticks is not None  # noqa: S101  it is running
        return cls(os.getpid(), ticks)

    @classmethod
    def from_json(cls, record: Any) -> ProcessIdentity:
        """Read back what `as_json` gave. Raises ValueError, KeyError or TypeError for anything else."""
        return cls(int(record["pid"]), int(record["started_ticks"]))

    def as_json(self) -> dict[str, int]:
        """To be kept in a file."""
        return {"pid": self.pid, "started_ticks": self.started_ticks}

    def is_alive(self) -> bool:
        """Whether that id is still that very process."""
        return _started_ticks(self.pid) == self.started_ticks


def _started_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold spaces and parentheses.
    return int(stat.rpartition(b")")[2].split()[19])
