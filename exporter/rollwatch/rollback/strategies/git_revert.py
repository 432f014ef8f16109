"""Takes a release back by reverting it on the branch that production is deployed from.

What DONE means here: the reverts are pushed. What runs is for the verification to see.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import ExecutionResult, StrategyName
from rollwatch.rollback.strategies.following import end_strays
from rollwatch.rollback.strategies.git import GitFailed
from rollwatch.rollback.strategies.git_clones import CLONE_FAILED, Clones, why_no_clone
from rollwatch.rollback.strategies.git_push import PushEnd, push
from rollwatch.rollback.strategies.repository import NotFound
from rollwatch.rollback.strategies.revert_commits import make_reverts
from rollwatch.rollback.strategies.revert_plan import Already, Refused, make_plan
from rollwatch.rollback.strategies.revert_seen import reverted, seen_on_branch
from rollwatch.rollback.strategies.strategy import Eligibility, Execution, PlatformFailed
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.config.rollback_strategies import GitRevertSpec
    from rollwatch.rollback.strategies.repository import Repository
    from rollwatch.rollback.strategies.revert_commits import Reverted
    from rollwatch.rollback.strategies.revert_plan import RevertPlan
    from rollwatch.rollback.strategies.strategy import Note, Order, PastRelease
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["GitRevertStrategy"]

_log = structlog.get_logger(__name__)

_ASK_S = 120.0
"""How long a question may take: a clone, at the first one."""
_LOOK_S = 60.0
"""How long to look at the branch when a push ended without an answer, also after the order's deadline."""
_STRAY_S = 20.0
"""How long a push of a handler that died may go on."""
_PUSHES = 3
_PAUSE_S = 1.0
_TAGS = ("v{version}", "{version}")


