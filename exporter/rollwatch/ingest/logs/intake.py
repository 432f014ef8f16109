"""Every configured log: which are followed now, and how one configuration follows another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.follow import FileFollower
from rollwatch.ingest.logs.following import Following
from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.pipe import PipeReader
from rollwatch.ingest.logs.stdin import StdinReader

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.config.logs import LogSpec
    from rollwatch.figures.board import Board
    from rollwatch.ingest.logs.source import LogSource
    from rollwatch.metrics.store import Store

__all__ = ["LogIntake"]

_STOP_WITHIN_S = 2.0

Key = tuple[str, str]
"""Service and name of a log."""


@dataclass(slots=True)
class _Log:
    """A log as it is configured now."""

    spec: LogSpec
    following: Following


@dataclass(frozen=True, slots=True)
class _Run:
    """A source that is read; over when its task is done."""

    spec: LogSpec
    source: LogSource
    task: asyncio.Task[None]


class LogIntake:
    """Follows the logs of a configuration. `configure` at any time; `live` does the following.

    A log whose place did not change is followed on over a reload: no line is lost or read twice. What is made
    of its lines changes between two of them.
    """

    def __init__(self, board: Board, store: Store, clock: Clock, *, location: str) -> None:
        self._board = board
        self._store = store
        self._clock = clock
        self._location = location
        self._logs: dict[Key, _Log] = {}
        self._running: dict[Key, _Run] = {}
        self._changed = asyncio.Event()

    def configure(self, config: Config) -> None:
        """Make figures as `config` says from now on; `live` starts and ends what has changed.

        The board must have been configured before.
        """
        wanted: dict[Key, LogSpec] = {
            (service.name, name): spec
            for service in config.services.values()
            for name, spec in service.signals.logs.items()
        }
        for key in self._logs.keys() - wanted.keys():
            self._logs.pop(key).following.close()
        for key, spec in wanted.items():
            service, name = key
            figures = self._board.service(service)
            assert figures is not None  # noqa: S101  a service with a log has figures
            log = self._logs.get(key)
            if log is None:
                log = self._logs[key] = _Log(spec, Following(name, self._store, self._clock))
            log.spec = spec
            log.following.configure(spec.lines, figures, (service, config.environment, self._location))
        self._changed.set()

    def refresh(self) -> None:
        """Bring the series up to date; before each exposition."""
        for log in self._logs.values():
            log.following.refresh()

    async def live(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                ended = await self._end_others()
                for key, log in self._logs.items():
                    if key not in self._running:
                        self._start(group, key, log, ended.get(key))
                await self._changed.wait()

    def _start(self, group: asyncio.TaskGroup, key: Key, log: _Log, before: _Run | None) -> None:
        source = _source(log.spec, self._clock, before)
        service, name = key
        task = group.create_task(log.following.run(source), name=f"log:{service}/{name}")
        self._running[key] = _Run(log.spec, source, task)

    async def _end_others(self) -> dict[Key, _Run]:
        """End what is not wanted any more: a pipe must be free before another log reads it."""
        ended: dict[Key, _Run] = {}
        # More of them if the next reload comes meanwhile.
        while others := [key for key, run in self._running.items() if not self._is_wanted(key, run)]:
            runs = {key: self._running.pop(key) for key in others}
            for run in runs.values():
                run.source.stop()
            tasks = [run.task for run in runs.values()]
            _, pending = await asyncio.wait(tasks, timeout=_STOP_WITHIN_S)
            for task in pending:
                task.cancel()
            await asyncio.wait(tasks)
            ended |= runs
        return ended

    def _is_wanted(self, key: Key, run: _Run) -> bool:
        log = self._logs.get(key)
        return log is not None and _place(log.spec) == _place(run.spec)


def _place(spec: LogSpec) -> tuple[object, ...]:
    """What can't change while a log is read.

    A pipe is kept though its limit changes: in a moment without reader, SIGPIPE would end its writer.
    """
    return (spec.file, spec.fifo, spec.stdin, spec.line_limit if spec.file is not None else None)


def _source(spec: LogSpec, clock: Clock, before: _Run | None) -> LogSource:
    """What reads the log; the same file as `before` is read on from there."""
    limits = ReadLimits(line_bytes=spec.line_limit)
    if spec.file is not None:
        resume = None
        if before is not None and before.spec.file == spec.file and isinstance(before.source, FileFollower):
            resume = before.source.position
        return FileFollower(spec.file, clock, resume=resume, limits=limits)
    if spec.fifo is not None:
        return PipeReader(spec.fifo, clock, limits=limits)
    return StdinReader(clock, limits=limits)
