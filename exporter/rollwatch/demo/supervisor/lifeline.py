"""Ends what a supervisor started once the supervisor is gone, however it went: kill -9 included.

The supervisor holds the write end of this process's stdin and writes nothing. End of file means that
it is gone. What it started is known by a marker in the environment, unique to this run and inherited
by grandchildren: so no process of anybody else's can be meant, and none started in the last
instant is missed.
"""

from __future__ import annotations

import sys
import time

import psutil

__all__ = ["MARKER", "main", "sweep"]

MARKER = "ROLLWATCH_DEMO_RUN"
_PATIENCE_S = 2.0
_SECONDS_BETWEEN_LOOKS = 0.1


def _marked(marker: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or another user's and so not ours
    return found


def sweep(marker: str, *, patience_s: float = _PATIENCE_S) -> int:
    """End every process with this marker, TERM first; return how many. Blocks until they are gone."""
    asked: set[psutil.Process] = set()
    deadline = time.monotonic() + patience_s
    quiet = 0
    # Twice nothing: a process just forked shows its marker only after its exec.
    while quiet < 2:
        processes = _marked(marker)
        quiet = 0 if processes else quiet + 1
        for process in processes:
            try:
                if time.monotonic() > deadline:
                    process.kill()
                elif process not in asked:
                    process.terminate()
            except psutil.Error:
                continue
            asked.add(process)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return len(asked)


def main() -> None:
    """`python -m rollwatch.demo.supervisor.lifeline MARKER`, stdin held open by the supervisor."""
    marker = sys.argv[1]
    while sys.stdin.buffer.read(1):
        pass
    sweep(marker)


if __name__ == "__main__":
    main()
