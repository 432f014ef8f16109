"""Logs of a configuration at work: shapes without a source, and the whole intake on real files."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.clock import SystemClock
from rollwatch.figures.board import Board
from rollwatch.ingest.logs.intake import LogIntake
from rollwatch.ingest.logs.shapes import Shapes
from rollwatch.ingest.logs.state import Obstacle, Rotation, SourceState
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store
from support.config_kinds import load
from support.log_following import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rollwatch.config.config import Config
    from rollwatch.ingest.logs.metrics import LineResult
    from rollwatch.ingest.logs.source import Take
    from support.arriving import Arriving

__all__ = ["FRESH", "Batches", "LogsAtWork", "following", "indented", "samples_of", "shapes_of", "take"]

FRESH = SourceState(
    is_open=False,
    obstacle=Obstacle.NOT_STARTED,
    detail="",
    lines_read=0,
    bytes_read=0,
    too_long_lines=0,
    rotations=dict.fromkeys(Rotation, 0),
    backlog_bytes=0,
    retired_open=0,
    last_line_at=None,
)
"""Of a source that has done nothing yet."""


class Batches:
    """A source of these lines, in the state a test gives it."""

    def __init__(self, *batches: list[bytes]) -> None:
        self.state = FRESH
        self._batches = batches

    async def run(self, take: Take) -> None:
        for batch in self._batches:
            await take(batch)

    def stop(self) -> None:
        """It ends by itself."""


def indented(text: str, spaces: int) -> str:
    """YAML as it stands further inside."""
    return "".join(f"{' ' * spaces}{line}\n" for line in text.strip("\n").splitlines())


def shapes_of(arriving: Arriving, log: str = "app", service: str = "api") -> Shapes:
    """The shapes of a log that `arriving` is configured with, bound to its figures."""
    figures = arriving.service(service)
    return Shapes(figures.signals.logs[log].lines, figures, service, log)


def take(shapes: Shapes, *lines: bytes) -> list[LineResult]:
    """What becomes of each line."""
    return [shapes.take(line) for line in lines]


def samples_of(text: str) -> dict[str, float]:
    """Every sample of an exposition, by name and labels without those that are the same everywhere."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        series, _, value = line.rpartition(" ")
        for common in ('service="api"', 'environment="test"', 'location="here"'):
            series = series.replace(f"{common},", "").replace(f",{common}", "").replace(common, "")
        samples[series.removesuffix("{}")] = float(value)
    return samples


@dataclass
class LogsAtWork:
    """What the exporter has of logs, in the order it uses it."""

    directory: Path
    store: Store
    board: Board
    intake: LogIntake

    @classmethod
    def under(cls, directory: Path) -> LogsAtWork:
        """With nothing configured yet; the configuration is in `directory`."""
        store, clock = Store(), SystemClock()
        board = Board(store, clock, location="here")
        return cls(directory, store, board, LogIntake(board, store, clock, location="here"))

    async def configure(self, services: str, environment: str = "test") -> None:
        """Put `services` (YAML, as it stands below `services:`) in force, as a reload does."""
        config = await asyncio.to_thread(self._load, services, environment)
        self.board.configure(config)
        self.intake.configure(config)

    def _load(self, services: str, environment: str) -> Config:
        path = self.directory / "rollwatch.yml"
        path.write_text(f"environment: {environment}\nservices:\n{indented(services, 2)}")
        return load(path)

    async def exposed(self) -> str:
        """What a scrape gives."""
        self.board.refresh()
        self.intake.refresh()
        return b"".join([piece async for piece in render(self.store, openmetrics=False)]).decode()

    async def samples(self) -> dict[str, float]:
        """The same, by series."""
        return samples_of(await self.exposed())

    def value(self, series: str) -> float:
        """One sample of the store as it is now; 0 if there is none."""
        self.intake.refresh()
        for family in self.store.collect():
            for sample in family.samples:
                labels = ",".join(
                    f'{name}="{value}"'
                    for name, value in sample.labels.items()
                    if name not in {"service", "environment", "location"}
                )
                if series in {f"{sample.name}{{{labels}}}", sample.name}:
                    return float(sample.value)
        return 0.0

    def lines(self, log: str = "app") -> float:
        """Lines of a log so far, whatever became of them."""
        self.intake.refresh()
        return sum(
            sample.value
            for family in self.store.collect()
            for sample in family.samples
            if sample.name == "rollwatch_log_source_lines_total" and sample.labels["log"] == log
        )

    async def opened(self, log: str = "app") -> None:
        """Wait until a log is open; from then on every line counts."""
        await until(lambda: self.value(f'rollwatch_log_source_open{{log="{log}"}}') == 1)

    @property
    def tasks(self) -> set[str]:
        """The names of the tasks that follow a log."""
        return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("log:")}


@contextlib.asynccontextmanager
async def following(directory: Path, services: str) -> AsyncIterator[LogsAtWork]:
    """The intake at work for as long as the context lasts."""
    work = LogsAtWork.under(directory)
    await work.configure(services)
    live = asyncio.create_task(work.intake.live(), name="logs")
    try:
        yield work
    finally:
        live.cancel()
        async with asyncio.timeout(20):
            await asyncio.wait({live})
        if not live.cancelled():
            live.result()
