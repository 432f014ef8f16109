"""`python rollback_rig_quick.py ARGUMENTS`: rollwatch, with a handler that waits for less long.

Its leases last RIG_LEASE_S seconds, it ends within one, and its wall clock is as far ahead as the file
`clock` in its directory says. Everything else is as it is everywhere.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from rollwatch.cli import main
from rollwatch.clock import SystemClock
from rollwatch.rollback import app
from rollwatch.rollback.tempo import Tempo


class FileClock(SystemClock):
    """Jumps when the file says so."""

    def wall(self) -> float:
        ahead_s = 0.0
        with contextlib.suppress(OSError):
            ahead_s = float(Path("clock").read_text())
        return time.time() + ahead_s


def _quick() -> Tempo:
    lease_s = float(os.environ["RIG_LEASE_S"])
    return Tempo(
        lease_s=lease_s,
        renew_every_s=0.5,
        give_up_after_s=lease_s - 0.5,
        look_every_s=0.5,
        put_off_s=0.5,
        ending_s=0.8,
        journal_pause_s=0.2,
        journal_pause_max_s=0.5,
        ask_again_s=0.5,
        grace_s=2.0,
        pace=0.2,
    )


if __name__ == "__main__":
    app.Tempo = _quick  # type: ignore[misc,assignment]
    app.SystemClock = FileClock  # type: ignore[misc]
    main()
