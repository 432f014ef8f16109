"""What a journal of 100,000 rollbacks costs whoever asks it, beside one of 100."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import Table, Target, percentile
from rollwatch.rollback.journal.journal import open_journal
from support.processes import fetch
from support.rollback_fill import SERVICES, fill
from support.rollback_load_handler import handler_under_load
from support.rollback_rows import alert_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollwatch.rollback.journal.journal import SqlJournal
    from support.rollback_load_handler import Handler

__all__ = ["run"]

SMALL, LARGE = 100, 100_000
MAX_RATIO = 5.0
MAX_MS = 50.0
_TIMES = 40
_DAY_S = 86_400.0


def run() -> Table:
    """The same questions to both."""
    found: dict[int, dict[str, float]] = {}
    for rows in (SMALL, LARGE):
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory) / "handler"
            (home / "data").mkdir(parents=True, mode=0o700)
            journal = str(home / "data" / "journal.db")
            asyncio.run(fill(journal, rollbacks=rows, deployments=rows // 5, until=time.time()))
            found[rows] = asyncio.run(_inside(journal))
            with handler_under_load(home, SERVICES, mode="dry-run") as handler:
                found[rows] |= _outside(handler)
    return _table(found[SMALL], found[LARGE])


async def _inside(path: str) -> dict[str, float]:
    """What the handler asks for itself, in ms."""
    journal = await open_journal(path)
    try:
        return {
            "a webhook is taken": await _timed(lambda number: _take(journal, number)),
            "what is due, and when the next": await _timed(lambda _: journal.due(time.time(), limit=64)),
            "the past, for a decision": await _timed(lambda _: _past(journal)),
        }
    finally:
        await journal.close()


async def _take(journal: SqlJournal, number: int) -> object:
    # Resolved, and of nothing that is known: nothing is to be decided later.
    alert = alert_of(number + 10**9, service=SERVICES[0], starts_at=time.time(), is_firing=False)
    return await journal.take([(alert, SERVICES[0])], time.time())


async def _past(journal: SqlJournal) -> object:
    return await journal.past("production", SERVICES[:1], since=time.time() - _DAY_S)


async def _timed(ask: Callable[[int], Awaitable[object]]) -> float:
    took = []
    for number in range(_TIMES):
        began = time.perf_counter()
        await ask(number)
        took.append(time.perf_counter() - began)
    return percentile(took, 50) * 1e3


def _outside(handler: Handler) -> dict[str, float]:
    """What people and Prometheus ask, over HTTP, in ms."""
    first = _asked(handler, "/metrics", times=1)
    middle = "rb-" + f"{SMALL // 2:020x}"
    return {
        "first scrape, with figures of a month": first,
        "a scrape": _asked(handler, "/metrics"),
        "status": _asked(handler, "/api/monitoring/rollback/status"),
        "history, newest 50": _asked(handler, "/api/monitoring/rollback/history?limit=50"),
        "history, a late page": _asked(handler, f"/api/monitoring/rollback/history?limit=50&before={middle}"),
        "history of a service": _asked(
            handler, f"/api/monitoring/rollback/history?limit=5&service={SERVICES[3]}"
        ),
    }


def _asked(handler: Handler, path: str, *, times: int = _TIMES) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        handler.get(path) if path != "/metrics" else fetch(f"{handler.url}{path}")
        took.append(time.perf_counter() - began)
    return percentile(took, 50) * 1e3


def _table(small: dict[str, float], large: dict[str, float]) -> Table:
    table = Table(
        f"A journal of {LARGE:,} rollbacks".replace(",", " "),
        "SQLite; rows of 20 services, 5 min apart, each with its decision and three moves, and a fifth as "
        f"many deployments; beside one of {SMALL}. The median of {_TIMES}; the first four are asked of the "
        "journal itself, the others of a handler, over HTTP. The first scrape, and one a minute after it, "
        "also works out each service's deployment figures of the last 30 days.",
        ("question", f"of {SMALL}, ms", f"of {LARGE}, ms", "ratio"),
    )
    for what, large_ms in large.items():
        ratio = large_ms / small[what]
        table.rows.append((what, f"{small[what]:.2f}", f"{large_ms:.2f}", f"{ratio:.1f}"))
    slow = {what: ms for what, ms in large.items() if ms > MAX_MS and ms > MAX_RATIO * small[what]}
    table.targets = [
        Target(
            f"nothing takes {MAX_RATIO:g} times as long, or less than {MAX_MS:.0f} ms",
            ", ".join(f"{what} {ms:.0f} ms" for what, ms in slow.items()) or "nothing does",
            not slow,
        )
    ]
    return table
