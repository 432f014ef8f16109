"""One push of a commit to a branch, and what the other side said to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rollwatch.rollback.strategies.git import GitFailed
from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.rollback.strategies.git import Git

__all__ = ["PushAnswer", "PushEnd", "push"]

_REFUSAL = re.compile(r"^!\t\S+\t\[(?P<by>[a-z ]+)\](?: \((?P<why>.*)\))?", re.MULTILINE)
_RACES = ("fetch first", "non-fast-forward", "failed to update ref", "cannot lock ref", "incorrect old value")
"""What is said when somebody else has pushed, or is pushing just now."""


class PushEnd(StrEnum):
    """How a push ended."""

    PUSHED = "pushed"
    RACED = "raced"
    """The branch is not, or was not at that moment, where we left it."""
    REFUSED = "refused"
    """The other side's rules forbid it."""
    UNCLEAR = "unclear"
    """The connection failed: it may have happened."""


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """`why` is words of the other side, bounded; `timed_out` says that we ended it."""

    end: PushEnd
    why: str = ""
    timed_out: bool = False


async def push(git: Git, commit: str, branch: str) -> PushAnswer:
    """Push, never with force: only if `commit` comes after what the branch holds."""
    try:
        answer = await git.ask("push", "--porcelain", "origin", f"{commit}:refs/heads/{branch}")
    except GitFailed as failed:
        return PushAnswer(PushEnd.UNCLEAR, failed.why, timed_out=failed.timed_out)
    if answer.result.is_success:
        return PushAnswer(PushEnd.PUSHED)
    refusal = _REFUSAL.search(answer.printed.decode("utf-8", "replace"))
    if refusal is None:
        return PushAnswer(PushEnd.UNCLEAR, f"git push {answer.result.ending}: {answer.result.last_line}")
    why = clean(refusal["why"] or refusal["by"])
    if refusal["by"] == "remote failure":
        return PushAnswer(PushEnd.UNCLEAR, why)
    return PushAnswer(PushEnd.RACED if any(race in why for race in _RACES) else PushEnd.REFUSED, why)
