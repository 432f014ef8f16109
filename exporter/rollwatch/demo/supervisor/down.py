"""Stops a supervisor from another terminal."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from rollwatch.demo.supervisor.lifeline import sweep
from rollwatch.demo.supervisor.runlock import Holder, holder
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir

__all__ = ["stop_running"]

_SECONDS_BETWEEN_LOOKS = 0.1


def stop_running(run_dir: RunDir, *, within_s: float = 20.0) -> str:
    """TERM, then KILL after `within_s`; what happened, in a sentence. Blocks until it is over.

    Raises DemoError if the lock's holder can't be told from a foreign process.
    """
    found = holder(run_dir.supervisor)
    if found is None:
        return f"nothing is running in {run_dir.path}"
    _send(run_dir, found, signal.SIGTERM)
    if _is_free(run_dir, within_s):
        return "stopped"
    _send(run_dir, found, signal.SIGKILL)
    sweep(found.marker)
    return f"stopped by force: it did not end within {within_s:g} s"


def _send(run_dir: RunDir, found: Holder, number: signal.Signals) -> None:
    pid = found.identity.pid
    try:
        # A pidfd keeps meaning the process it was opened for, even when the id is used again.
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if found.identity.is_alive():
            signal.pidfd_send_signal(descriptor, number)
        elif _holds(run_dir):
            raise DemoError(
                f"something holds {run_dir.supervisor}, but process {pid}, named there, is another one "
                "and is left alone. Find the holder with 'fuser' and end it by hand"
            )
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def _holds(run_dir: RunDir) -> bool:
    try:
        return holder(run_dir.supervisor) is not None
    except DemoError:
        return True  # in its last instant


def _is_free(run_dir: RunDir, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not _holds(run_dir):
            return True
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return False
