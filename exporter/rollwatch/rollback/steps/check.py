"""The smoke test and the integrity check after the rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.steps.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollwatch.config.rollback import CheckSpec
    from rollwatch.rollback.steps.ended import Ended
    from rollwatch.rollback.steps.told import Told

__all__ = ["run_check"]


async def run_check(spec: CheckSpec, told: Told, *, directory: Path, environ: Mapping[str, str]) -> Ended:
    """DONE at exit status 0, in time."""
    return await run_program(spec.run, spec, told, directory=directory, environ=environ)
