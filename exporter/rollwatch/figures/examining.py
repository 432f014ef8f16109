"""Records that came in, judged by rules, in slices short enough for a shared loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rollwatch.figures.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.rules import Rule

__all__ = ["Examiner", "Tally", "as_records"]

_SLICE_S = 0.001
_EXAMPLES = 3


@dataclass(slots=True)
class Tally:
    """What was found; `invalid` counts records by check, so one record may count under several checks."""

    examined: int = 0
    valid: int = 0
    invalid: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    """The first records that failed each check, in words; kept only when asked for."""

    @property
    def valid_ratio(self) -> float | None:
        """0 to 1; None if no record was examined."""
        return self.valid / self.examined if self.examined else None


def as_records(found: object) -> list[Any] | None:
    """What an expression found, as a list: a list as it is, one object as one record; else None."""
    if isinstance(found, list):
        return found
    return [found] if isinstance(found, dict) else None


class Examiner:
    """All checks of one set of rules; keeps the histories they learn. Examinations must not overlap."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.checks = tuple(Check(rule) for rule in rules)

    def begin(self) -> Tally:
        """A tally that knows every check, at 0."""
        return Tally(invalid={check.name: 0 for check in self.checks})

    def examine(self, record: object, tally: Tally, *, explain: bool = False) -> None:
        """Judge one record. Never raises, whatever JSON it is."""
        is_valid = True
        for check in self.checks:
            problem = check.problem(record)
            if problem is None:
                continue
            is_valid = False
            count = tally.invalid[check.name] = tally.invalid[check.name] + 1
            if explain and count <= _EXAMPLES:
                place = f"record {tally.examined}: {check.field}"
                tally.examples.append(f"{check.name}: {place} is {problem} ({check.shown(record)})")
        tally.examined += 1
        tally.valid += is_valid

    async def examine_all(
        self, records: Sequence[object], clock: Clock, tally: Tally, *, explain: bool = False
    ) -> None:
        """Judge them all, giving way to other tasks every millisecond; `tally` is right at any moment."""
        began = clock.monotonic()
        for record in records:
            self.examine(record, tally, explain=explain)
            now = clock.monotonic()
            if now - began >= _SLICE_S:
                await asyncio.sleep(0)
                began = clock.monotonic()
