"""Takes a release back by the operator's own program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.model.release import same_release
from rollwatch.rollback.model.words import ExecutionResult, StrategyName
from rollwatch.rollback.strategies.command_answers import BadAnswer, read_current, read_history
from rollwatch.rollback.strategies.environment import child_environment
from rollwatch.rollback.strategies.following import follow
from rollwatch.rollback.strategies.order_program import run_noted, time_left
from rollwatch.rollback.strategies.placeholders import Unfilled, fill_argv, order_values, place_values
from rollwatch.rollback.strategies.process import CommandResult, ask_command
from rollwatch.rollback.strategies.strategy import Eligibility, Execution, PlatformFailed
from rollwatch.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rollwatch.config.rollback_strategies import CommandSpec
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.strategies.process import CommandAnswer
    from rollwatch.rollback.strategies.strategy import Note, Order, PastRelease
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["CommandStrategy"]

T = TypeVar("T")

_ASK_S = 30.0
"""How long a question to one of the programs may take."""
_SHOWS_S = 30.0
"""How long the bad release may still be reported after the program has ended well."""
_POLL_S = 2.0
_NOT_BEGUN = 3


class CommandStrategy:
    """One service's programs."""

    def __init__(
        self,
        service: str,
        environment: str,
        spec: CommandSpec,
        tools: StrategyTools,
        *,
        shows_s: float = _SHOWS_S,
        poll_s: float = _POLL_S,
    ) -> None:
        self._service = service
        self._environment = environment
        self._spec = spec
        self._tools = tools
        self._shows_s = shows_s
        self._poll_s = poll_s

    @property
    def name(self) -> StrategyName:
        return StrategyName.COMMAND

    @property
    def timeout_s(self) -> float:
        return self._spec.timeout

    async def current(self) -> Release | None:
        """What `current` prints; None without such a program."""
        return await self._read(self._spec.current, read_current, None)

    async def history(self) -> Sequence[PastRelease]:
        """What `history` prints; empty without such a program."""
        return await self._read(self._spec.history, read_history, [])

    async def can_go_back(self, bad: Release, target: Release) -> Eligibility:
        """Whether every placeholder has a value, and `check` agrees."""
        values = order_values(bad, target)
        try:
            fill_argv(self._spec.run, values)
            check = None if self._spec.check is None else fill_argv(self._spec.check, values)
        except Unfilled as unfilled:
            return Eligibility(False, sentence(f"{unfilled.why}."))
        if check is None:
            return Eligibility(True, "Nothing speaks against it; there is no `check` to ask.")
        result = (await self._ask(check)).result
        if result.exit_code is None:
            raise PlatformFailed(sentence(_says("check", result)))
        return Eligibility(result.is_success, sentence(_says("check", result)))

    async def execute(self, order: Order, note: Note) -> Execution:
        """Run the program once."""
        deadline = self._tools.clock.monotonic() + order.deadline_s
        try:
            result = await run_noted(
                order,
                note,
                {"phase": "running"},
                fill_argv(self._spec.run, order_values(order.bad, order.target, order.id)),
                cwd=self._directory,
                spec=self._spec,
                tools=self._tools,
                timeout_s=order.deadline_s,
            )
        except Unfilled as unfilled:
            return Execution(ExecutionResult.FAILED, sentence(f"Nothing was run: {unfilled.why}."))
        except SecretUnavailable as missing:
            return Execution(ExecutionResult.FAILED, sentence(f"Nothing was run: {missing}."))
        if not result.is_success:
            outcome = ExecutionResult.TIMED_OUT if result.timed_out else ExecutionResult.FAILED
            return Execution(outcome, sentence(_says("run", result)), result.output)
        if await self._still_shows(order.bad, deadline):
            why = f"`run` ended well, but `current` still reports the bad release {order.bad.shown}."
            return Execution(ExecutionResult.FAILED, sentence(why), result.output)
        return Execution(ExecutionResult.DONE, "`run` ended with exit status 0.", result.output)

    async def what_happened(self, order: Order, memo: Mapping[str, Any], note: Note) -> Execution:
        """A program that still runs is awaited; then `status` says, or nobody can."""
        if memo.get("phase") != "running":
            return Execution(ExecutionResult.NOT_DONE, "It was interrupted before anything was run.")
        await follow(memo, order.id, self._tools.clock, time_left(order, memo, self._tools.clock))
        if self._spec.status is None:
            why = (
                "`run` was begun, how it ended is not known, and there is no `status` to ask: look what runs."
            )
            return Execution(ExecutionResult.UNKNOWN, why)
        try:
            status = fill_argv(self._spec.status, order_values(order.bad, order.target, order.id))
        except Unfilled as unfilled:
            return Execution(ExecutionResult.UNKNOWN, sentence(f"`status` can't be asked: {unfilled.why}."))
        result = (await self._ask(status)).result
        if result.exit_code is None:
            raise PlatformFailed(sentence(_says("status", result)))
        known = {0: ExecutionResult.DONE, _NOT_BEGUN: ExecutionResult.NOT_DONE}
        outcome = known.get(result.exit_code, ExecutionResult.UNKNOWN)
        return Execution(outcome, sentence(_says("status", result)), result.output)

    async def close(self) -> None:
        """It holds nothing."""

    @property
    def _directory(self) -> Path:
        return self._spec.directory or self._tools.config_dir

    async def _still_shows(self, bad: Release, deadline: float) -> bool:
        """Whether `current` reports the bad release for as long as may be waited."""
        clock = self._tools.clock
        until = min(deadline, clock.monotonic() + self._shows_s)
        while True:
            try:
                running = await self.current()
            except PlatformFailed:
                # No answer is no evidence; whether it is healthy is asked next.
                return False
            if running is None or not same_release(running, bad):
                return False
            if clock.monotonic() + self._poll_s > until:
                return True
            await asyncio.sleep(self._poll_s)

    async def _read(self, argv: Sequence[str] | None, read: Callable[[str, str, str], T], without: T) -> T:
        if argv is None:
            return without
        try:
            filled = fill_argv(argv, place_values(self._service, self._environment))
        except Unfilled as unfilled:
            raise PlatformFailed(sentence(f"{clean(argv[0], 60)} can't be asked: {unfilled.why}.")) from None
        answer = await self._ask(filled)
        program = clean(argv[0], 60)
        if not answer.result.is_success:
            raise PlatformFailed(sentence(_says(program, answer.result)))
        try:
            return read(answer.printed, self._service, self._environment)
        except BadAnswer as bad:
            raise PlatformFailed(sentence(f"{program} {bad}.")) from None

    async def _ask(self, argv: Sequence[str]) -> CommandAnswer:
        try:
            environment = child_environment(self._spec, self._tools.environ)
        except SecretUnavailable as missing:
            raise PlatformFailed(sentence(f"{missing}.")) from None
        return await ask_command(
            argv,
            cwd=self._directory,
            env=environment.variables,
            secrets=environment.secrets,
            timeout_s=_ASK_S,
            clock=self._tools.clock,
        )


def _says(what: str, result: CommandResult) -> str:
    said = f": {result.last_line}" if result.last_line else ""
    return f"`{what}` {result.ending}{said}."
