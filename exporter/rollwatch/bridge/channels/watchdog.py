"""The outside address that is asked while Alertmanager's Watchdog arrives, and calls a person when it is not.

Nothing of it is kept: a ping that is late says what is not so any more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from rollwatch.bridge.backoff import backoff_s
from rollwatch.bridge.failures import SendFailed
from rollwatch.bridge.words import ChannelName, Outcome
from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.bridge.http_client import HttpClient
    from rollwatch.bridge.metrics import BridgeMetrics
    from rollwatch.clock import Clock
    from rollwatch.config.bridge import WatchdogSpec

__all__ = ["MISSING_AFTER_S", "Watchdog"]

_log = structlog.get_logger(__name__)

MISSING_AFTER_S = 300.0
"""Alertmanager repeats Watchdog every minute: after five it does not come any more."""
_PING_EVERY_S = 55.0
"""Once a minute, for an Alertmanager that is a little early now and then."""
_ATTEMPTS = 4
_LONGEST_WAIT_S = 8.0


class Watchdog:
    """Follows the configuration; without an address it only keeps the time."""

    def __init__(
        self, http: HttpClient, metrics: BridgeMetrics, clock: Clock, rng: Callable[[], float]
    ) -> None:
        self._http = http
        self._metrics = metrics
        self._clock = clock
        self._rng = rng
        self._spec: WatchdogSpec | None = None
        self._arrived_at = clock.monotonic()
        self._pinged_at: float | None = None
        self._is_refused = False
        self._is_missing = False
        self._wake = asyncio.Event()

    def configure(self, spec: WatchdogSpec | None) -> None:
        """Ask this address from now on."""
        if spec != self._spec:
            self._pinged_at, self._is_refused = None, False
        self._spec = spec

    def arrived(self) -> None:
        """Alertmanager says that it, and Prometheus before it, are alive."""
        self._arrived_at = self._clock.monotonic()
        self._metrics.watchdog_arrived()
        if self._is_missing:
            self._is_missing = False
            _log.info("watchdog_is_back")
        self._wake.set()

    @property
    def problem(self) -> str | None:
        """What is wrong with it; None if it is well, or nobody outside waits for it."""
        if self._spec is None:
            return None
        if self._clock.monotonic() - self._arrived_at > MISSING_AFTER_S:
            return "Alertmanager's Watchdog has not come for five minutes: alerts may not be getting through."
        if self._is_refused:
            return "The outside address that is asked while Watchdog arrives does not answer."
        return None

    async def live(self) -> None:
        """Ask once for each Watchdog that is due, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            now = self._clock.monotonic()
            if self._spec is None or (self._pinged_at is not None and now - self._pinged_at < _PING_EVERY_S):
                continue
            self._pinged_at = now
            await self._ping(self._spec)

    def look(self) -> None:
        """Say it once in the log when Watchdog stays away; called now and then."""
        is_missing = self._clock.monotonic() - self._arrived_at > MISSING_AFTER_S and self._spec is not None
        if is_missing and not self._is_missing:
            _log.error(
                "watchdog_missing",
                for_s=MISSING_AFTER_S,
                remedy="see whether Prometheus and Alertmanager run and whether the bridge's token is theirs",
            )
        self._is_missing = is_missing

    async def _ping(self, spec: WatchdogSpec) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._http.call("GET", spec.url.render())
            except (SendFailed, SecretUnavailable) as failure:
                why = failure.why
                is_last = attempt == _ATTEMPTS or (isinstance(failure, SendFailed) and failure.permanent)
            else:
                self._is_refused = False
                self._metrics.count(ChannelName.WATCHDOG, Outcome.DELIVERED)
                self._metrics.succeeded(ChannelName.WATCHDOG)
                return
            self._is_refused = True
            outcome = Outcome.GIVEN_UP if is_last else Outcome.RETRIED
            self._metrics.count(ChannelName.WATCHDOG, outcome)
            if is_last:
                _log.error("watchdog_ping_failed", why=why, next="with the next Watchdog, in a minute")
                return
            await asyncio.sleep(backoff_s(attempt, _LONGEST_WAIT_S, self._rng))
