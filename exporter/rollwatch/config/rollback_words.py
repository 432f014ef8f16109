"""Closed vocabularies of the rollback configuration."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Mode", "RollbackTrigger", "StrategyName"]


class Mode(StrEnum):
    """What a positive decision about an alert leads to. The order is from careful to bold."""

    DRY_RUN = "dry-run"
    APPROVE = "approve"
    AUTO = "auto"

    @property
    def boldness(self) -> int:
        """Its place in the order: 0 is the most careful."""
        return list(Mode).index(self)


class StrategyName(StrEnum):
    """How a release is taken back; each is one file in `rollback/strategies/`."""

    GIT_REVERT = "git-revert"
    REDEPLOY = "redeploy"
    RAILWAY = "railway"
    GITHUB_ACTIONS = "github-actions"
    COMMAND = "command"


class RollbackTrigger(StrEnum):
    """The rollback alerts that the bundle ships; rules of the operators' own may have other names."""

    HEALTH_DOWN = "RollbackHealthDown"
    COMPONENT_DOWN = "RollbackComponentDown"
    HTTP_ERROR_RATIO = "RollbackHttpErrorRatio"
    LATENCY = "RollbackLatency"
    WEBSOCKET_DROPPED = "RollbackWebsocketDropped"
    MEMORY_HIGH = "RollbackMemoryHigh"
    DATABASE_LOST = "RollbackDatabaseLost"
