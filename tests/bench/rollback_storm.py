"""200 webhooks a second with copies for a minute: whether a decision is lost or made twice."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bench.harness import Table, Target, cpu_s, percentile, resident_mib
from support.rollback_load_handler import handler_under_load
from support.rollback_load_storm import storm

if TYPE_CHECKING:
    from support.rollback_load_storm import Storm

__all__ = ["run"]

RATE = 200
SECONDS = 60.0
DRAINS_S = 30.0
_KNOWN = tuple(f"service-{number}" for number in range(20))
_UNKNOWN = tuple(f"nobody-{number}" for number in range(5))


def run() -> Table:
    """One minute, and what is left to be decided then."""
    with (
        tempfile.TemporaryDirectory() as directory,
        handler_under_load(Path(directory) / "handler", _KNOWN, mode="auto") as handler,
    ):
        for service in _KNOWN:
            handler.deployed(service)
        process = psutil.Process(handler.pid)
        spent, memory = cpu_s(process), resident_mib(process)
        seen = storm(handler, _KNOWN + _UNKNOWN, rate=RATE, seconds=SECONDS, drains_s=DRAINS_S)
        spent = cpu_s(process) - spent
        return _table(seen, spent / sum(seen.kinds.values()), (memory, resident_mib(process)))


def _table(seen: Storm, cpu_each_s: float, memory: tuple[float, float]) -> Table:
    total = sum(seen.kinds.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in seen.kinds.items())
    table = Table(
        f"{RATE} webhooks a second for a minute",
        f"{total} notifications about 20 services in mode auto that a bad release runs of, and 5 unknown "
        f"ones ({kinds}), over at most 64 connections: new incidents, exact copies of earlier ones (1 to 50 "
        "in parallel, half of them of the newest incident, whose first delivery may still be under way) and "
        "resolved ones. Open loop: an answer's time counts from when its webhook was due. A command that "
        "writes a line takes the releases back; that such a storm counts as a systemic outage is configured "
        "away. SQLite, other programs as above. Afterwards the journal is counted: each incident has a row, "
        "each copy is counted, each row that was received was decided once; and in the ledger that the "
        "command writes no release stands twice.",
        ("figure", "p50 ms", "p99 ms", "max ms"),
    )
    for what, times in (
        ("answered", seen.took_ms),
        ("decided, by the handler's own times", seen.decided_ms),
    ):
        if times:
            table.rows.append((what, *(f"{percentile(times, percent):.1f}" for percent in (50, 99, 100))))
    table.rows.append(("the sender itself was late by", "", "", f"{seen.late_s * 1e3:.1f}"))
    states = ", ".join(f"{count} {state}" for state, count in sorted(seen.states.items()))
    table.targets = [
        Target("every webhook is answered with 2xx", f"{seen.answers}", seen.answers == {"200": total}),
        Target(
            "no decision is lost or made twice",
            f"{seen.rows} rows for {seen.incidents} incidents ({states})"
            + "".join(f"; {problem}" for problem in seen.problems),
            not seen.problems,
        ),
        Target(
            "each bad release is taken back at most once",
            f"{seen.executions} executions for {len(_KNOWN)} bad releases",
            seen.executions <= len(_KNOWN) and not any("executions of" in one for one in seen.problems),
        ),
        Target(
            f"all is decided and done {DRAINS_S:.0f} s after the last",
            f"after {seen.drained_s:.1f} s; {cpu_each_s * 1e3:.2f} ms of CPU for a webhook, "
            f"{memory[0]:.0f} -> {memory[1]:.0f} MiB",
            seen.drained_s < DRAINS_S,
        ),
    ]
    return table
