"""Exit codes of every command; docs/cli.md lists them."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    NOT_UP = 1
    """The command worked and the answer is no: the target is DOWN."""
    USAGE = 2
    """Wrong arguments or a configuration that can't be used; nothing was started."""
    UNDECIDED = 3
    """The command could not find out: the run was UNKNOWN, or a program could not be reached."""
    CANT_START = 4
    """The program is configured well and can't start: a port is taken, a file can't be opened."""
    INTERNAL = 70
    """A bug of ours; the traceback was printed."""
