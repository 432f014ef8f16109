"""Runs a program of a hook or a check: argv of the configuration, and who is asking as variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.model.words import StepState
from rollwatch.rollback.steps.ended import Ended
from rollwatch.rollback.strategies.environment import child_environment
from rollwatch.rollback.strategies.placeholders import Unfilled, fill_argv
from rollwatch.rollback.strategies.process import run_command
from rollwatch.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rollwatch.config.rollback_strategies import ExecutedSpec
    from rollwatch.rollback.steps.told import Told

__all__ = ["run_program"]


async def run_program(
    argv: Sequence[str],
    spec: ExecutedSpec,
    told: Told,
    *,
    directory: Path,
    environ: Mapping[str, str],
) -> Ended:
    """DONE at exit status 0. Cancelling ends the program and all that it started."""
    try:
        filled = fill_argv(argv, told.values())
    except Unfilled as unfilled:
        return Ended.failed(sentence(f"It was not started: {unfilled.why}."))
    try:
        environment = child_environment(spec, environ, **told.variables())
    except SecretUnavailable as missing:
        return Ended.failed(sentence(f"It was not started: {missing}."))
    result = await run_command(
        filled,
        cwd=directory,
        env=environment.variables,
        secrets=environment.secrets,
        timeout_s=spec.timeout,
    )
    if result.is_success:
        return Ended.done("", result.output)
    said = f": {result.last_line}" if result.last_line else ""
    state = StepState.TIMED_OUT if result.timed_out else StepState.FAILED
    return Ended(state, sentence(f"{clean(argv[0], 60)} {result.ending}{said}."), result.output)
