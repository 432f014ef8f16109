"""What a strategy of HTTP is tested with: tools, a quick pace, an order, and a journal's memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from rollwatch.clock import Clock, SystemClock
from rollwatch.config.template import SecretText
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.strategies.pace import Pace
from rollwatch.rollback.strategies.strategy import Order
from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["PATIENT", "QUICK", "SHORT", "LeapingClock", "Memory", "order_for", "release", "secret", "tools"]

PATIENT = Pace(call_s=20, read_s=20, attempts=4, backoff_s=0.005, poll_s=0.01, appear_s=20)
"""For what comes: no wait of it decides anything."""
SHORT = Pace(call_s=20, read_s=20, attempts=4, backoff_s=0.005, poll_s=0.015, appear_s=0.12)
"""For what is accepted and never shows itself."""
QUICK = Pace(call_s=1.5, read_s=5, attempts=2, backoff_s=0.005, poll_s=0.02, appear_s=20)
"""For calls that nobody answers."""


class LeapingClock(SystemClock):
    """The host's clock, and time that a test lets pass."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed

    def wall(self) -> float:
        return super().wall() + self.passed


def tools(clock: Clock | None = None) -> StrategyTools:
    nowhere = Path("/nonexistent")
    return StrategyTools(clock or SystemClock(), {}, nowhere, Random(4), nowhere)


def secret(text: str) -> SecretText:
    return SecretText((text,))


def release(commit: str | None, platform_id: str | None = None, version: str | None = None) -> Release:
    return Release("api", "production", commit=commit, platform_id=platform_id, version=version)


def order_for(bad: Release, target: Release, deadline_s: float = 20.0) -> Order:
    return Order("rb-7f3a/api", bad, target, "Rolled back by rollwatch", deadline_s)


class Memory:
    """What was noted, in order; the last is what is known after a crash."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []

    async def __call__(self, memo: Mapping[str, Any]) -> None:
        self.notes.append(dict(memo))

    @property
    def phases(self) -> list[str]:
        return [note["phase"] for note in self.notes]
