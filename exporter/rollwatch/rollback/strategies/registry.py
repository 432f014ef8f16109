"""Makes of a service's configuration the strategy that it names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from rollwatch.config.rollback_words import StrategyName

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.config.rollback import ServiceRollbackSpec
    from rollwatch.rollback.strategies.strategy import Strategy
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["make_strategy"]

_CLASSES = {
    StrategyName.GIT_REVERT: ("git_revert", "GitRevertStrategy"),
    StrategyName.REDEPLOY: ("redeploy", "RedeployStrategy"),
    StrategyName.RAILWAY: ("railway", "RailwayStrategy"),
    StrategyName.GITHUB_ACTIONS: ("github_actions", "GitHubActionsStrategy"),
    StrategyName.COMMAND: ("command", "CommandStrategy"),
}


def make_strategy(
    service: str, environment: str, spec: ServiceRollbackSpec, tools: StrategyTools
) -> Strategy:
    """The strategy of `spec`; does no I/O. What a strategy needs is imported only where it is used."""
    module, name = _CLASSES[spec.strategy]
    made = getattr(import_module(f"rollwatch.rollback.strategies.{module}"), name)
    return cast("Callable[..., Strategy]", made)(service, environment, spec.chosen, tools)
