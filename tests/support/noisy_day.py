"""A long stretch of normal, noisy traffic, drawn from scrapes of a real demo production.

What happened between two scrapes is one *moment*. A day is made of moments drawn at random: all series of a
moment go together, so that what belongs together stays so. Nights are quieter, now and then a moment is one
in which something was broken for an instant, a release goes out, and once the exporter is restarted.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Day", "Scrape", "input_series", "read_scrape"]

STEP_S = 15
_TRAFFIC = re.compile(
    r"rollwatch_(http|browser|payment|cache|database|trading|system|records|websocket_reported)"
)
_RELEASE = "rollwatch_release_changed_timestamp_seconds"


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True)
class Scrape:
    """What a scrape at `at` (Unix seconds) showed, by series as PromQL writes it."""

    at: float
    values: dict[str, float]
    kinds: dict[str, Kind]


def read_scrape(text: str, at: float, names: Iterable[str]) -> Scrape:
    """The series of these names."""
    wanted = set(names)
    values: dict[str, float] = {}
    kinds: dict[str, Kind] = {}
    for family in text_string_to_metric_families(text):
        kind = Kind.GAUGE if family.type == "gauge" else Kind.COUNTER
        for sample in family.samples:
            if sample.name in wanted:
                labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
                series = f"{sample.name}{{{labels}}}"
                values[series], kinds[series] = sample.value, kind
    return Scrape(at, values, kinds)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@dataclass
class Day:
    """How the stretch goes: its length in steps of 15 s, and what happens in it."""

    steps: int
    rng: random.Random
    blips_per_hour: float = 1.0
    release_at: int | None = None
    restart_at: int | None = None
    moments: list[int] = field(default_factory=list)
    """Per step, which moment it is: from 0 on a normal one, below 0 one of the broken ones."""
    quiet: frozenset[int] = frozenset()
    """Steps without traffic: most of those at night."""

    def draw(self, normal: int, broken: int) -> None:
        chance = self.blips_per_hour * STEP_S / 3600
        self.moments = [
            -1 - self.rng.randrange(broken)
            if broken and self.rng.random() < chance
            else self.rng.randrange(normal)
            for _ in range(self.steps)
        ]
        hours = [step * STEP_S / 3600 % 24 for step in range(self.steps)]
        self.quiet = frozenset(
            step for step, hour in enumerate(hours) if not 6 <= hour < 22 and self.rng.random() < 0.6
        )


def input_series(
    normal: Sequence[Scrape], broken: Sequence[tuple[Scrape, Scrape]], day: Day
) -> list[dict[str, str]]:
    """The `input_series` of a promtool test: every series of the scrapes over the whole day."""
    pairs = list(pairwise(normal))
    day.draw(len(pairs), len(broken))
    every = {series: kind for scrape in normal for series, kind in scrape.kinds.items()}
    found = []
    for series, kind in every.items():
        if series.startswith(_RELEASE):
            continue
        values = (
            _counted(series, pairs, broken, day)
            if kind is Kind.COUNTER
            else _shown(series, pairs, broken, day)
        )
        found.append({"series": series, "values": _notation(values)})
    if day.release_at is not None:
        moments = [
            -86_400.0 if step < day.release_at else day.release_at * STEP_S for step in range(day.steps)
        ]
        found += [
            {"series": series, "values": _notation(moments)}
            for series in {key for scrape in normal for key in scrape.values if key.startswith(_RELEASE)}
        ]
    return found


def _moment(
    pairs: Sequence[tuple[Scrape, Scrape]], broken: Sequence[tuple[Scrape, Scrape]], index: int
) -> tuple[Scrape, Scrape]:
    return pairs[index] if index >= 0 else broken[-1 - index]


def _counted(
    series: str, pairs: Sequence[tuple[Scrape, Scrape]], broken: Sequence[tuple[Scrape, Scrape]], day: Day
) -> list[float | None]:
    is_traffic = bool(_TRAFFIC.match(series))
    rises: dict[int, float] = {}
    for index in set(day.moments):
        before, after = _moment(pairs, broken, index)
        rises[index] = max(0.0, after.values.get(series, 0.0) - before.values.get(series, 0.0))
    total, values = 0.0, list[float | None]()
    for step, index in enumerate(day.moments):
        if _is_gone(day, step):
            total = 0.0
            values.append(None)
            continue
        total += 0.0 if is_traffic and step in day.quiet else rises[index]
        values.append(total)
    return values


def _shown(
    series: str, pairs: Sequence[tuple[Scrape, Scrape]], broken: Sequence[tuple[Scrape, Scrape]], day: Day
) -> list[float | None]:
    name = series.partition("{")[0]
    seen = {after.values.get(series) for _, after in pairs}
    is_moving = name.endswith("_timestamp_seconds") and len(seen) > 1
    values: list[float | None] = []
    for step, index in enumerate(day.moments):
        _, after = _moment(pairs, broken, index)
        value = after.values.get(series)
        if _is_gone(day, step) or value is None:
            values.append(None)
        elif is_moving:
            values.append(step * STEP_S + value - after.at)
        elif name.endswith(("_timestamp_seconds", "_expiry")):
            # A fixed moment, as far from the day's beginning as from the first scrape.
            values.append(value - pairs[0][0].at - 3600)
        else:
            values.append(value)
    return values


def _is_gone(day: Day, step: int) -> bool:
    """The exporter is away for three scrapes."""
    return day.restart_at is not None and day.restart_at <= step < day.restart_at + 3


def _notation(values: Sequence[float | None]) -> str:
    """As promtool writes series: runs of one value are shortened."""
    parts: list[str] = []
    at = 0
    while at < len(values):
        end = at
        while end + 1 < len(values) and values[end + 1] == values[at]:
            end += 1
        text, more = ("_" if values[at] is None else f"{values[at]:.9g}"), end - at
        if values[at] is None:
            # As after a scrape that failed, or did not show it any more.
            parts += ["stale"] if at else ["_"]
            parts += [f"_x{more}"] if more else []
        else:
            parts.append(f"{text}x{more}" if more else text)
        at = end + 1
    return " ".join(parts)
