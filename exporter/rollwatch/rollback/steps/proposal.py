"""A revert pull request, where the main branch still holds the bad release. It changes no outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rollwatch.rollback.strategies.pull_request import propose

if TYPE_CHECKING:
    from rollwatch.config.rollback_strategies import PullRequestSpec
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.strategies.pace import Pace
    from rollwatch.rollback.strategies.pull_request import Proposal
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["Proposer", "PullRequests"]


class Proposer(Protocol):
    """Proposes at most one pull request per rollback and service, also when it is asked again."""

    async def propose(self, spec: PullRequestSpec, bad: Release, rollback_id: str) -> Proposal:
        """Bounded in time. Raises PlatformFailed, SecretUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class PullRequests:
    """On GitHub."""

    tools: StrategyTools
    pace: Pace | None = None

    async def propose(self, spec: PullRequestSpec, bad: Release, rollback_id: str) -> Proposal:
        return await propose(spec, bad, rollback_id, self.tools, self.pace)
