"""What a strategy is. `strategies/registry.py` makes one of what the configuration says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from rollwatch.errors import RollwatchError

if TYPE_CHECKING:
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.model.words import ExecutionResult, StrategyName

__all__ = ["Eligibility", "Execution", "Note", "Order", "PastRelease", "PlatformFailed", "Strategy"]

Note = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Writes a memo to the journal, durably; call it before each call that can't be taken back."""


class PlatformFailed(RollwatchError):  # noqa: N818  an answer that did not come
    """A question to the platform was not answered. `why` is one bounded sentence, free of secrets."""

    def __init__(self, why: str, *, retry_after_s: float | None = None) -> None:
        self.why = why
        self.retry_after_s = retry_after_s
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Order:
    """Take `bad` back to `target`. The same order, given again after a crash, has the same `id`."""

    id: str
    """Unique for this rollback and service: `rb-…/api`. Fit for labels, branch names and inputs."""
    bad: Release
    target: Release
    reason: str
    """For commit messages and platforms: one line of ours, without remote text."""
    deadline_s: float
    """How long the whole may take."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of an order."""

    result: ExecutionResult
    detail: str
    """One bounded sentence, free of secrets."""
    output: str = ""
    """What commands said: bounded, redacted."""
    platform_id: str | None = None
    """The platform's id of the deployment that did it, where there is one."""
    made: Release | None = None
    """What is put into production, where that is not the target itself but a release of its own with the same
    content: the commit of a revert."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """More for a person: the run's address, the commit that was pushed."""


@dataclass(frozen=True, slots=True)
class PastRelease:
    """A deployment as the platform lists it, the newest first. Times are Unix seconds."""

    release: Release
    started_at: float
    ended_at: float | None
    """None while it runs."""
    failed: bool = False
    committed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether the platform can go back to a release, and why not."""

    possible: bool
    why: str


class Strategy(Protocol):
    """One service's way back. Every method is bounded in time, and raises PlatformFailed only."""

    @property
    def name(self) -> StrategyName: ...

    @property
    def timeout_s(self) -> float:
        """How long an order may take by default (R4)."""
        ...

    async def current(self) -> Release | None:
        """What the platform says runs now; None where it can't know by design. Reads only."""
        ...

    async def history(self) -> Sequence[PastRelease]:
        """What it remembers, newest first, at most 100; empty where it can't know by design. Reads only."""
        ...

    async def can_go_back(self, bad: Release, target: Release) -> Eligibility:
        """Whether `execute` could work, without changing anything."""
        ...

    async def execute(self, order: Order, note: Note) -> Execution:
        """Do it, once, within `order.deadline_s`. Cancelling it ends what it started and waits for that.

        Never answers NOT_DONE or DONE without proof; where a call's fate is not known and can't be learnt:
        UNKNOWN.
        """
        ...

    async def what_happened(self, order: Order, memo: Mapping[str, Any], note: Note) -> Execution:
        """After a crash inside `execute`: look, change nothing, and follow what still runs to its end.

        `memo` is what was noted last. NOT_DONE only where it is proven that nothing was begun.
        """
        ...

    async def close(self) -> None:
        """Free what it holds; called once, when no call is under way."""
        ...
