"""Which deployment a report tells of, when several sources tell of the same one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollwatch.rollback.model.release import Deployment, Release, same_release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SAME_S", "Report", "completed", "told_before"]

SAME_S = 1800.0
"""Reports of one deployment that lie further apart are of two."""
_SEEN_S = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody says of a deployment."""

    release: Release
    state: DeploymentState
    source: DeploymentSource
    at: float
    migration: bool = False
    committed_at: float | None = None
    rollback_id: str | None = None


def told_before(report: Report, known: Sequence[Deployment]) -> Deployment | None:
    """The one of `known` (all of the service, newest first) that the report is about; None: a new one."""
    if report.rollback_id is not None:
        ours = next((one for one in known if one.rollback_id == report.rollback_id), None)
        if ours is not None:
            return ours
    for index, deployment in enumerate(known):
        if _is_platforms_own(report, deployment):
            return deployment
        between = known[:index]
        if _is_of(report, deployment) and _is_same_time(report, deployment, between):
            return deployment
    # Only the newest: what ran before it has a version and a commit of its own.
    if known and _tells_other_half(report, known[0], is_first=len(known) == 1):
        return known[0]
    return None


def completed(deployment: Deployment, report: Report) -> Deployment:
    """The deployment, with what the report adds. What was told first stays, but for an end."""
    told = deployment.release
    if report.rollback_id is not None and not same_release(told, report.release):
        # A revert is a commit of its own, known only once it is made.
        told = report.release
    release = replace(
        told,
        commit=told.commit or report.release.commit,
        version=told.version or report.release.version,
        platform_id=told.platform_id or report.release.platform_id,
    )
    changed = replace(
        deployment,
        release=release,
        source=_better(deployment.source, report.source),
        started_at=min(deployment.started_at, report.at),
        migration=deployment.migration or report.migration,
        committed_at=report.committed_at if deployment.committed_at is None else deployment.committed_at,
        rollback_id=deployment.rollback_id or report.rollback_id,
    )
    if report.state is DeploymentState.STARTED:
        return changed
    if deployment.state is DeploymentState.STARTED:
        # Clocks of two sources differ: it can't end before it began.
        ended_at = max(report.at, deployment.started_at)
        return replace(changed, state=report.state, ended_at=ended_at, started_at=deployment.started_at)
    if deployment.ended_at is not None and deployment.state is report.state:
        return replace(changed, ended_at=min(deployment.ended_at, report.at))
    return changed


def _is_platforms_own(report: Report, deployment: Deployment) -> bool:
    """The platform's id of a deployment is said again whenever its list is read, years later too.

    What the handler does is another deployment, though it may go by the id of what it brought back.
    """
    return (
        report.source is DeploymentSource.PLATFORM
        and report.release.platform_id is not None
        and report.release.platform_id == deployment.release.platform_id
    )


def _is_of(report: Report, deployment: Deployment) -> bool:
    mine, theirs = report.release.platform_id, deployment.release.platform_id
    if mine is not None and theirs is not None and mine != theirs:
        # The same commit, deployed twice.
        return False
    return same_release(report.release, deployment.release)


def _is_same_time(report: Report, deployment: Deployment, newer: Sequence[Deployment]) -> bool:
    if deployment.ended_at is None:
        if report.state is not DeploymentState.STARTED:
            return True
        return abs(report.at - deployment.started_at) <= SAME_S
    if report.state is DeploymentState.STARTED:
        if deployment.source is DeploymentSource.ROLLBACK and 0 <= report.at - deployment.ended_at <= SAME_S:
            # What a rollback pushed is now put into production by somebody else.
            return True
        # Told late: what starts after an end is another deployment.
        return 0 <= deployment.ended_at - report.at <= SAME_S
    if report.state is not deployment.state or abs(report.at - deployment.ended_at) > SAME_S:
        return False
    # Another release came between: this one is being deployed again.
    return not any(
        other.started_at > deployment.ended_at and other.started_at <= report.at
        for other in newer
        if not same_release(other.release, deployment.release)
    )


def _tells_other_half(report: Report, newest: Deployment, *, is_first: bool) -> bool:
    """One source knows the version only, the other one all but the version."""
    at = newest.started_at if newest.ended_at is None else newest.ended_at
    if abs(report.at - at) > SAME_S or newest.state is DeploymentState.FAILED:
        return False
    if report.source is DeploymentSource.HEALTH:
        return (
            report.state is not DeploymentState.FAILED
            and _knows_version_only(report.release)
            and newest.release.version is None
        )
    return (
        # The first of all may be what ran before anybody reported anything; and health endpoints are seen to
        # change within a minute or two: what is older is the release before.
        not is_first
        and abs(report.at - at) <= _SEEN_S
        and newest.source is DeploymentSource.HEALTH
        and _knows_version_only(newest.release)
        and report.release.version is None
        and (
            report.state is DeploymentState.FINISHED
            or (report.state is DeploymentState.STARTED and report.at <= at)
        )
    )


def _knows_version_only(release: Release) -> bool:
    return release.version is not None and release.commit is None and release.platform_id is None


def _better(first: DeploymentSource, second: DeploymentSource) -> DeploymentSource:
    """What was ours stays ours; what somebody told beats what was noticed."""
    if DeploymentSource.ROLLBACK in {first, second}:
        return DeploymentSource.ROLLBACK
    return second if first is DeploymentSource.HEALTH else first
