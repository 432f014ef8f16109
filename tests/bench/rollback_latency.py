"""From a webhook to its 2xx, and to a decision that another process finds in the journal; beside an fsync."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from bench.harness import Table, Target, cpu_s, percentile
from support.rollback_load_handler import Handler, handler_under_load
from support.rollback_load_sender import alert_of, body_of
from support.rollback_postgres import running_postgres

__all__ = ["run"]

ROUNDS = 200
MAX_P99_S = 0.050
_KNOWN = tuple(f"service-{number}" for number in range(20))
_UNKNOWN = tuple(f"nobody-{number}" for number in range(20))
_PAUSE_S = (0.002, 0.02)
_LOOK_EVERY_S = 0.0005
_LATEST_S = 10.0

StateOf = Callable[[str], str | None]


@dataclass(slots=True)
class Times:
    """Seconds, of each round."""

    floor: list[float] = field(default_factory=list)
    cpu: float = 0.0
    """Of the handler, for all of them."""
    taken: dict[str, list[float]] = field(default_factory=dict)
    decided: dict[str, list[float]] = field(default_factory=dict)


def run() -> Table:
    """On SQLite, then on PostgreSQL where there is one."""
    with tempfile.TemporaryDirectory() as directory:
        found = {"SQLite": _sqlite(Path(directory))}
    if _has_postgres():
        with running_postgres(is_durable=True) as server, tempfile.TemporaryDirectory() as directory:
            url = server.new_database()
            found["PostgreSQL"] = _measured(Path(directory) / "handler", lambda _: _postgres_states(url), url)
    return _table(found)


def _has_postgres() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or "PG_BIN" in os.environ


def _sqlite(directory: Path) -> Times:
    return _measured(directory / "handler", lambda handler: _sqlite_states(handler.journal), None)


@contextlib.contextmanager
def _sqlite_states(journal: Path) -> Iterator[StateOf]:
    query = "SELECT state FROM rollwatch_rollbacks WHERE id = ?"
    with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        yield lambda rollback_id: _first(db.execute(query, (rollback_id,)).fetchone())


@contextlib.contextmanager
def _postgres_states(url: str) -> Iterator[StateOf]:
    query = "SELECT state FROM rollwatch_rollbacks WHERE id = %s"
    with psycopg.connect(url, autocommit=True) as db:
        yield lambda rollback_id: _first(db.execute(query, (rollback_id,)).fetchone())


def _first(row: tuple[str, ...] | None) -> str | None:
    return None if row is None else row[0]


def _measured(
    home: Path, states: Callable[[Handler], contextlib.AbstractContextManager[StateOf]], url: str | None
) -> Times:
    """One webhook at a time, of known and unknown services in turn, each after an fsync of the same bytes."""
    times = Times()
    rng = random.Random(1)
    with handler_under_load(home, _KNOWN, mode="dry-run", journal=url) as handler:
        for service in _KNOWN:
            handler.deployed(service)
        host = handler.url.removeprefix("http://")
        client = http.client.HTTPConnection(host, timeout=_LATEST_S)
        headers = {"Authorization": f"Bearer {handler.tokens['alert']}", "Content-Type": "application/json"}
        with states(handler) as state_of, (home / "floor").open("ab", buffering=0) as floor:
            spent = cpu_s(psutil.Process(handler.pid))
            for number in range(2 * ROUNDS):
                kind, services = (("known", _KNOWN), ("unknown", _UNKNOWN))[number % 2]
                body = body_of(alert_of(number, rng.choice(services), int(time.time()) - 60))
                time.sleep(rng.uniform(*_PAUSE_S))
                began = time.perf_counter()
                floor.write(body)
                os.fsync(floor.fileno())
                times.floor.append(time.perf_counter() - began)
                # Whatever the sync began is over.
                time.sleep(rng.uniform(*_PAUSE_S))
                began = time.perf_counter()
                client.request("POST", "/api/monitoring/alerts", body, headers)
                said = json.loads(client.getresponse().read())
                times.taken.setdefault(kind, []).append(time.perf_counter() - began)
                _wait_for_decision(state_of, said["rollbacks"][0])
                times.decided.setdefault(kind, []).append(time.perf_counter() - began)
            times.cpu = cpu_s(psutil.Process(handler.pid)) - spent
        client.close()
    return times


def _wait_for_decision(state_of: StateOf, rollback_id: str) -> None:
    until = time.monotonic() + _LATEST_S
    while state_of(rollback_id) in {None, "received"}:
        if time.monotonic() > until:
            raise RuntimeError(f"{rollback_id} was not decided within {_LATEST_S:g} s")
        time.sleep(_LOOK_EVERY_S)


def _table(found: dict[str, Times]) -> Table:
    table = Table(
        "From webhook to decision",
        f"A real handler; {ROUNDS} webhooks each about new incidents of services that it knows (20 of them, "
        "mode dry-run, every guard asked) and of others, one at a time and in turn, at random moments. "
        "Prometheus, exporter and Alertmanager are a process that answers at once, and nothing is asked of a "
        "platform. Taken is until the 2xx is there; decided until another process that looks every half a "
        "millisecond finds the decision in the journal, that is: committed. The floor, before each webhook: "
        "its bytes are added to a file beside the journal, and fsynced. PostgreSQL has fsync on. CPU is the "
        "handler's, with all that it does meanwhile.",
        ("figure", "p50 ms", "p99 ms", "max ms", "p50 in fsyncs"),
    )
    for journal, times in found.items():
        floor_s = percentile(times.floor, 50)
        table.rows.append(_row(f"floor: write and fsync, beside {journal}", times.floor, floor_s))
        for kind in times.taken:
            table.rows.append(_row(f"{journal}, {kind} service: taken", times.taken[kind], floor_s))
            table.rows.append(_row(f"{journal}, {kind} service: decided", times.decided[kind], floor_s))
        count = sum(len(each) for each in times.decided.values())
        p99_s = max(percentile(each, 99) for each in times.decided.values())
        table.targets.append(
            Target(
                f"{journal}: decided within {MAX_P99_S * 1e3:.0f} ms, p99 of either kind",
                f"{p99_s * 1e3:.1f} ms, an fsync {percentile(times.floor, 99) * 1e3:.1f} ms; "
                f"{times.cpu / count * 1e3:.1f} ms of CPU each",
                p99_s < MAX_P99_S,
            )
        )
    return table


def _row(what: str, seconds: list[float], floor_s: float) -> tuple[str, ...]:
    figures = [percentile(seconds, percent) * 1e3 for percent in (50, 99, 100)]
    return (what, *(f"{figure:.1f}" for figure in figures), f"{percentile(seconds, 50) / floor_s:.1f}")
