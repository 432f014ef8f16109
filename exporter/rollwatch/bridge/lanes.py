"""Every lane there is: made from the configuration, woken when something comes, ended within a bound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from rollwatch.bridge.lane import Lane
from rollwatch.bridge.words import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rollwatch.bridge.channels.channel import Channel, LaneKey
    from rollwatch.bridge.metrics import BridgeMetrics
    from rollwatch.bridge.storage.queue import Queue
    from rollwatch.bridge.storage.reports import Reports
    from rollwatch.clock import Clock

__all__ = ["Lanes"]

_log = structlog.get_logger(__name__)

_END_S = 5.0
"""What an attempt under way gets when the process ends; then it is broken off, and made again at start."""
_ORPHANED_AFTER_S = 24 * 3600.0


class Lanes:
    """The tasks that send."""

    def __init__(
        self,
        queue: Queue,
        reports: Reports,
        metrics: BridgeMetrics,
        clock: Clock,
        rng: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._reports = reports
        self._metrics = metrics
        self._clock = clock
        self._rng = rng
        self._lanes: dict[LaneKey, Lane] = {}
        self._tasks: dict[LaneKey, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.died: asyncio.Event = asyncio.Event()
        """Set when a lane ended by itself, which is a bug: the process must end, and be started again."""

    def configure(self, channels: Mapping[LaneKey, Channel]) -> None:
        """Send by these from now on. What waits for a lane that is gone is kept for a day."""
        for key in self._lanes.keys() - channels.keys():
            self._lanes.pop(key).finish()
            task = self._tasks.pop(key)
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            self._metrics.ended(key)
        for key, channel in channels.items():
            lane = self._lanes.get(key)
            if lane is not None:
                lane.use(channel)
                continue
            lane = Lane(
                key, channel, queue=self._queue, metrics=self._metrics, clock=self._clock, rng=self._rng
            )
            self._lanes[key] = lane
            task = asyncio.create_task(lane.live(), name=f"bridge-{key.channel}-{key.shown}")
            task.add_done_callback(self._done)
            self._tasks[key] = task

    def wake(self, keys: Iterable[LaneKey]) -> None:
        """There is something for these."""
        for key in keys:
            if key in self._lanes:
                self._lanes[key].wake()

    async def give_up_orphans(self) -> None:
        """What waits for a channel that the file does not name any more is given up after a day."""
        for key in await self._reports.waiting():
            if key not in self._lanes:
                lost = await self._queue.expire(
                    key, _ORPHANED_AFTER_S, "its channel is not in the file any more"
                )
                if lost:
                    self._metrics.count(key.channel, Outcome.GIVEN_UP, lost)
                    _log.error("bridge_given_up_orphans", channel=key.channel, target=key.shown, alerts=lost)

    async def close(self) -> None:
        """End all of them; those that are sending get a few seconds."""
        tasks = {*self._tasks.values(), *self._ending}
        for lane in self._lanes.values():
            lane.finish()
        if not tasks:
            return
        _, broken_off = await asyncio.wait(tasks, timeout=_END_S)
        for task in broken_off:
            _log.warning("bridge_sending_broken_off", task=task.get_name(), next="sent again at the start")
            task.cancel()
        await asyncio.gather(*broken_off, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.error("bridge_lane_died", task=task.get_name(), exc_info=task.exception())
            self.died.set()
