"""Keeps the figures about deployments up to date, beside the scrapes: of a long past they take long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from rollwatch.rollback.deployments.dora import CARRIED_OUT, figures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.metrics import HandlerMetrics

__all__ = ["Measuring"]

_log = structlog.get_logger(__name__)

_MONTH_S = 30 * 86_400.0
_EVERY_S = 60.0
_DEPLOYMENTS_MAX = 2000
"""Of each service."""
_ROLLBACKS_MAX = 5000
"""Of each outcome."""


class Measuring:
    """Figures of the last 30 days."""

    def __init__(self, journal: Journal, metrics: HandlerMetrics, clock: Clock) -> None:
        self._journal = journal
        self._metrics = metrics
        self._clock = clock
        self._made_at = float("-inf")

    async def refresh(self, services: Iterable[str], environment: str) -> None:
        """Once a minute. Raises JournalFailed."""
        if self._clock.monotonic() - self._made_at < _EVERY_S:
            return
        now = self._clock.wall()
        # What failed before the window may have been recovered from within it.
        since = now - 2 * _MONTH_S
        rollbacks = await self._journal.carried_out(
            environment, tuple(CARRIED_OUT), since=since, limit=_ROLLBACKS_MAX
        )
        cut = ["rollbacks"] if len(rollbacks) >= _ROLLBACKS_MAX else []
        for service in tuple(services):
            deployments = await self._journal.deployed(
                environment, service, since=since, limit=_DEPLOYMENTS_MAX
            )
            if len(deployments) >= _DEPLOYMENTS_MAX:
                cut.append(service)
            found = await asyncio.to_thread(
                figures,
                deployments,
                rollbacks,
                service=service,
                environment=environment,
                since=now - _MONTH_S,
                until=now,
            )
            self._metrics.show_deployment_figures(service, environment, found if deployments else None)
        if cut:
            _log.warning("deployment_figures_cut", of=cut, remedy="these figures are of the newest ones only")
        self._made_at = self._clock.monotonic()
