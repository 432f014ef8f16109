"""Deployments that the platform lists, where a strategy can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rollwatch.rollback.deployments.naming import named
from rollwatch.rollback.model.release import same_release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState
from rollwatch.rollback.strategies.strategy import PlatformFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.strategies.strategy import PastRelease, Strategy

__all__ = ["Platforms"]

_log = structlog.get_logger(__name__)

_NEWEST = 20
"""How many are looked at: targets are among the newest, and a platform's list may be long."""
_SAME_S = 1800.0
"""A platform's clock and CI's, and when each counts a deployment as begun."""


class Platforms:
    """Remembers what it has written down. One look at a time for a service."""

    def __init__(self, journal: Journal, strategies: Mapping[str, Strategy], environment: str) -> None:
        self._journal = journal
        self._strategies = strategies
        self._environment = environment
        self._told: dict[str, dict[tuple[str, float], DeploymentState]] = {}
        self._failing: dict[str, str] = {}

    async def look(self, service: str) -> None:
        """Record what is new or has ended. Raises JournalFailed."""
        strategy = self._strategies.get(service)
        if strategy is None:
            return
        try:
            history = await strategy.history()
        except PlatformFailed as error:
            if self._failing.get(service) != error.why:
                _log.warning("platform_history_unread", service=service, why=error.why)
            self._failing[service] = error.why
            return
        if self._failing.pop(service, None) is not None:
            _log.info("platform_history_read_again", service=service)
        told = self._told.setdefault(service, {})
        newest = sorted(history, key=lambda one: one.started_at)[-_NEWEST:]
        fresh = [
            one for one in newest if self._key(one) is not None and told.get(_id(one)) is not _state(one)
        ]
        if not fresh:
            return
        known = await self._journal.deployments(service=service, limit=100)
        for one in fresh:
            release = self._key(one)
            if release is not None:
                await self._record(one, release, known)
            told[_id(one)] = _state(one)
        for gone in told.keys() - {_id(one) for one in newest}:
            del told[gone]

    def _key(self, one: PastRelease) -> Release | None:
        said = one.release
        if said.environment != self._environment:
            return None
        return named(
            said.service,
            said.environment,
            commit=said.commit,
            version=said.version,
            platform_id=said.platform_id,
        )

    async def _record(self, one: PastRelease, release: Release, known: Sequence[Deployment]) -> None:
        mine = [
            deployment
            for deployment in known
            if same_release(deployment.release, release)
            and abs(deployment.started_at - one.started_at) <= _SAME_S
        ]
        state = _state(one)
        if any(each.state is state and _is_complete(each.release, release) for each in mine):
            return
        if not mine:
            await self._journal.record_deployment(
                release,
                DeploymentState.STARTED,
                DeploymentSource.PLATFORM,
                at=one.started_at,
                committed_at=one.committed_at,
            )
        if one.ended_at is not None:
            await self._journal.record_deployment(
                release, state, DeploymentSource.PLATFORM, at=one.ended_at, committed_at=one.committed_at
            )
        _log.info(
            "deployment_seen",
            service=release.service,
            release=release.shown,
            state=state.value,
            by="platform",
        )


def _id(one: PastRelease) -> tuple[str, float]:
    return one.release.platform_id or one.release.key, one.started_at


def _state(one: PastRelease) -> DeploymentState:
    if one.ended_at is None:
        return DeploymentState.STARTED
    return DeploymentState.FAILED if one.failed else DeploymentState.FINISHED


def _is_complete(known: Release, told: Release) -> bool:
    """Whether the journal has every name that the platform tells."""
    pairs = (
        (known.commit, told.commit),
        (known.version, told.version),
        (known.platform_id, told.platform_id),
    )
    return all(mine is not None or theirs is None for mine, theirs in pairs)
