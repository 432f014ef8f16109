"""Deployments to an environment as GitHub keeps them: which runs, and which were before."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from rollwatch.rollback.model.release import Release
from rollwatch.rollback.strategies._github_api import commit_of, is_id
from rollwatch.rollback.strategies.pace import Until
from rollwatch.rollback.strategies.strategy import PastRelease, PlatformFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.rollback.strategies.http import JsonClient
    from rollwatch.rollback.strategies.pace import Pace
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["Deployments"]

_LISTED = 30
_AT_ONCE = 4
_OVER = frozenset({"success", "failure", "error", "inactive"})
_FAILED = frozenset({"failure", "error"})


class _Ending(NamedTuple):
    """How a deployment stands: its latest state, and when it first succeeded, else when it failed."""

    state: str
    at: float | None
    is_live: bool
    """Whether its latest state is success."""


class Deployments:
    """Reads the last 30 of one environment. What was over is asked of again only while it may be the one
    that runs."""

    def __init__(
        self,
        client: JsonClient,
        repository: str,
        github_environment: str,
        tools: StrategyTools,
        pace: Pace,
    ) -> None:
        self._client = client
        self._tools = tools
        self._pace = pace
        self._path = f"/repos/{repository}/deployments"
        self._github_environment = github_environment
        self._over: dict[int, _Ending] = {}

    async def current(self, service: str, environment: str) -> Release | None:
        """The newest deployment whose latest status is success. Raises PlatformFailed."""
        until = Until(self._tools.clock, self._tools.rng, self._pace.read_s)
        for deployment in await self._list():
            if (await self._ask(deployment.id, until.left)).is_live:
                return deployment.release(service, environment)
        return None

    async def history(self, service: str, environment: str) -> Sequence[PastRelease]:
        """Newest first. Raises PlatformFailed."""
        until = Until(self._tools.clock, self._tools.rng, self._pace.read_s)
        listed = await self._list()
        gate = asyncio.Semaphore(_AT_ONCE)

        async def ending(number: int) -> _Ending | PlatformFailed:
            async with gate:
                try:
                    return self._over.get(number) or await self._ask(number, until.left)
                except PlatformFailed as failed:
                    return failed

        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(ending(one.id), name=f"github-deployment-{one.id}") for one in listed]
        self._over = {one.id: self._over[one.id] for one in listed if one.id in self._over}
        return [
            one.past(service, environment, task.result()) for one, task in zip(listed, asked, strict=True)
        ]

    async def _list(self) -> list[_Deployment]:
        query = urlencode({"environment": self._github_environment, "per_page": _LISTED})
        said = (await self._client.ask("GET", f"{self._path}?{query}")).json
        if not isinstance(said, list):
            raise PlatformFailed("GitHub listed no deployments: its answer has another shape than documented")
        return sorted((_deployment(one) for one in said[:_LISTED]), key=lambda one: one.id, reverse=True)

    async def _ask(self, number: int, within_s: float) -> _Ending:
        path = f"{self._path}/{number}/statuses?per_page=30"
        said = (await self._client.ask("GET", path, within_s=within_s)).json
        if not isinstance(said, list):
            raise PlatformFailed("GitHub listed no statuses: its answer has another shape than documented")
        ending = _ending(said[:30])
        if ending.state in _OVER:
            self._over[number] = ending
        return ending


class _Deployment(NamedTuple):
    id: int
    commit: str | None
    created_at: float

    def release(self, service: str, environment: str) -> Release:
        return Release(service, environment, commit=self.commit, platform_id=str(self.id))

    def past(self, service: str, environment: str, ending: _Ending | PlatformFailed) -> PastRelease:
        if isinstance(ending, PlatformFailed):
            raise ending
        release = self.release(service, environment)
        return PastRelease(release, self.created_at, ending.at, failed=ending.state in _FAILED)


def _deployment(said: Any) -> _Deployment:
    number = said.get("id") if isinstance(said, dict) else None
    created_at = _moment(said.get("created_at")) if isinstance(said, dict) else None
    if not is_id(number) or created_at is None:
        raise PlatformFailed("GitHub lists a deployment without an id or without its time")
    return _Deployment(number, commit_of(said.get("sha")), created_at)


def _ending(statuses: Sequence[Any]) -> _Ending:
    known = [
        (at, state)
        for one in statuses
        if isinstance(one, dict)
        and (at := _moment(one.get("created_at"))) is not None
        and isinstance(state := one.get("state"), str)
    ]
    if not known:
        return _Ending("", None, is_live=False)
    known.sort(key=lambda one: one[0])
    latest_at, latest = known[-1]
    succeeded_at = next((at for at, state in known if state == "success"), None)
    # `inactive` only says that something newer runs.
    if latest == "inactive" and succeeded_at is None:
        return _Ending("failure", latest_at, is_live=False)
    at = latest_at if latest in _FAILED else succeeded_at if latest in _OVER else None
    return _Ending(latest, at, is_live=latest == "success")


def _moment(text: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.timestamp() if moment is not None and moment.tzinfo is not None else None
