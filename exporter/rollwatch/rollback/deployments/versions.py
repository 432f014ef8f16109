"""Deployments that nobody reports: the version that health endpoints report has become another."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from rollwatch.model import Verdict
from rollwatch.rollback.deployments.naming import named
from rollwatch.rollback.model.release import same_release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.ports import Evidence, ServiceNow

__all__ = ["Versions"]

_log = structlog.get_logger(__name__)

_SAME_S = 1800.0
"""What was told of a release within this time is about one deployment."""
_TAKES_S = 90.0
"""A deployment that is only seen by its version is not taken to have begun longer before that than this.

What began earlier may be the reason for the deployment, which must not be blamed for it.
"""
_LATE_S = 300.0
"""So long after a deployment finished, its version must have been seen."""


@dataclass(slots=True)
class _Seen:
    version: str
    well_at: deque[float] = field(default_factory=lambda: deque(maxlen=10))
    """When every probe that counts was asked and found well, oldest first."""
    unended_at: float | None = None
    """When it went live, as long as whoever deploys it has not said that this is over."""


class Versions:
    """Remembers which version each service reported last. One look at a time for a service."""

    def __init__(self, journal: Journal, evidence: Evidence, clock: Clock, environment: str) -> None:
        self._journal = journal
        self._evidence = evidence
        self._clock = clock
        self._environment = environment
        self._seen: dict[str, _Seen] = {}

    async def look(self, service: str) -> None:
        """Record the deployment, if the version is another one than before. Raises JournalFailed.

        At the first look it is compared with the journal; where that holds nothing, what runs is written
        down as finished, so that there is something to go back to one day.
        """
        now = await self._evidence.service_now(service)
        if isinstance(now, Unanswered) or now.version is None:
            return
        release = named(service, self._environment, version=now.version)
        seen = self._seen.get(service)
        if release is None:
            if seen is None or seen.version != now.version:
                _log.warning("version_not_usable", service=service, version=clean(now.version, 60))
                self._seen[service] = _Seen(now.version)
            return
        if seen is None or seen.version != now.version:
            # What the journal can't take is tried again at the next look.
            seen = self._seen[service] = await self._changed(release, now, seen)
        elif seen.unended_at is not None:
            seen.unended_at = await self._ended(release, seen.unended_at)
        if (well_at := _well_at(now)) is not None:
            seen.well_at.append(well_at)

    async def _changed(self, release: Release, now: ServiceNow, seen: _Seen | None) -> _Seen:
        known = await self._known(release.service)
        wall = self._clock.wall()
        if seen is None:
            live_at = _first_seen(release, now.version_changed_at, known, wall)
        else:
            live_at = wall if now.version_changed_at is None else now.version_changed_at
        fresh = _Seen(now.version or "")
        if live_at is None:
            return fresh
        under_way = next((one for one in known if _is_under_way(one, release, wall)), None)
        if under_way is not None:
            # One instance answers with the new version; only who deploys knows when all of them do.
            await self._tell(release, DeploymentState.STARTED, under_way.started_at)
            fresh.unended_at = live_at
            return fresh
        before = max((at for at in seen.well_at if at < live_at), default=None) if seen is not None else None
        if before is not None and not any(_is_about(one, release, live_at) for one in known):
            # The trouble that a deployment makes while it is under way is not older than the deployment.
            await self._tell(release, DeploymentState.STARTED, max(before, live_at - _TAKES_S))
        await self._tell(release, DeploymentState.FINISHED, live_at)
        return fresh

    async def _ended(self, release: Release, live_at: float) -> float | None:
        """None once it has ended: somebody said so, or it is long ago that anybody said anything."""
        wall = self._clock.wall()
        open_ones = [
            one
            for one in await self._known(release.service)
            if one.state is DeploymentState.STARTED and same_release(one.release, release)
        ]
        if any(_is_under_way(one, release, wall) for one in open_ones):
            return live_at
        if open_ones:
            await self._tell(release, DeploymentState.FINISHED, live_at)
        return None

    async def _known(self, service: str) -> list[Deployment]:
        """The newest first."""
        known = await self._journal.deployments(service=service, limit=20)
        return [one for one in known if one.release.environment == self._environment]

    async def _tell(self, release: Release, state: DeploymentState, at: float) -> None:
        await self._journal.record_deployment(release, state, DeploymentSource.HEALTH, at=at)
        name = release.shown
        _log.info("deployment_seen", service=release.service, release=name, state=state.value, by="version")


def _first_seen(
    release: Release, changed_at: float | None, known: Sequence[Deployment], now: float
) -> float | None:
    """When the release went live, if the journal does not know that it runs; `known` is the newest first."""
    for one in known:
        if same_release(one.release, release):
            is_news = one.state is DeploymentState.STARTED and (changed_at or 0) >= one.started_at
            return changed_at if is_news else None
        if one.live_at is None:
            continue
        if changed_at is not None:
            # Else the exporter has seen it before that other one: it is on its way out.
            return changed_at if changed_at > one.live_at else None
        return now if one.release.version is not None and now - one.live_at > _LATE_S else None
    return now if changed_at is None else changed_at


def _is_under_way(deployment: Deployment, release: Release, now: float) -> bool:
    """Whether somebody else deploys the release, and began within the time that this may take."""
    return (
        deployment.state is DeploymentState.STARTED
        and deployment.source is not DeploymentSource.HEALTH
        and (deployment.release.version is None or same_release(deployment.release, release))
        and now - deployment.started_at <= _SAME_S
    )


def _is_about(deployment: Deployment, release: Release, at: float) -> bool:
    """Whether somebody has told of this deployment of the release."""
    times = [deployment.started_at, *([] if deployment.ended_at is None else [deployment.ended_at])]
    return any(abs(at - told) <= _SAME_S for told in times) and (
        deployment.release.version is None or same_release(deployment.release, release)
    )


def _well_at(now: ServiceNow) -> float | None:
    counting = [probe for probe in now.probes if probe.critical]
    times = [probe.started_at for probe in counting if probe.started_at is not None]
    if not times or len(times) < len(counting) or any(probe.verdict != Verdict.UP for probe in counting):
        return None
    return min(times)
