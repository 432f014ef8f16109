"""The shapes of answers about releases and their deployments."""

from __future__ import annotations

from rollwatch.rollback.model.words import DeploymentSource, DeploymentState
from rollwatch.rollback.web.api_types import Json

__all__ = [
    "DeploymentJson",
    "DeploymentsJson",
    "ReleaseJson",
]


class ReleaseJson(Json):
    """What can run of a service."""

    service: str
    """Whose."""
    environment: str
    """Where."""
    commit: str | None
    """A full SHA."""
    version: str | None
    """As the service says it."""
    platform_id: str | None
    """As the platform calls it."""
    shown: str
    """For a person: `1.4.2 (3f2a91c0d1e2)`."""


class DeploymentJson(Json):
    """One way of a release into production."""

    id: str
    """For marks."""
    release: ReleaseJson
    """What came."""
    state: DeploymentState
    """How it stands."""
    source: DeploymentSource
    """Who told of it."""
    started_at: float
    """When it began."""
    ended_at: float | None
    """When it finished or failed."""
    migration: bool
    """Whether it changed the database's schema."""
    committed_at: float | None
    """When the commit was made."""
    marked: bool | None
    """What a person said of the release."""
    rollback_id: str | None
    """The rollback that did it."""


class DeploymentsJson(Json):
    """Deployments."""

    deployments: list[DeploymentJson]
    """Newest first."""
