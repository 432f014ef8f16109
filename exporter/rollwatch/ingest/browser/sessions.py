"""The sessions that are going on: how many, and how long those lasted that ended."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.ingest.browser.beacon import Device

__all__ = ["Session", "Sessions"]

_ACTIVE_S = 300.0
_ENDED_S = 1800.0
_LIMIT = 50_000


class Session:
    """One tab's, as far as it must be known."""

    __slots__ = ("age_s", "device", "heard_at", "is_error_awaited")

    def __init__(self, device: Device) -> None:
        self.device = device
        self.heard_at = 0.0
        """On the monotonic clock."""
        self.age_s = 0.0
        """How old it was when it was last heard of, by itself."""
        self.is_error_awaited = False
        """Whether the first error of this view was ignored, so that the next one counts as the first."""


class Sessions:
    """At most `limit` sessions, by keyed digests of their ids; the one unheard for longest makes room.

    `on_end` is called with the device and the seconds a session lasted once it was not heard of for 30
    minutes; not for one that only made room.
    """

    def __init__(
        self,
        clock: Clock,
        on_end: Callable[[Device, float], None],
        *,
        secret: bytes,
        limit: int = _LIMIT,
    ) -> None:
        self._clock = clock
        self._on_end = on_end
        self._secret = secret
        self._limit = limit
        # Each in the order they were heard of last, so that nobody ever looks through all of them.
        self._active: OrderedDict[bytes, Session] = OrderedDict()
        self._quiet: OrderedDict[bytes, Session] = OrderedDict()

    def hear(self, session_id: str, age_s: float, device: Device) -> Session:
        """A session has sent something."""
        digest = hashlib.blake2b(
            session_id.encode(), key=self._secret, person=b"session", digest_size=8
        ).digest()
        session = self._active.get(digest)
        if session is not None:
            self._active.move_to_end(digest)
        else:
            session = self._quiet.pop(digest, None)
            if session is None:
                if len(self) >= self._limit:
                    (self._quiet or self._active).popitem(last=False)
                session = Session(device)
            self._active[digest] = session
        session.heard_at = self._clock.monotonic()
        # Beacons may overtake each other.
        session.age_s = max(session.age_s, age_s)
        return session

    def sweep(self, at_most: int = 1000) -> bool:
        """Go on with what time has made quiet or ended; whether there is more than `at_most` to do."""
        now = self._clock.monotonic()
        for _ in range(at_most):
            if self._active and now - _first(self._active).heard_at > _ACTIVE_S:
                digest, session = self._active.popitem(last=False)
                self._quiet[digest] = session
            elif self._quiet and now - _first(self._quiet).heard_at > _ENDED_S:
                _, session = self._quiet.popitem(last=False)
                self._on_end(session.device, session.age_s)
            else:
                return False
        return True

    @property
    def active(self) -> int:
        """How many were heard of in the last 5 minutes, as of the last `sweep`."""
        return len(self._active)

    def __len__(self) -> int:
        return len(self._active) + len(self._quiet)


def _first(sessions: OrderedDict[bytes, Session]) -> Session:
    return next(iter(sessions.values()))
