"""One test: priority after priority, so that Alertmanager's counts tell which receivers took it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollwatch.notify.alerts import LASTS_S, test_alerts
from rollwatch.notify.verdict import is_complete, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.thresholds import Priority
    from rollwatch.notify.alertmanager import Alertmanager
    from rollwatch.notify.alerts import TestAlert
    from rollwatch.notify.routing import Receiver, Routing
    from rollwatch.notify.verdict import Result

__all__ = ["Trial"]

_EVERY_S = 0.5


class Trial:
    """The test alerts of one command. `end` ends all that were posted; call it whatever happened."""

    def __init__(
        self,
        alertmanager: Alertmanager,
        routing: Routing,
        clock: Clock,
        *,
        run: str,
        within_s: float,
    ) -> None:
        self._alertmanager = alertmanager
        self._routing = routing
        self._clock = clock
        self._run = run
        self._within_s = within_s
        self._posted: list[TestAlert] = []
        self.fingerprints: set[str] = set()
        """What identifies the alerts that Alertmanager holds."""

    async def of(self, priority: Priority, services: Sequence[str]) -> list[Result]:
        """Post one alert of this priority for each service and watch for who takes it.

        Raises CantStart if Alertmanager stops answering.
        """
        alerts = test_alerts(services, priority, self._run)
        before = await self._alertmanager.counts()
        self._posted += alerts
        now = self._clock.wall()
        await self._alertmanager.post([alert.posted(now, ends_in_s=LASTS_S) for alert in alerts])
        until = self._clock.monotonic() + self._within_s
        while True:
            routed = await self._routed(priority)
            counts = (await self._alertmanager.counts()).since(before)
            is_known = set(services) <= set(routed)
            if (is_known and is_complete(routed, counts, self._within_s)) or self._clock.monotonic() > until:
                return judge(priority, routed, counts, waited_s=self._within_s)
            await asyncio.sleep(_EVERY_S)

    async def end(self) -> None:
        """Resolve what was posted, so that people are told that it is over."""
        if self._posted:
            now = self._clock.wall()
            ended = [alert.posted(now - 1, ends_in_s=0.5) for alert in self._posted]
            await self._alertmanager.post(ended)

    async def _routed(self, priority: Priority) -> dict[str, list[Receiver]]:
        """By service, the receivers Alertmanager itself gives the alert to."""
        found = await self._alertmanager.routed(self._run, priority)
        self.fingerprints |= {routed.fingerprint for routed in found.values()}
        return {
            service: [self._routing.receiver(name, priority) for name in routed.receivers]
            for service, routed in found.items()
        }
