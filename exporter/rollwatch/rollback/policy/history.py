"""The deployments of one service, read as what ran from when to when, and how well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollwatch.rollback.model.release import Release, same_release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollwatch.rollback.model.release import Deployment

__all__ = ["Stint", "are_distinct", "is_nameless", "keys_of", "stints"]


@dataclass(frozen=True, slots=True)
class Stint:
    """An unbroken time in which one release ran. `deployments` are finished ones of it, the newest first."""

    release: Release
    """With every name that one of its deployments told."""
    deployments: tuple[Deployment, ...]
    unended: tuple[Deployment, ...] = ()
    """Rollbacks to it, before it ran, of which nobody said how they ended; only of what runs now."""

    @property
    def brought_by(self) -> Deployment:
        """The deployment that it began with; later ones were of the same release."""
        return self.deployments[-1]

    @property
    def began_at(self) -> float:
        """From when on it took over."""
        return self.brought_by.started_at

    @property
    def live_at(self) -> float:
        """From when on it ran everywhere."""
        return _finite(self.brought_by.live_at)

    @property
    def ours_since(self) -> float | None:
        """When a rollback last had put it there; None where none did."""
        ours = [_finite(one.live_at) for one in self.deployments if _is_ours(one)]
        return max([*ours, *(self.live_at for _ in self.unended)], default=None)

    @property
    def is_ours(self) -> bool:
        """Whether a rollback had a part in it."""
        return self.ours_since is not None

    def went_well(
        self, replaced_at: float, incidents: Iterable[float], healthy_after_s: float
    ) -> bool | None:
        """Whether it ran for `healthy_after_s` without an incident; None if it ran too shortly to say.

        It is blamed for an incident from when it began to take over until another one did; Unix seconds.
        """
        until = self.live_at + healthy_after_s
        if any(self.began_at <= at < replaced_at and at <= until for at in incidents):
            return False
        return True if replaced_at >= until else None


def stints(deployments: Iterable[Deployment], service: str, environment: str) -> tuple[Stint, ...]:
    """What ran, the newest first; the first runs now. Only of finished deployments with usable times."""
    every = tuple(deployments)
    finished = sorted(
        (
            one
            for one in every
            if (one.release.service, one.release.environment) == (service, environment)
            and one.live_at is not None
            and math.isfinite(one.live_at)
            and math.isfinite(one.started_at)
        ),
        key=lambda one: (_finite(one.live_at), one.started_at, one.id),
        reverse=True,
    )
    found: list[Stint] = []
    for one in finished:
        if found and same_release(found[-1].release, one.release):
            last = found[-1]
            found[-1] = Stint(_with_names_of(last.release, one.release), (*last.deployments, one))
        else:
            found.append(Stint(one.release, (one,)))
    if found:
        found[0] = _with_unended(found[0], found[1:2], every)
    return tuple(found)


def _with_unended(now: Stint, before: Sequence[Stint], deployments: Iterable[Deployment]) -> Stint:
    """A rollback that took too long, or whose end nobody could tell, has come to its end after all."""
    since = before[0].live_at if before else -math.inf
    unended = tuple(
        one
        for one in deployments
        if _is_ours(one)
        and one.state is DeploymentState.STARTED
        and one.started_at >= since
        and same_release(one.release, now.release)
    )
    return replace(now, unended=unended)


def _is_ours(deployment: Deployment) -> bool:
    return deployment.source is DeploymentSource.ROLLBACK or deployment.rollback_id is not None


def are_distinct(one: Release, other: Release) -> bool:
    """Whether both are known to be different releases: told by the same kind of name, and not the same."""
    shared = any(
        mine is not None and theirs is not None
        for mine, theirs in zip(_names(one), _names(other), strict=True)
    )
    return shared and not same_release(one, other)


def is_nameless(release: Release) -> bool:
    """Whether nothing says which release it is."""
    return not any(_names(release))


def keys_of(release: Release, deployments: Sequence[Deployment]) -> frozenset[str]:
    """Every key that it may have been written down by: a source may have told another of its names then."""
    named = [release, *(one.release for one in deployments if same_release(one.release, release))]
    bare = (Release(one.service, one.environment, *names) for one in named for names in _each_name(one))
    return frozenset(one.key for one in bare) | {release.key}


def _names(release: Release) -> tuple[str | None, str | None, str | None]:
    return release.commit, release.version, release.platform_id


def _each_name(release: Release) -> list[tuple[str | None, str | None, str | None]]:
    commit, version, platform_id = _names(release)
    each = [(commit, None, None), (None, version, None), (None, None, platform_id)]
    return [names for names in each if any(name is not None for name in names)]


def _with_names_of(release: Release, other: Release) -> Release:
    pairs = zip(_names(release), _names(other), strict=True)
    return Release(
        release.service,
        release.environment,
        *(mine if mine is not None else theirs for mine, theirs in pairs),
    )


def _finite(at: float | None) -> float:
    return -math.inf if at is None else at
