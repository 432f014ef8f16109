"""One process that reads a log on uvloop, for bench_logs to measure; prints what it took as JSON.

log_reader.py split|loads DIRECTORY LINES   follows DIRECTORY/app.log: lines alone, or each decoded by orjson
log_reader.py figures DIRECTORY LINES       the logs of DIRECTORY/rollwatch.yml, as the exporter follows them

The file is put there as `waiting.log`, and renamed to `app.log` when everything is ready: a file that appears
is read from its first byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import uvloop

from rollwatch.clock import SystemClock
from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.figures.board import Board
from rollwatch.ingest.logs.follow import FileFollower
from rollwatch.ingest.logs.intake import LogIntake
from rollwatch.metrics.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_BEAT_S = 0.005
LINES = "rollwatch_log_source_lines_total"


class _Followed:
    """The floors: a follower whose lines are dropped, or only decoded."""

    def __init__(self, directory: Path, *, decodes: bool) -> None:
        self._follower = FileFollower(directory / "app.log", SystemClock())
        self._decodes = decodes
        self.lines = 0

    def live(self) -> Coroutine[None, None, None]:
        return self._follower.run(self._take)

    async def _take(self, lines: list[bytes]) -> None:
        if self._decodes:
            for line in lines:
                orjson.loads(line)
        self.lines += len(lines)


class _Exporter:
    """What the exporter has of logs."""

    def __init__(self, directory: Path) -> None:
        config = load_config(
            directory / "rollwatch.yml", {}, secrets=SecretStore(directory, {}), location="here"
        )
        self._store = Store()
        board = Board(self._store, SystemClock(), location="here")
        board.configure(config)
        self._intake = LogIntake(board, self._store, SystemClock(), location="here")
        self._intake.configure(config)

    def live(self) -> Coroutine[None, None, None]:
        return self._intake.live()

    @property
    def lines(self) -> int:
        """Those that were taken; a line that fits no shape would cost less."""
        self._intake.refresh()
        return int(
            sum(
                sample.value
                for family in self._store.collect()
                for sample in family.samples
                if sample.name == LINES and sample.labels["result"] == "taken"
            )
        )


async def _beat(lateness: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _BEAT_S
        await asyncio.sleep(_BEAT_S)
        lateness.append(loop.time() - due)


async def _measure(make: Callable[[], _Followed | _Exporter], directory: Path, lines: int) -> None:
    subject = make()
    work = asyncio.create_task(subject.live())
    await asyncio.sleep(0.5)
    lateness: list[float] = []
    heart = asyncio.create_task(_beat(lateness))
    (directory / "waiting.log").rename(directory / "app.log")
    began, spent = time.perf_counter(), time.process_time()
    while (counted := subject.lines) < lines:
        await asyncio.sleep(0.02)
        if time.perf_counter() - began > 300:
            break
    took, spent = time.perf_counter() - began, time.process_time() - spent
    heart.cancel()
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    (directory / "app.log").rename(directory / "waiting.log")
    print(json.dumps({"took_s": took, "cpu_s": spent, "lines": counted, "lateness_s": sorted(lateness)}))


def main() -> None:
    """Measure once."""
    mode, directory, lines = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    make = {
        "split": lambda: _Followed(directory, decodes=False),
        "loads": lambda: _Followed(directory, decodes=True),
        "figures": lambda: _Exporter(directory),
    }[mode]
    uvloop.run(_measure(make, directory, lines))


if __name__ == "__main__":
    main()
