"""Makes the revert commits of a plan.

Each undoes one first-parent commit of an unbroken line, the newest first: what is left after it is the tree
of that commit's first parent, exactly. So nothing is merged, nothing conflicts, and no file is checked out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.strategies.repository import TRAILER
from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.rollback.strategies.git import Git
    from rollwatch.rollback.strategies.repository import Commit
    from rollwatch.rollback.strategies.revert_plan import RevertPlan
    from rollwatch.rollback.strategies.strategy import Order

__all__ = ["Reverted", "make_reverts"]


@dataclass(frozen=True, slots=True)
class Reverted:
    """The newest of the new commits, how many there are, and the tree that it has by git's own answer."""

    commit: str
    count: int
    tree: str


async def make_reverts(git: Git, plan: RevertPlan, order: Order) -> Reverted:
    """Write the commits into the clone; nothing refers to them yet. Raises GitFailed."""
    after = (*plan.commits[1:], plan.target)
    head, count = plan.bad.sha, 0
    for commit, parent in zip(plan.commits, after, strict=True):
        if commit.tree == parent.tree:
            continue  # It changed nothing, and neither would its revert.
        message = _message(commit, order)
        made = await git.do("commit-tree", parent.tree, "-p", head, "-m", message)
        head, count = made.line, count + 1
    tree = await git.do("log", "-1", "--format=%T", "--end-of-options", head, "--")
    return Reverted(head, count, tree.line)


def _message(commit: Commit, order: Order) -> str:
    what = f"This reverts commit {commit.sha}"
    if len(commit.parents) > 1:
        what += f", reversing\nchanges made to {commit.parents[0]}"
    subject = clean(commit.subject, 200)
    return f'Revert "{subject}"\n\n{what}.\n\n{clean(order.reason)}\n\n{TRAILER}: {order.id}\n'
