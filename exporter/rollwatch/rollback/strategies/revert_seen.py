"""What a branch says about reverts of ours that may have arrived on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import ExecutionResult
from rollwatch.rollback.strategies.strategy import Execution
from rollwatch.text import sentence

if TYPE_CHECKING:
    from rollwatch.rollback.strategies.repository import Repository

__all__ = ["reverted", "seen_on_branch"]

_RECENT = 100


async def seen_on_branch(repository: Repository, order_id: str, commit: str, onto: str) -> Execution:
    """As of the last fetch, for `commit` that was to be pushed onto `onto`. Raises GitFailed.

    NOT_DONE: the branch is as it was. Giving the order again is safe even if a push of before still arrives:
    each can only go onto `onto`, and the second finds the first.
    """
    branch, tip = repository.branch, await repository.tip()
    if tip.sha == onto:
        return Execution(ExecutionResult.NOT_DONE, f"Our push to {branch} did not arrive.")
    recent = await repository.line(f"refs/heads/{branch}", _RECENT)
    ours = next((one for one in recent if one.sha == commit or order_id in one.orders), None)
    if ours is not None:
        later = "" if ours is recent[0] else f"; {branch} has moved on since, to {tip.sha[:12]}"
        return reverted(branch, ours.sha, f"Our reverts are on {branch}{later}")
    if await repository.contains(onto):
        why = f"{branch} has moved on to {tip.sha[:12]} without our reverts: revert by hand or fix forward."
        return Execution(ExecutionResult.FAILED, why)
    why = f"{branch} was rewritten: whether our reverts were on it can't be seen any more."
    return Execution(ExecutionResult.UNKNOWN, why)


def reverted(branch: str, commit: str, what: str) -> Execution:
    """DONE, by the newest of the reverts."""
    return Execution(
        ExecutionResult.DONE,
        sentence(f"{what} ({commit[:12]})."),
        facts={"commit": commit, "branch": branch},
    )
