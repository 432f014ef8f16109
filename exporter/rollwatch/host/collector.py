"""Reads the host every interval, in threads, and publishes what was read. Nothing here blocks the loop."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
import structlog

from rollwatch.host import metrics as m
from rollwatch.host.errand import Errand
from rollwatch.host.filesystems import Filesystems, mounted_disks
from rollwatch.host.processes import Processes
from rollwatch.host.publisher import Publisher
from rollwatch.host.reading import Figure, Part
from rollwatch.host.system import read_cpu, read_disks, read_memory, read_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.config.document import HostSpec
    from rollwatch.metrics.store import Store

__all__ = ["HostCollector"]

_log = structlog.get_logger(__name__)

_READ_BOUND_S = 10.0
_READ_ERRORS = (OSError, psutil.Error, ValueError, RuntimeError, LookupError, AttributeError)
"""What psutil raises on hosts that lack something it expects."""


class _Read(NamedTuple):
    """What a thread found: figures by part, what failed by part, and the mounts to ask for their space."""

    figures: dict[Part, list[Figure]]
    failures: dict[Part, str]
    mounts: list[str]


class HostCollector:
    """The host's figures in `store`, under the service the config names.

    `root` is where /proc/self/cgroup, /sys/fs/cgroup and /sys/block are looked for.
    """

    def __init__(
        self,
        settings: HostSpec,
        store: Store,
        clock: Clock,
        *,
        environment: str,
        location: str,
        root: Path = Path("/"),
        filesystems: Filesystems | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._root = root
        self._base = (settings.service, environment, location)
        self._publisher = Publisher(store, self._base)
        self._processes = Processes(settings.processes)
        self._filesystems = filesystems or Filesystems()
        self._errand = Errand("host reading", self._read)
        self._within_s = min(_READ_BOUND_S, settings.interval)
        self._failed: dict[Part, int] = dict.fromkeys(Part, 0)
        self._said: dict[str, str] = {}
        self._read_at: float | None = None

    async def live(self) -> None:
        """Read and publish until cancelled; then the series are removed."""
        try:
            while True:
                began = self._clock.monotonic()
                await self.collect()
                spent = self._clock.monotonic() - began
                await asyncio.sleep(max(0.0, self._settings.interval - spent))
        finally:
            self._publisher.close()

    async def collect(self) -> None:
        """Read once and publish. Whatever can't be read is counted, said once in the log, and hidden."""
        failures: dict[str, str] = {}
        try:
            read = await self._errand.run(self._within_s)
        except TimeoutError as error:
            read = _Read({}, dict.fromkeys(Part, str(error)), [])
        for part, figures in read.figures.items():
            self._publisher.publish(part, figures)
        if Part.FILESYSTEM not in read.failures:
            space = await self._filesystems.read(read.mounts)
            self._publisher.publish(Part.FILESYSTEM, space.figures)
            self._failed[Part.FILESYSTEM] += bool(space.failures)
            failures.update(space.failures)
        for part, why in read.failures.items():
            self._failed[part] += 1
            self._publisher.hide(part)
            failures[part.value] = why
        self._say(failures)
        if read.figures:
            self._read_at = self._clock.wall()
        self._publish_self()

    def _publish_self(self) -> None:
        figures = [Figure(m.READ_FAILURES, (part.value,), count) for part, count in self._failed.items()]
        if self._read_at is not None:
            figures.append(Figure(m.LAST_READ_TIMESTAMP, (), self._read_at))
        self._publisher.publish(None, figures)

    def _say(self, failures: dict[str, str]) -> None:
        for what, why in failures.items():
            if what not in self._said:
                _log.warning("host_not_readable", what=what, why=why)
        for what in self._said.keys() - failures.keys():
            _log.info("host_readable_again", what=what)
        self._said = failures

    def _read(self) -> _Read:
        """In a thread. Each part on its own, so that what one kernel lacks costs only that."""
        read = _Read({}, {}, [])
        readers: dict[Part, Callable[[], list[Figure]]] = {
            Part.CPU: read_cpu,
            Part.MEMORY: partial(read_memory, self._root),
            Part.DISK: partial(read_disks, self._root),
            Part.NETWORK: read_network,
            Part.PROCESS: self._processes.read,
        }
        for part, reader in readers.items():
            try:
                read.figures[part] = reader()
            except _READ_ERRORS as error:
                read.failures[part] = f"{type(error).__name__}: {error}"
        try:
            read.mounts.extend(self._settings.mounts or mounted_disks())
        except _READ_ERRORS as error:
            read.failures[Part.FILESYSTEM] = f"{type(error).__name__}: {error}"
        return read
