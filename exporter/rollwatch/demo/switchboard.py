"""Which faults are on now, and until when. Shared by every part; changed only through the control port."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.demo.faults import Fault

__all__ = ["Switchboard"]


@dataclass(slots=True)
class _Active:
    since: float
    until: float | None
    timer: asyncio.TimerHandle | None


class Switchboard:
    """The switches of one production. Times are seconds on the clock's monotonic scale."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._active: dict[Fault, _Active] = {}
        self._changed = asyncio.Event()
        self.changes = 0
        """How often a switch has moved; give it to `changed` to miss nothing."""

    def is_on(self, *faults: Fault) -> bool:
        """Whether any of these is on."""
        return any(fault in self._active for fault in faults)

    def since(self, fault: Fault) -> float | None:
        """When the fault was switched on; None while it is off."""
        active = self._active.get(fault)
        return None if active is None else active.since

    def remaining_s(self, fault: Fault) -> float | None:
        """How long until the fault ends by itself; None if it is off or stays until switched off."""
        active = self._active.get(fault)
        if active is None or active.until is None:
            return None
        return max(0.0, active.until - self._clock.monotonic())

    def switch_on(self, fault: Fault, *, for_s: float | None = None) -> None:
        """Switch on; a fault already on keeps its beginning and gets the new end."""
        now = self._clock.monotonic()
        before = self._active.get(fault)
        if before is not None and before.timer is not None:
            before.timer.cancel()
        timer = None
        if for_s is not None:
            timer = asyncio.get_running_loop().call_later(for_s, self.switch_off, fault)
        self._active[fault] = _Active(
            since=now if before is None else before.since,
            until=None if for_s is None else now + for_s,
            timer=timer,
        )
        self._tell()

    def switch_off(self, fault: Fault) -> None:
        """Switch off; nothing happens if it is off."""
        active = self._active.pop(fault, None)
        if active is None:
            return
        if active.timer is not None:
            active.timer.cancel()
        self._tell()

    def heal(self) -> None:
        """Switch everything off."""
        for fault in tuple(self._active):
            self.switch_off(fault)

    async def changed(self, seen: int) -> int:
        """Wait until `changes` is no longer `seen`; return it."""
        while self.changes == seen:
            await self._changed.wait()
        return self.changes

    async def until_off(self, fault: Fault) -> None:
        """Wait while the fault is on."""
        while self.is_on(fault):
            await self.changed(self.changes)

    def _tell(self) -> None:
        self.changes += 1
        # Whoever waits wakes up; whoever comes later waits on a fresh event.
        self._changed.set()
        self._changed = asyncio.Event()
