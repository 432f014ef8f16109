"""When the daily summary goes into the queue: once a day; after a pause of ours, as soon as we are back."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from rollwatch.bridge.channels.channel import LaneKey
from rollwatch.bridge.channels.digest_times import due_after, due_before
from rollwatch.bridge.storage.database import StorageFailed
from rollwatch.bridge.storage.summaries import Period
from rollwatch.bridge.words import ChannelName

if TYPE_CHECKING:
    from rollwatch.bridge.channels.digest import DigestPlan
    from rollwatch.bridge.lanes import Lanes
    from rollwatch.bridge.storage.summaries import Summaries
    from rollwatch.clock import Clock

__all__ = ["DigestClock"]

_log = structlog.get_logger(__name__)

_LONGEST_S = 30.0
"""The wall clock may be set meanwhile: it is looked at again at least so often."""


class DigestClock:
    """Follows the configuration."""

    def __init__(self, summaries: Summaries, lanes: Lanes, clock: Clock) -> None:
        self._summaries = summaries
        self._lanes = lanes
        self._clock = clock
        self._plan: DigestPlan | None = None
        self._is_new = False
        self._wake = asyncio.Event()

    def configure(self, plan: DigestPlan | None) -> None:
        """Send by this plan from now on."""
        self._plan = plan
        self._is_new = True
        self._wake.set()

    @property
    def next_at(self) -> float | None:
        """When the next summary is due, in seconds since 1970."""
        plan = self._plan
        return None if plan is None else due_after(self._clock.wall(), plan.at, plan.zone)

    async def live(self) -> None:
        """Queue each summary when it is due, for ever."""
        while True:
            self._wake.clear()
            try:
                wait_s = await self._look()
            except StorageFailed as failure:
                _log.error("bridge_storage_failed", channel=ChannelName.DIGEST, why=failure.why)
                wait_s = _LONGEST_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _look(self) -> float:
        plan = self._plan
        if plan is None:
            return _LONGEST_S
        now = self._clock.wall()
        told_until = await self._summaries.told_until(now)
        due = due_before(now, plan.at, plan.zone)
        if due > told_until:
            again, self._is_new = self._is_new, False
            if await self._summaries.put(Period(told_until, due), now, again=again):
                _log.info("summary_is_due", late_s=round(now - due))
                self._lanes.wake([LaneKey(ChannelName.DIGEST)])
        return min(max(due_after(now, plan.at, plan.zone) - now, 0.01), _LONGEST_S)
