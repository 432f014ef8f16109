"""How well deployments go: DORA's figures of one service over a window. Pure.

Only changes count: what the handler deploys to take a release back is no deployment here, but ends a failure.
Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Protocol

from rollwatch.rollback.model.release import same_release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.release import Deployment, Release

__all__ = ["CARRIED_OUT", "DeploymentFigures", "FailedDeployment", "failed_deployments", "figures"]

_DAY_S = 86_400.0
_SAME_S = 1800.0
CARRIED_OUT = frozenset({State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.UNKNOWN})
"""How a rollback ended that took something back, or may have."""


class _Rollback(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def state(self) -> State: ...
    @property
    def updated_at(self) -> float: ...
    @property
    def going(self) -> tuple[Going, ...]: ...


@dataclass(frozen=True, slots=True)
class FailedDeployment:
    """One that went live and was rolled back, unless a person called it good; or that one called bad."""

    deployment: Deployment
    recovered_at: float | None
    """When a good release was live again: by the rollback, or by a later deployment. None: not yet."""

    @property
    def recovery_s(self) -> float | None:
        """From the bad release being live, not from the alert: the time to notice counts."""
        live_at = self.deployment.live_at
        return None if live_at is None or self.recovered_at is None else self.recovered_at - live_at


@dataclass(frozen=True, slots=True)
class DeploymentFigures:
    """Of one service. A ratio or median without anything to make it of is None."""

    finished: int
    """Deployments that went live within the window."""
    broken: int
    """Deployments that failed within it: they never were live."""
    per_day: float
    success_ratio: float | None
    """finished / (finished + broken)"""
    change_fail_ratio: float | None
    """Of those that went live, the share that had to be answered with a rollback or was called bad."""
    recovery_s: float | None
    """The median of those that were recovered from within the window."""
    lead_time_s: float | None
    """The median from commit to live, where commits are known."""


def figures(
    deployments: Sequence[Deployment],
    rollbacks: Sequence[_Rollback],
    *,
    service: str,
    environment: str,
    since: float,
    until: float,
) -> DeploymentFigures:
    """Over `since` <= t < `until`; both sequences may hold other services, in any order."""
    ours = _of(deployments, service, environment)
    changes = _changes(ours)
    finished = [one for one in changes if one.live_at is not None and since <= one.live_at < until]
    broken = sum(
        one.state is DeploymentState.FAILED and one.ended_at is not None and since <= one.ended_at < until
        for one in changes
    )
    failed = failed_deployments(ours, rollbacks, service=service, environment=environment)
    recoveries = [
        one.recovery_s
        for one in failed
        if one.recovery_s is not None and one.recovered_at is not None and since <= one.recovered_at < until
    ]
    bad = {one.deployment.id for one in failed}
    leads = [
        one.live_at - one.committed_at
        for one in finished
        # A commit with a date after its deployment was made on a host with a wrong clock.
        if one.live_at is not None and one.committed_at is not None and one.committed_at <= one.live_at
    ]
    return DeploymentFigures(
        finished=len(finished),
        broken=broken,
        per_day=len(finished) * _DAY_S / (until - since) if until > since else 0.0,
        success_ratio=_ratio(len(finished), len(finished) + broken),
        change_fail_ratio=_ratio(sum(one.id in bad for one in finished), len(finished)),
        recovery_s=median(recoveries) if recoveries else None,
        lead_time_s=median(leads) if leads else None,
    )


def failed_deployments(
    deployments: Sequence[Deployment], rollbacks: Sequence[_Rollback], *, service: str, environment: str
) -> tuple[FailedDeployment, ...]:
    """Every deployment of the service that went live and was bad, oldest first."""
    ours = sorted(
        (one for one in _of(deployments, service, environment) if one.live_at is not None),
        key=lambda one: (one.live_at or 0.0, one.id),
    )
    answers = {
        going.bad_deployment: row
        for row in sorted(rollbacks, key=lambda row: row.updated_at)
        if row.state in CARRIED_OUT and row.environment == environment
        for going in row.going
        if going.service == service
    }
    bad = [one for one in _changes(ours) if one.marked is False or (one.marked is None and one.id in answers)]
    ids = {one.id for one in bad}
    return tuple(FailedDeployment(one, _recovered_at(one, answers.get(one.id), ours, ids)) for one in bad)


def _recovered_at(
    failed: Deployment, answer: _Rollback | None, ours: Iterable[Deployment], bad: Collection[str]
) -> float | None:
    """When the first release after it was live that is another one and was not bad itself."""
    live_at = failed.live_at or 0.0
    later = [
        one.live_at
        for one in ours
        if one.live_at is not None
        and one.live_at > live_at
        and one.id not in bad
        and not same_release(one.release, failed.release)
        and (answer is None or one.rollback_id != answer.id or answer.state is State.SUCCEEDED)
    ]
    if answer is not None and answer.state is State.SUCCEEDED:
        # What it deployed may not be written down as a deployment.
        later.append(answer.updated_at)
    return min(later, default=None)


def _of(deployments: Iterable[Deployment], service: str, environment: str) -> list[Deployment]:
    return [
        one for one in deployments if (one.release.service, one.release.environment) == (service, environment)
    ]


def _changes(ours: Sequence[Deployment]) -> list[Deployment]:
    """Without rollbacks, and without those that a platform lists once more under an id of its own."""
    rollbacks = {
        one.id: (one.started_at, _by_content(one))
        for one in ours
        if one.source is DeploymentSource.ROLLBACK or one.rollback_id is not None
    }
    return [one for one in ours if one.id not in rollbacks and not _is_listed_again(one, rollbacks.values())]


def _is_listed_again(one: Deployment, rollbacks: Iterable[tuple[float, Release]]) -> bool:
    # The time first: it costs the least, and rules out most.
    near = [release for at, release in rollbacks if abs(one.started_at - at) <= _SAME_S]
    return any(same_release(_by_content(one), release) for release in near)


def _by_content(deployment: Deployment) -> Release:
    return replace(deployment.release, platform_id=None)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
