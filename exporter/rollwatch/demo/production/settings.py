"""What the command line says of a production."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollwatch.config.fields import parse_seconds
from rollwatch.demo.stack.ports import StackPorts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.demo.rundir import RunDir

__all__ = ["DEFAULT_VISITORS", "ProductionSettings"]

DEFAULT_VISITORS = 20


@dataclass(frozen=True, slots=True)
class ProductionSettings:
    """One production, as it is to be."""

    run_dir: RunDir
    ports: Mapping[str, int]
    """Of the control endpoint, of each part and of the mail server; 0: any free one."""
    stack: StackPorts = field(default_factory=StackPorts)
    """Where the programs around it are going to be."""
    seed: int = 1
    """Decides the made-up figures."""
    interval: str = "5s"
    """How often each probe runs, and the applications push."""
    visitors: int = DEFAULT_VISITORS
    """How many made-up visitors the page has at a time."""
    has_stack_files: bool = False
    """Whether it also writes what the programs around it are configured by."""

    @property
    def interval_s(self) -> float:
        """The same in seconds."""
        return parse_seconds(self.interval)

    @property
    def ingest_url(self) -> str:
        """Where pages load the script from and send to, and where applications push to."""
        return f"http://127.0.0.1:{self.stack.ingest}"
