"""One supervisor per run directory, and a way to find it that never hits a foreign process.

The kernel holds the lock on the file for as long as the supervisor lives; the file says who that is.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.demo.identity import ProcessIdentity
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Holder", "held", "holder"]

_LONGEST_RECORD = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """A supervisor, and the marker of what it started."""

    identity: ProcessIdentity
    marker: str


@contextmanager
def held(path: Path, marker: str) -> Iterator[Holder | None]:
    """Hold the run directory; yields the holder before us if it was killed. Raises DemoError if one lives."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _read(descriptor)
            who = "" if other is None else f" (pid {other.identity.pid})"
            raise DemoError(
                f"the demo is already up in {path.parent}{who}. Use it as it is, stop it with "
                "'rollwatch demo down', or start another with --run-dir and other ports ('rollwatch demo up "
                "--help' lists them)"
            ) from None
        killed = _read(descriptor)
        os.ftruncate(descriptor, 0)
        record = {**ProcessIdentity.own().as_json(), "marker": marker}
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
        yield killed
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(path: Path) -> Holder | None:
    """Who holds the run directory now; None if nobody does. Raises DemoError if the holder has not signed."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read(descriptor)
            if found is None:
                raise DemoError("the demo is just starting or ending. Try again in a second") from None
            return found
        return None
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> Holder | None:
    try:
        record = json.loads(os.pread(descriptor, _LONGEST_RECORD, 0))
        return Holder(ProcessIdentity.from_json(record), str(record["marker"]))
    except (ValueError, KeyError, TypeError):
        return None
