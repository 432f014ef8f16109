"""A storm of webhooks, and afterwards a count of what the journal and the ledger say became of each."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.rollback_load_handler import Handler

__all__ = ["Storm", "storm"]

_SENDER = Path(__file__).with_name("rollback_load_sender.py")
_DECIDED = """
    SELECT (min(transition.at) - rollback.created_at) * 1000 AS took
    FROM rollwatch_transitions AS transition JOIN rollwatch_rollbacks AS rollback
    ON rollback.id = transition.rollback_id WHERE transition.before = 'received'
    GROUP BY rollback.id ORDER BY took
"""


@dataclass(frozen=True, slots=True)
class Storm:
    """What was sent, what was answered, and what is in the journal once nothing is left to do."""

    answers: dict[str, int]
    kinds: dict[str, int]
    took_ms: list[float]
    """From the moment each was due, sorted."""
    sent_s: float
    late_s: float
    """How far the sender itself was behind, at most."""
    drained_s: float
    """From the last answer until nothing was left to do."""
    decided_ms: list[float]
    """From each incident's being received to its first decision, by the handler's own times, sorted."""
    incidents: int
    """Different ones that were sent."""
    rows: int
    states: dict[str, int]
    executions: int
    problems: list[str] = field(default_factory=list)
    """Decisions that were lost or made twice, webhooks that were not taken: one sentence for each."""


def storm(
    handler: Handler,
    services: Sequence[str],
    *,
    rate: float,
    seconds: float,
    drains_s: float = 30.0,
    seed: int = 1,
) -> Storm:
    """Over these services, with an SQLite journal that holds nothing else.

    What is not decided `drains_s` after the last answer is counted as lost.
    """
    argv = [sys.executable, str(_SENDER), handler.url.rpartition(":")[2].strip("/")]
    argv += [str(handler.home / "token-alert"), str(rate), str(seconds), str(seed), ",".join(services)]
    said = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    ended = time.monotonic()
    with _journal(handler) as db:
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not _open(db), "an end of all rollbacks", drains_s)
        drained_s = time.monotonic() - ended
        total = sum(said["kinds"].values())
        problems = [*_unanswered(said["answers"], total), *_rows(db, said), *_decisions(db)]
        decided_ms = [took for (took,) in db.execute(_DECIDED)]
        states = dict(db.execute("SELECT state, count(*) FROM rollwatch_rollbacks GROUP BY state"))
    lines = handler.ledger.read_text().splitlines()
    problems += [f"{count} executions of {line}" for line, count in Counter(lines).items() if count > 1]
    return Storm(
        answers=said["answers"],
        kinds=said["kinds"],
        took_ms=said["took_ms"],
        sent_s=said["lasted_s"],
        late_s=said["late_s"],
        drained_s=drained_s,
        decided_ms=decided_ms,
        incidents=len(said["incidents"]),
        rows=sum(states.values()),
        states=states,
        executions=len(lines),
        problems=problems,
    )


@contextlib.contextmanager
def _journal(handler: Handler) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"file:{handler.journal}?mode=ro", uri=True)) as db:
        yield db


def _open(db: sqlite3.Connection) -> int:
    query = "SELECT count(*) FROM rollwatch_rollbacks WHERE due_at IS NOT NULL"
    return int(db.execute(query).fetchone()[0])


def _unanswered(answers: dict[str, int], total: int) -> Iterator[str]:
    if answers != {"200": total}:
        yield f"{total} webhooks were answered with {answers}"


def _rows(db: sqlite3.Connection, said: dict[str, object]) -> Iterator[str]:
    """Each incident is there once, with as many repeats as there were copies."""
    sent, kinds = said["incidents"], said["kinds"]
    assert isinstance(sent, list)
    assert isinstance(kinds, dict)
    found = Counter(name for (name,) in db.execute("SELECT incident FROM rollwatch_rollbacks"))
    twice = [name for name, count in found.items() if count > 1]
    for what, names in (
        ("lost", set(sent) - set(found)),
        ("never sent", set(found) - set(sent)),
        ("twice", twice),
    ):
        if names:
            yield f"{len(names)} incidents are {what}"
    repeats = db.execute("SELECT coalesce(sum(repeats), 0) FROM rollwatch_rollbacks").fetchone()[0]
    if repeats != kinds.get("copies", 0):
        yield f"{kinds.get('copies', 0)} copies were sent, {repeats} are counted"


def _decisions(db: sqlite3.Connection) -> Iterator[str]:
    """Each time that a row was received it was decided, once."""
    undecided = db.execute(
        "SELECT count(*) FROM rollwatch_rollbacks WHERE decision IS NULL OR state = 'received'"
    ).fetchone()[0]
    if undecided:
        yield f"{undecided} incidents are not decided"
    uneven = db.execute(
        "SELECT count(*) FROM (SELECT rollback_id FROM rollwatch_transitions GROUP BY rollback_id "
        "HAVING sum(after = 'received') <> sum(coalesce(before, '') = 'received'))"
    ).fetchone()[0]
    if uneven:
        yield f"{uneven} rollbacks were decided more or less often than asked"
