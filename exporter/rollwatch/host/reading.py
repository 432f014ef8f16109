"""What one reading of the host gives: plain values, made in a thread and published on the loop."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rollwatch.metrics.definition import MetricDef

__all__ = ["BOUND", "Figure", "Part", "bounded"]

BOUND = 50
"""Of mounts, disks and interfaces each, at most so many are published."""


class Part(StrEnum):
    """What is read together and fails together."""

    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"
    FILESYSTEM = "filesystem"
    PROCESS = "process"


class Figure(NamedTuple):
    """One value. A counter's is its total as the host has it, which may start again."""

    metric: MetricDef
    labels: tuple[str, ...]
    value: float


def bounded(names: list[str]) -> tuple[list[str], int]:
    """The first `BOUND` names in order, and how many are left out."""
    names = sorted(names)
    return names[:BOUND], max(0, len(names) - BOUND)
