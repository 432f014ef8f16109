"""Looks for deployments for as long as the handler runs, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

import structlog

from rollwatch.rollback.deployments.again import BadReleasesAgain
from rollwatch.rollback.deployments.platforms import Platforms
from rollwatch.rollback.deployments.versions import Versions
from rollwatch.rollback.ports import JournalFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.ports import Events, Evidence
    from rollwatch.rollback.strategies.strategy import Strategy

__all__ = ["Watcher"]

_log = structlog.get_logger(__name__)

_LOOK_MAX_S = 30.0


class Watcher:
    """Of the services that have a strategy. `health_every_s` and `platform_every_s` lie between two looks."""

    def __init__(
        self,
        journal: Journal,
        evidence: Evidence,
        events: Events,
        strategies: Mapping[str, Strategy],
        *,
        clock: Clock,
        environment: str,
        health_every_s: float = 15.0,
        platform_every_s: float = 60.0,
    ) -> None:
        self._services = tuple(strategies)
        self._versions = Versions(journal, evidence, clock, environment)
        self._platforms = Platforms(journal, strategies, environment)
        self._again = BadReleasesAgain(journal, events, clock, environment)
        self._health_every_s = health_every_s
        self._platform_every_s = platform_every_s

    async def run(self) -> NoReturn:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forever(self.look_at_versions, self._health_every_s), name="versions")
            tasks.create_task(self._forever(self.look_at_platforms, self._platform_every_s), name="platforms")
        raise AssertionError("looking never ends")

    async def look_at_versions(self) -> None:
        """Once: what health endpoints report, and whether a bad release is back. Raises nothing."""
        await self._each(self._versions.look)
        await _try(self._again.look(self._services), "bad_releases_not_compared")

    async def look_at_platforms(self) -> None:
        """Once: what platforms list. Raises nothing."""
        await self._each(self._platforms.look)

    async def _each(self, look: Callable[[str], Awaitable[None]]) -> None:
        await asyncio.gather(
            *(_try(look(service), "deployments_not_read", service=service) for service in self._services)
        )

    async def _forever(self, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            await look()
            await asyncio.sleep(every_s)


async def _try(look: Awaitable[None], event: str, **where: str) -> None:
    try:
        async with asyncio.timeout(_LOOK_MAX_S):
            await look
    except JournalFailed as error:
        _log.warning(event, why=error.why, **where)
    except TimeoutError:
        _log.warning(event, why=f"it took longer than {_LOOK_MAX_S:g} s", **where)
