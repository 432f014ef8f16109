"""Runs the program that does an order's work, so that it is found again after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.rollback.strategies.environment import ORDER_VARIABLE, child_environment
from rollwatch.rollback.strategies.process import CommandResult, run_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.config.rollback_strategies import ExecutedSpec
    from rollwatch.rollback.strategies.strategy import Note, Order
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["run_for", "run_noted", "time_left"]


async def run_for(
    order_id: str,
    argv: Sequence[str],
    *,
    cwd: Path,
    spec: ExecutedSpec,
    tools: StrategyTools,
    timeout_s: float,
) -> CommandResult:
    """Run it. Raises SecretUnavailable."""
    environment = child_environment(spec, tools.environ, **{ORDER_VARIABLE: order_id})
    return await run_command(
        argv,
        cwd=cwd,
        env=environment.variables,
        secrets=environment.secrets,
        timeout_s=timeout_s,
        clock=tools.clock,
    )


async def run_noted(
    order: Order,
    note: Note,
    memo: Mapping[str, Any],
    argv: Sequence[str],
    *,
    cwd: Path,
    spec: ExecutedSpec,
    tools: StrategyTools,
    timeout_s: float,
) -> CommandResult:
    """As `run_for`, with `memo` noted before it is started, and which process it is as soon as it runs."""
    environment = child_environment(spec, tools.environ, **{ORDER_VARIABLE: order.id})
    begun = {**memo, "began_at": tools.clock.wall()}
    await note(begun)

    async def note_process(process: str) -> None:
        await note({**begun, "process": process})

    return await run_command(
        argv,
        cwd=cwd,
        env=environment.variables,
        secrets=environment.secrets,
        timeout_s=timeout_s,
        clock=tools.clock,
        on_started=note_process,
    )


def time_left(order: Order, memo: Mapping[str, Any], clock: Clock) -> float:
    """Seconds that the program of `memo` has left of the order's time; the host's clock may have jumped."""
    began_at = memo.get("began_at")
    if not isinstance(began_at, int | float):
        return order.deadline_s
    return max(0.0, min(order.deadline_s, began_at + order.deadline_s - clock.wall()))
