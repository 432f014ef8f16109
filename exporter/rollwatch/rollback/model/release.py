"""Releases and deployments: what runs, and how it came to run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rollwatch.rollback.model.words import DeploymentSource, DeploymentState

__all__ = ["Deployment", "Release", "same_release", "same_version"]

_PREFIX = re.compile(r"^[vV](?=[0-9])")


@dataclass(frozen=True, slots=True)
class Release:
    """What can run of a service. At least one of `commit`, `version`, `platform_id` is known.

    `commit` is a full lower-case SHA (40 or 64 hex digits).
    """

    service: str
    environment: str
    commit: str | None = None
    version: str | None = None
    platform_id: str | None = None

    @property
    def key(self) -> str:
        """What identifies it within service and environment: by commit, else version, else platform id."""
        if self.commit is not None:
            return f"commit:{self.commit}"
        if self.version is not None:
            return f"version:{self.version}"
        return f"platform:{self.platform_id}"

    @property
    def shown(self) -> str:
        """For a person: `1.4.2 (3f2a91c0d1e2)`, one of the two, or the platform's id."""
        short = None if self.commit is None else self.commit[:12]
        if self.version is not None:
            return self.version if short is None else f"{self.version} ({short})"
        return short or self.platform_id or "unknown"


def same_release(one: Release, other: Release) -> bool:
    """Whether both are the same release, by the best that both name: commit, version, platform id."""
    if (one.service, one.environment) != (other.service, other.environment):
        return False
    if one.commit is not None and other.commit is not None:
        return one.commit == other.commit
    if one.version is not None and other.version is not None:
        return same_version(one.version, other.version)
    return one.platform_id is not None and one.platform_id == other.platform_id


def same_version(one: str, other: str) -> bool:
    """Whether both name the same version: a tag `v1.4.2` is version 1.4.2."""
    return _PREFIX.sub("", one.strip()) == _PREFIX.sub("", other.strip())


@dataclass(frozen=True, slots=True)
class Deployment:
    """One way of a release into production. Times are Unix seconds."""

    id: str
    release: Release
    state: DeploymentState
    source: DeploymentSource
    started_at: float
    ended_at: float | None = None
    """When it finished or failed."""
    migration: bool = False
    """It changed the database's schema: going back over it may not be possible."""
    committed_at: float | None = None
    """When the commit was made: for the lead time."""
    marked: bool | None = None
    """A person said that the release is good (True) or bad (False)."""
    rollback_id: str | None = None
    """The rollback that did it, if the handler did."""

    @property
    def live_at(self) -> float | None:
        """When it finished; None while it runs or if it failed."""
        return self.ended_at if self.state is DeploymentState.FINISHED else None
