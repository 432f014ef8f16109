"""A release that was taken back is deployed again: somebody must know at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rollwatch.rollback.model.release import same_release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.model.release import Deployment
    from rollwatch.rollback.policy.facts import Claim
    from rollwatch.rollback.ports import Events

__all__ = ["BadReleasesAgain"]

_log = structlog.get_logger(__name__)

_NEWS_S = 3600.0
_BEFORE_START_S = 600.0
"""What began so long before this process did was told by the one before."""
_REMEMBERED = 1000


class BadReleasesAgain:
    """Tells once of each such deployment, whoever recorded it."""

    def __init__(self, journal: Journal, events: Events, clock: Clock, environment: str) -> None:
        self._journal = journal
        self._events = events
        self._clock = clock
        self._environment = environment
        self._began_at = clock.wall()
        self._told: dict[str, None] = {}

    async def look(self, services: Sequence[str]) -> None:
        """Compare the newest deployments with what was taken back. Raises JournalFailed."""
        now = self._clock.wall()
        since = max(now - _NEWS_S, self._began_at - _BEFORE_START_S)
        past = await self._journal.past(self._environment, services, since=now)
        rows: dict[str, Rollback | None] = {}
        for service in services:
            claims = [claim for claim in past.claims if claim.service == service]
            for deployment in past.deployments.get(service, ()) if claims else ():
                if deployment.id not in self._told and _is_news(deployment, since):
                    await self._compare(deployment, claims, rows)

    async def _compare(
        self, deployment: Deployment, claims: Sequence[Claim], rows: dict[str, Rollback | None]
    ) -> None:
        for claim in claims:
            if claim.rollback_id not in rows:
                rows[claim.rollback_id] = await self._journal.get(claim.rollback_id)
            if _brings_back(deployment, claim, rows[claim.rollback_id]):
                self._tell(deployment, claim.rollback_id)
                return

    def _tell(self, deployment: Deployment, rollback_id: str) -> None:
        release = deployment.release
        _log.warning(
            "bad_release_again", service=release.service, release=release.shown, rollback=rollback_id
        )
        self._events.bad_release_again(release.service, release.environment, release.shown, rollback_id)
        self._told[deployment.id] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]


def _is_news(deployment: Deployment, since: float) -> bool:
    is_ours = deployment.source is DeploymentSource.ROLLBACK or deployment.rollback_id is not None
    return deployment.started_at >= since and not is_ours and deployment.state is not DeploymentState.FAILED


def _brings_back(deployment: Deployment, claim: Claim, row: Rollback | None) -> bool:
    """Whether it began after the rollback did, and is of the release that this took back."""
    if row is None:
        # The claim outlives its row; it is older than what is news.
        return deployment.release.key == claim.release_key
    if deployment.started_at <= row.created_at:
        return False
    return deployment.release.key == claim.release_key or any(
        going.bad_deployment != deployment.id and same_release(going.bad, deployment.release)
        for going in row.going
    )
