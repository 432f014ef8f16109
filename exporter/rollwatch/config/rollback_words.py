"""Closed vocabularies of the rollback configuration."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Mode", "StrategyName"]


class Mode(StrEnum):
    """What a positive decision about an alert leads to. The order is from careful to bold."""

    DRY_RUN = "dry-run"
    APPROVE = "approve"
    AUTO = "auto"


class StrategyName(StrEnum):
    """How a release is taken back; each is one file in `rollback/strategies/`."""

    GIT_REVERT = "git-revert"
    REDEPLOY = "redeploy"
    RAILWAY = "railway"
    GITHUB_ACTIONS = "github-actions"
    COMMAND = "command"