class GitRevertStrategy:
    """One service's branch."""

    def __init__(self, service: str, environment: str, spec: GitRevertSpec, tools: StrategyTools) -> None:
        self._spec = spec
        self._tools = tools
        root = tools.state_dir / "git-revert" / quote(f"{service}.{environment}", safe="")
        self._clones = Clones(root, spec, tools, url=spec.repository, branch=spec.branch, author=spec.author)

    @property
    def name(self) -> StrategyName:
        return StrategyName.GIT_REVERT

    @property
    def timeout_s(self) -> float:
        return self._spec.timeout

    async def current(self) -> Release | None:
        """None: a branch does not know what runs."""
        return None

    async def history(self) -> Sequence[PastRelease]:
        """Empty: a branch does not know what ran."""
        return ()

    async def can_go_back(self, bad: Release, target: Release) -> Eligibility:
        """Plans the reverts in a clone that is kept for questions."""
        try:
            async with self._clones.kept(_ASK_S) as repository:
                plan = await _plan(repository, bad, target)
        except NotFound as missing:
            return Eligibility(False, sentence(f"{missing}."))
        except CLONE_FAILED as failed:
            raise PlatformFailed(sentence(why_no_clone(failed))) from None
        branch = self._spec.branch
        match plan:
            case Already():
                return Eligibility(
                    False, f"{branch} has the target's files already, by our rollback {plan.commit[:12]}."
                )
            case Refused():
                return Eligibility(False, sentence(f"{plan.why}."))
        return Eligibility(True, f"{len(plan.commits)} to revert on {branch}.")

    async def execute(self, order: Order, note: Note) -> Execution:
        """Revert in a fresh clone, and push."""
        return _named(await self._revert(order, note), order)

    async def _revert(self, order: Order, note: Note) -> Execution:
        async with AsyncExitStack() as stack:
            try:
                clone = self._clones.fresh(order.id, order.deadline_s)
                repository = await stack.enter_async_context(clone)
                plan = await _plan(repository, order.bad, order.target)
                if isinstance(plan, Already):
                    what = f"A rollback of ours brought {self._spec.branch} back to the target's files before"
                    return reverted(self._spec.branch, plan.commit, what)
                if isinstance(plan, Refused):
                    return _failed(f"Nothing was pushed: {plan.why}.")
                made = await make_reverts(repository.git, plan, order)
            except NotFound as missing:
                return _failed(f"Nothing was pushed: {missing}.")
            except CLONE_FAILED as failed:
                timed_out = isinstance(failed, GitFailed) and failed.timed_out
                return _failed(f"Nothing was pushed: {why_no_clone(failed)}.", timed_out=timed_out)
            if made.tree != plan.target.tree:
                return _failed("Nothing was pushed: the result is not the target's tree.")
            return await self._push(repository, made, plan.bad.sha, order, note)

    async def what_happened(self, order: Order, memo: Mapping[str, Any], note: Note) -> Execution:
        """The branch says whether our push arrived; a push that still runs is awaited first."""
        await end_strays(order.id, self._tools.clock, min(_STRAY_S, order.deadline_s))
        if memo.get("phase") != "pushing":
            return Execution(ExecutionResult.NOT_DONE, "It was interrupted before anything was pushed.")
        try:
            async with self._clones.fresh(order.id, _ASK_S) as repository:
                seen = await seen_on_branch(repository, order.id, str(memo["commit"]), str(memo["onto"]))
                return _named(seen, order)
        except CLONE_FAILED as failed:
            raise PlatformFailed(sentence(why_no_clone(failed))) from None

    async def close(self) -> None:
        """It holds nothing."""

    async def _push(
        self, repository: Repository, made: Reverted, onto: str, order: Order, note: Note
    ) -> Execution:
        """The same commit each time, so that a push that arrived without our knowing is not made twice."""
        await note({"phase": "pushing", "commit": made.commit, "onto": onto})
        branch, why = self._spec.branch, ""
        for attempt in range(_PUSHES):
            if attempt:
                await asyncio.sleep(_PAUSE_S * (0.5 + self._tools.rng.random()))
            answer = await push(repository.git, made.commit, branch)
            _log.info(
                "reverts_pushed", order=order.id, branch=branch, commit=made.commit, end=answer.end.value
            )
            match answer.end:
                case PushEnd.PUSHED:
                    return reverted(branch, made.commit, f"{_counted(made.count)} pushed to {branch}")
                case PushEnd.REFUSED:
                    todo = "Allow rollwatch to push there, or merge a revert by hand."
                    return _failed(f"{branch} refuses the push: {answer.why}. {todo}")
            seen = await self._look(repository, made, onto, order)
            if seen.result is not ExecutionResult.NOT_DONE:
                return seen
            if answer.timed_out:
                return _failed(f"The push to {branch} had not ended in time.", timed_out=True)
            why = answer.why
        return _failed(f"{branch} could not be pushed to, {_PUSHES} times: {why}.")

    async def _look(self, repository: Repository, made: Reverted, onto: str, order: Order) -> Execution:
        try:
            looking = self._clones.again(repository, order.id, _LOOK_S)
            await looking.fetch()
            return await seen_on_branch(looking, order.id, made.commit, onto)
        except CLONE_FAILED as failed:
            why = f"The push ended without an answer, and the branch can't be read: {why_no_clone(failed)}."
            return Execution(ExecutionResult.UNKNOWN, sentence(why))


def _counted(reverts: int) -> str:
    return "1 revert was" if reverts == 1 else f"{reverts} reverts were"


def _named(execution: Execution, order: Order) -> Execution:
    """With the release that was made: a commit of its own, with the target's content."""
    if execution.result is not ExecutionResult.DONE:
        return execution
    target = order.target
    made = Release(target.service, target.environment, execution.facts["commit"], target.version)
    return replace(execution, made=made)


async def _plan(repository: Repository, bad: Release, target: Release) -> RevertPlan | Already | Refused:
    found = []
    for what, release in (("bad release", bad), ("target", target)):
        try:
            found.append(await repository.resolve(release, _TAGS))
        except NotFound as missing:
            raise NotFound(f"the {what} {release.shown} can't be found: {missing}") from None
    return await make_plan(repository, *found)


def _failed(why: str, *, timed_out: bool = False) -> Execution:
    return Execution(ExecutionResult.TIMED_OUT if timed_out else ExecutionResult.FAILED, sentence(why))
