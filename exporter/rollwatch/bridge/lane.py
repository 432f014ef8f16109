"""One channel to one target: sends what waits for it, in order, at its pace, and holds up nobody else.

A crash between the mark `sending` and the mark after the attempt is the one thing that makes us send twice:
what bears the mark when the process begins is sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING

import structlog

from rollwatch.bridge.backoff import backoff_s, gathering_s
from rollwatch.bridge.bucket import Bucket
from rollwatch.bridge.failures import SendFailed
from rollwatch.bridge.storage.database import StorageFailed
from rollwatch.bridge.words import Outcome, State
from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rollwatch.bridge.channels.channel import Channel, LaneKey
    from rollwatch.bridge.metrics import BridgeMetrics
    from rollwatch.bridge.storage.queue import Queue
    from rollwatch.bridge.storage.records import Delivery
    from rollwatch.clock import Clock

__all__ = ["Lane"]

_log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 60.0
_STORAGE_PAUSE_S = 5.0
# What building a message out of remote text could raise if something is overlooked: that message is tried
# again and given up in the end, and the ones behind it go on.
_OVERSIGHTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, OSError)


class Lane:
    """Owned by `Lanes`, which runs `live` as a task."""

    def __init__(
        self,
        key: LaneKey,
        channel: Channel,
        *,
        queue: Queue,
        metrics: BridgeMetrics,
        clock: Clock,
        rng: Callable[[], float],
    ) -> None:
        self.key = key
        self._channel = channel
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._rng = rng
        self._bucket = Bucket(channel.pace.burst, channel.pace.every_s, clock.monotonic())
        self._failures = 0
        """In a row, whatever was sent."""
        self._not_before = -math.inf
        self._resting: dict[int, float] = {}
        """Deliveries that failed, and when each is due again; on the monotonic clock."""
        self._wake = asyncio.Event()
        self._wake.set()
        self._unsettled: list[tuple[tuple[int, ...], State, str]] = []
        """What became of attempts and could not be written down yet."""
        self._is_doubtful = False
        """Whether a mark `sending` may have been written that nobody heeds: the disk failed, or was late."""
        self._is_ending = False
        self.is_sending = False

    def use(self, channel: Channel) -> None:
        """Send by this channel from now on; an attempt under way ends as it began."""
        self._channel = channel
        # What it failed on may be mended.
        self._failures, self._not_before = 0, -math.inf
        self._resting.clear()
        self._wake.set()

    def wake(self) -> None:
        """Something has come."""
        self._wake.set()

    def finish(self) -> None:
        """Begin nothing new: `live` ends with the attempt under way."""
        self._is_ending = True
        self._wake.set()

    async def live(self) -> None:
        """Send until `finish`."""
        while not self._is_ending:
            try:
                wait_s = await self._step()
            except StorageFailed as failure:
                self._is_doubtful = True
                self._metrics.storage_worked(False)
                _log.error(
                    "bridge_storage_failed", channel=self.key.channel, target=self.key.shown, why=failure.why
                )
                wait_s = _STORAGE_PAUSE_S
            if wait_s > 0 and not self._is_ending:
                await self._rest(wait_s)

    async def _step(self) -> float:
        """Send one batch if one is due; seconds until the next look."""
        self._wake.clear()
        await self._settle_late()
        if self._is_doubtful:
            await self._queue.release(self.key)
            self._is_doubtful = False
            self._metrics.storage_worked(True)
        now = self._clock.monotonic()
        pace = self._channel.pace
        await self._expire()
        oldest = await self._queue.oldest(self.key)
        if oldest is None:
            self._resting.clear()
            return _LOOK_EVERY_S
        gathering = gathering_s(oldest, pace.gather_s, self._clock.wall())
        wait_s = max(self._not_before - now, self._bucket.wait_s(now), gathering)
        if wait_s > 0:
            return wait_s
        self._resting = {number: due for number, due in self._resting.items() if due > now}
        batch = await self._queue.claim(self.key, pace.at_once, self._resting.keys())
        if not batch:
            return min([_LOOK_EVERY_S, *(due - now for due in self._resting.values())])
        await self._send(batch)
        return 0.0

    async def _rest(self, wait_s: float) -> None:
        """Until something comes, but not longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    async def _send(self, batch: Sequence[Delivery]) -> None:
        self.is_sending = True
        try:
            await self._channel.send(batch)
        except SendFailed as failure:
            await self._failed(batch, failure)
        except SecretUnavailable as missing:
            await self._failed(batch, SendFailed(str(missing)))
        except StorageFailed as failure:
            await self._failed(batch, SendFailed(failure.why))
        except _OVERSIGHTS as error:
            _log.exception("bridge_bug", channel=self.key.channel, target=self.key.shown)
            await self._failed(
                batch, SendFailed(f"a fault of rollwatch ({type(error).__name__}); the log has it")
            )
        else:
            await self._delivered(batch)
        finally:
            self.is_sending = False

    async def _delivered(self, batch: Sequence[Delivery]) -> None:
        if self._failures:
            _log.info("bridge_channel_recovered", channel=self.key.channel, target=self.key.shown)
        self._failures, self._not_before = 0, -math.inf
        self._bucket.take(self._clock.monotonic())
        self._metrics.count(self.key.channel, Outcome.DELIVERED, len(batch))
        self._metrics.succeeded(self.key.channel)
        self._metrics.attempted(self.key, is_failing=False)
        _log.info("bridge_delivered", channel=self.key.channel, target=self.key.shown, alerts=len(batch))
        await self._settle(batch, State.SENT, "")

    async def _failed(self, batch: Sequence[Delivery], failure: SendFailed) -> None:
        self._metrics.attempted(self.key, is_failing=True)
        what = {
            "channel": self.key.channel,
            "target": self.key.shown,
            "alerts": len(batch),
            "fingerprint": batch[0].identity.fingerprint,
            "why": failure.why,
        }
        if failure.permanent:
            self._metrics.count(self.key.channel, Outcome.GIVEN_UP, len(batch))
            _log.error("bridge_given_up", **what, remedy="docs/bridge.md says what each channel needs")
            await self._settle(batch, State.GIVEN_UP, failure.why)
            return
        self._failures += 1
        now = self._clock.monotonic()
        longest_s = self._channel.pace.longest_wait_s
        wait_s = max(backoff_s(self._failures, longest_s, self._rng), failure.retry_after_s or 0.0)
        self._not_before = now + wait_s
        for delivery in batch:
            own_s = backoff_s(delivery.attempts, longest_s, self._rng)
            self._resting[delivery.id] = now + max(own_s, failure.retry_after_s or 0.0)
        self._metrics.count(self.key.channel, Outcome.RETRIED, len(batch))
        _log.warning("bridge_attempt_failed", **what, attempt=batch[0].attempts, next_in_s=round(wait_s, 1))
        await self._settle(batch, State.QUEUED, failure.why)

    async def _settle(self, batch: Sequence[Delivery], state: State, detail: str) -> None:
        self._unsettled.append((tuple(delivery.id for delivery in batch), state, detail))
        await self._settle_late()

    async def _settle_late(self) -> None:
        """Write down what became of attempts; what can't be written stays and is not sent again by us."""
        while self._unsettled:
            ids, state, detail = self._unsettled[0]
            await self._queue.settle(ids, state, detail)
            del self._unsettled[0]
            self._metrics.storage_worked(True)

    async def _expire(self) -> None:
        give_up_s = self._channel.pace.give_up_s
        hours = give_up_s / 3600
        stale = await self._queue.expire(self.key, give_up_s, f"not sent within {hours:g} h, and too old now")
        if stale:
            self._metrics.count(self.key.channel, Outcome.GIVEN_UP, stale)
            self._metrics.attempted(self.key, is_failing=True)
            _log.error(
                "bridge_given_up_stale",
                channel=self.key.channel,
                target=self.key.shown,
                alerts=stale,
                after_h=hours,
            )
