"""Beacons that were taken already, or were sent on another day."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from rollwatch.ingest.browser.outcomes import Outcome
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.clock import Clock

__all__ = ["Replays"]

_WINDOW_S = 86_400.0
_REMEMBERED = 50_000
_REMEMBERED_S = 2 * _WINDOW_S
"""By a clock that is a day ahead a beacon is of this day for two."""


class Replays:
    """Remembers digests of the beacons taken last: the newest 50,000, for as long as one is believed."""

    def __init__(self, clock: Clock, *, secret: bytes, limit: int = _REMEMBERED) -> None:
        self._clock = clock
        self._secret = secret
        self._limit = limit
        # A plain dict gets slow where the oldest key goes with every new one.
        self._taken: OrderedDict[bytes, float] = OrderedDict()

    def check(self, beacon_id: str, sent_at: float) -> None:
        """Raise Refusal: 422 if the sender's clock is a day off or more, 409 if the beacon was taken."""
        if abs(sent_at - self._clock.wall()) > _WINDOW_S:
            raise Refusal(
                422,
                Outcome.CLOCK_OFF,
                "sent_at is more than 24 hours away from the time here.",
                "Send beacons when they are made, with Unix seconds in sent_at; check the clocks.",
            )
        if self._digest(beacon_id) in self._taken:
            raise Refusal(
                409,
                Outcome.DUPLICATE,
                "A beacon with this id was taken already.",
                "Nothing to do: it counts. A new beacon needs a new id.",
            )

    def remember(self, beacon_id: str) -> None:
        """This beacon is taken."""
        now = self._clock.monotonic()
        self._taken[self._digest(beacon_id)] = now
        oldest = next(iter(self._taken.values()))
        if len(self._taken) > self._limit or now - oldest > _REMEMBERED_S:
            self._taken.popitem(last=False)

    def __len__(self) -> int:
        return len(self._taken)

    def _digest(self, beacon_id: str) -> bytes:
        return hashlib.blake2b(beacon_id.encode(), key=self._secret, person=b"beacon", digest_size=8).digest()
