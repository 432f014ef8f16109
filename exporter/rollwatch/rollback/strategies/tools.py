"""What the process hands to every strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from random import Random

    from rollwatch.clock import Clock

__all__ = ["StrategyTools"]


@dataclass(frozen=True, slots=True)
class StrategyTools:
    """Clock, environment, randomness and places; a strategy reads no others."""

    clock: Clock
    environ: Mapping[str, str]
    """The handler's own environment; programs get only what is allowed of it."""
    state_dir: Path
    """Ours alone, on a disk that survives; strategies make directories in it and clear what a crash left."""
    rng: Random
    """For jitter."""
    config_dir: Path
    """The directory of the configuration file: where commands run that say nothing else."""
