"""What the policy decided, and why: every guard that was asked, with what it was asked about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import GuardResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.model.release import Release

__all__ = ["Decision", "Going", "GuardAnswer"]


@dataclass(frozen=True, slots=True)
class GuardAnswer:
    """One line of a decision's trace."""

    guard: str
    """A `Guard` of the policy."""
    result: GuardResult
    why: str
    """One sentence for a person, with the figures it was decided by. Free of secrets."""
    hard: bool = False
    inputs: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    """What it looked at, for programs."""

    @property
    def is_met(self) -> bool:
        return self.result in {GuardResult.PASS, GuardResult.SKIPPED}


@dataclass(frozen=True, slots=True)
class Going:
    """One service of the release unit, from its bad release back to its target."""

    service: str
    bad: Release
    target: Release
    bad_deployment: str
    """The id of the deployment that brought the bad release."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and the whole trace. `going` is in the unit's declared order; empty where none is known."""

    verdict: Verdict
    why: str
    """One sentence: for a denial, the first guard that was not met."""
    trace: tuple[GuardAnswer, ...]
    going: tuple[Going, ...] = ()
    proposal: str | None = None
    """What a person may do instead, where a rollback is not allowed."""

    @property
    def unmet(self) -> tuple[GuardAnswer, ...]:
        return tuple(answer for answer in self.trace if not answer.is_met)
