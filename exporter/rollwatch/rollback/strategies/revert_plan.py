"""What must be reverted to get back to a target, and whether that may be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.rollback.strategies.repository import Commit, Repository

__all__ = ["MOST_COMMITS", "Already", "Refused", "RevertPlan", "make_plan"]

MOST_COMMITS = 500
"""So many commits between two releases are no single release any more."""


@dataclass(frozen=True, slots=True)
class RevertPlan:
    """`commits` are reverted in this order, the newest first, on top of `bad`, the branch's tip."""

    bad: Commit
    target: Commit
    commits: tuple[Commit, ...]


@dataclass(frozen=True, slots=True)
class Already:
    """The branch has the target's tree, by a rollback of ours."""

    commit: str
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing may be reverted; `why` is a sentence for a person."""

    why: str


async def make_plan(repository: Repository, bad: str, target: str) -> RevertPlan | Already | Refused:
    """Look at the branch as of the last fetch. `bad` and `target` are full names. Raises GitFailed."""
    branch = repository.branch
    tip = await repository.tip()
    goal = (await repository.line(target, 1))[0]
    if bad == target:
        return Refused("the bad release and the target are one commit")
    if tip.sha != bad:
        if tip.orders and tip.tree == goal.tree:
            return Already(tip.sha, tip.orders)
        return Refused(_moved_on(branch, tip, bad, goal))
    line = await repository.line(bad, MOST_COMMITS + 1)
    commits = _above(line, target)
    if commits is None:
        return Refused(
            f"the target {target[:12]} is not among the last {len(line)} first-parent commits of {branch}: "
            "redeploy it by hand, or merge a revert"
        )
    marked = next((commit for commit in commits if commit.orders), None)
    if marked is not None:
        return Refused(
            f"{marked.sha[:12]} is a rollback of ours, and reverting it would bring back what it took away: "
            "a person must choose"
        )
    if tip.tree == goal.tree:
        return Refused("the bad release and the target have the same files: going back would change nothing")
    return RevertPlan(tip, goal, commits)


def _above(line: Sequence[Commit], target: str) -> tuple[Commit, ...] | None:
    for number, commit in enumerate(line):
        if commit.sha == target:
            return tuple(line[:number])
    return None


def _moved_on(branch: str, tip: Commit, bad: str, goal: Commit) -> str:
    if tip.tree == goal.tree:
        return (
            f"{branch} has moved on: somebody has brought the target's files back with {tip.sha[:12]} already"
        )
    return (
        f"{branch} has moved on: it is at {tip.sha[:12]}, not at the bad release {bad[:12]}; "
        "revert by hand or fix forward"
    )
