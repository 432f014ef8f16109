"""Takes a release back by building and deploying the target from a clone of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.model.words import ExecutionResult, StrategyName
from rollwatch.rollback.strategies.following import end_strays, follow
from rollwatch.rollback.strategies.git import GitFailed
from rollwatch.rollback.strategies.git_clones import CLONE_FAILED, Clones, why_no_clone
from rollwatch.rollback.strategies.order_program import run_for, run_noted, time_left
from rollwatch.rollback.strategies.placeholders import Unfilled, fill_argv, order_values
from rollwatch.rollback.strategies.repository import NotFound
from rollwatch.rollback.strategies.strategy import Eligibility, Execution, PlatformFailed
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rollwatch.config.rollback_strategies import RedeploySpec
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.strategies.process import CommandResult
    from rollwatch.rollback.strategies.strategy import Note, Order, PastRelease
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["RedeployStrategy"]

_ASK_S = 120.0
_STRAY_S = 5.0
"""How long a build of a handler that died may go on: its result is of no use any more."""


class RedeployStrategy:
    """One service's build and deploy programs."""

    def __init__(self, service: str, environment: str, spec: RedeploySpec, tools: StrategyTools) -> None:
        self._spec = spec
        self._tools = tools
        root = tools.state_dir / "redeploy" / quote(f"{service}.{environment}", safe="")
        self._clones = Clones(root, spec, tools, url=spec.repository)

    @property
    def name(self) -> StrategyName:
        return StrategyName.REDEPLOY

    @property
    def timeout_s(self) -> float:
        return self._spec.timeout

    async def current(self) -> Release | None:
        """None: a repository does not know what runs."""
        return None

    async def history(self) -> Sequence[PastRelease]:
        """Empty: a repository does not know what ran."""
        return ()

    async def can_go_back(self, bad: Release, target: Release) -> Eligibility:
        """Whether the target is in the repository, and every placeholder has a value."""
        values = order_values(bad, target)
        try:
            for argv in self._programs:
                fill_argv(argv, values)
            async with self._clones.kept(_ASK_S) as repository:
                commit = await repository.resolve(target, (self._spec.tag,))
        except Unfilled as unfilled:
            return Eligibility(False, sentence(f"{unfilled.why}."))
        except NotFound as missing:
            return Eligibility(False, sentence(f"The target {target.shown} can't be found: {missing}."))
        except CLONE_FAILED as failed:
            raise PlatformFailed(sentence(why_no_clone(failed))) from None
        return Eligibility(True, f"{commit[:12]} can be checked out.")

    async def execute(self, order: Order, note: Note) -> Execution:
        """Clone, check out, build, deploy; only the last changes anything."""
        deadline = self._tools.clock.monotonic() + order.deadline_s
        values = order_values(order.bad, order.target, order.id)
        async with AsyncExitStack() as stack:
            try:
                *builds, deploy = [fill_argv(argv, values) for argv in self._programs]
                clone = self._clones.fresh(order.id, order.deadline_s, is_bare=False)
                repository = await stack.enter_async_context(clone)
                commit = await repository.resolve(order.target, (self._spec.tag,))
                await repository.check_out(commit)
                built = await self._build(order, builds, repository.git.directory, deadline)
            except Unfilled as unfilled:
                return _nothing_deployed(unfilled.why)
            except NotFound as missing:
                return _nothing_deployed(f"the target {order.target.shown} can't be found: {missing}")
            except CLONE_FAILED as failed:
                timed_out = isinstance(failed, GitFailed) and failed.timed_out
                return _nothing_deployed(why_no_clone(failed), timed_out=timed_out)
            if isinstance(built, Execution):
                return built
            return await self._deploy(
                order, note, deploy, repository.git.directory, commit=commit, built=built, deadline=deadline
            )

    async def what_happened(self, order: Order, memo: Mapping[str, Any], note: Note) -> Execution:
        """A deployment that was begun is followed to its end; how it ended nobody can say."""
        if memo.get("phase") != "deploying":
            await end_strays(order.id, self._tools.clock, min(_STRAY_S, order.deadline_s))
            return Execution(ExecutionResult.NOT_DONE, "It was interrupted before anything was deployed.")
        left = time_left(order, memo, self._tools.clock)
        ran_on = await follow(memo, order.id, self._tools.clock, left)
        what = "went on without the handler and has ended" if ran_on else "had ended, or was ended with it"
        return Execution(
            ExecutionResult.UNKNOWN,
            f"The deployment of {order.target.shown} {what}; how is not known: look what runs.",
        )

    async def close(self) -> None:
        """It holds nothing."""

    @property
    def _programs(self) -> tuple[tuple[str, ...], ...]:
        return (self._spec.deploy,) if self._spec.build is None else (self._spec.build, self._spec.deploy)

    async def _build(
        self, order: Order, builds: Sequence[Sequence[str]], directory: Path, deadline: float
    ) -> str | Execution:
        """What the build said; an Execution where it ends the order. Raises SecretUnavailable."""
        output = ""
        for argv in builds:
            left = deadline - self._tools.clock.monotonic()
            built = await run_for(
                order.id, argv, cwd=directory, spec=self._spec, tools=self._tools, timeout_s=left
            )
            output = f"$ build\n{built.output}\n"
            if not built.is_success:
                return _nothing_deployed(
                    f"the build {_ending(built)}", timed_out=built.timed_out, output=output
                )
        return output

    async def _deploy(
        self,
        order: Order,
        note: Note,
        argv: Sequence[str],
        directory: Path,
        *,
        commit: str,
        built: str,
        deadline: float,
    ) -> Execution:
        try:
            deployed = await run_noted(
                order,
                note,
                {"phase": "deploying", "commit": commit},
                argv,
                cwd=directory,
                spec=self._spec,
                tools=self._tools,
                timeout_s=deadline - self._tools.clock.monotonic(),
            )
        except SecretUnavailable as missing:
            return _nothing_deployed(str(missing), output=built)
        output = f"{built}$ deploy\n{deployed.output}"
        if deployed.not_started is not None:
            return _nothing_deployed(f"the deployment {deployed.ending}", output=output)
        if deployed.is_success:
            why = f"{order.target.shown} was deployed from {commit[:12]}."
            return Execution(ExecutionResult.DONE, sentence(why), output, facts={"commit": commit})
        result = ExecutionResult.TIMED_OUT if deployed.timed_out else ExecutionResult.FAILED
        return Execution(result, sentence(f"The deployment {_ending(deployed)}."), output)


def _ending(result: CommandResult) -> str:
    return f"{result.ending}: {result.last_line}" if result.last_line else result.ending


def _nothing_deployed(why: str, *, timed_out: bool = False, output: str = "") -> Execution:
    result = ExecutionResult.TIMED_OUT if timed_out else ExecutionResult.FAILED
    return Execution(result, sentence(f"Nothing was deployed: {why}."), output)
