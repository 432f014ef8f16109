"""The host's figures, as the configuration in force wants them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollwatch.host.collector import HostCollector

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.config.document import HostSpec
    from rollwatch.metrics.store import Store

__all__ = ["HostWatch"]


class HostWatch:
    """Starts, replaces and ends the one `HostCollector` of the process."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wanted: tuple[HostSpec, str, str] | None = None
        self._changed = asyncio.Event()

    def configure(self, config: Config) -> None:
        """Read the host as `config` says, from now on."""
        wanted = (config.host, config.environment, config.location) if config.host.enabled else None
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def live(self) -> None:
        """Run until cancelled."""
        while True:
            self._changed.clear()
            if self._wanted is None:
                await self._changed.wait()
                continue
            settings, environment, location = self._wanted
            collector = HostCollector(
                settings, self._store, self._clock, environment=environment, location=location
            )
            reading = asyncio.create_task(collector.live(), name="host")
            changed = asyncio.create_task(self._changed.wait(), name="host-changed")
            try:
                await asyncio.wait({reading, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (reading, changed):
                    task.cancel()
                await asyncio.wait({reading, changed})
            if not reading.cancelled():
                reading.result()
