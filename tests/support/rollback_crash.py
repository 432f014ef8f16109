"""`python -m support.rollback_crash ROOT JOBS`: handlers that are killed and started again until it is over.

Reads a round per line, as JSON: `number`, `strategy`, `handlers`, `url` (empty: SQLite), `seed`. Plays JOBS
at a time, and writes a line per round: who was killed, what became of it, and what should not be so.
Everything is imported once, and each handler is a fork of that: a start costs milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from rollwatch.rollback.journal.journal import open_journal
from rollwatch.rollback.model.alert import RollbackAlert
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, StepState
from rollwatch.rollback.plan import ServicePlan, UnitPlan
from rollwatch.rollback.strategies.registry import make_strategy
from support.rollback_fakes import FakeEvidence, FakePlans
from support.rollback_git import tools
from support.rollback_productions import Production, make_templates, production
from support.rollback_world import (
    ENVIRONMENT,
    FAST,
    alert,
    release,
    service_spec,
    unit_rules,
    worker_of,
)
from support.rollback_wrapped import WRITES, wrapped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.policy.facts import Known
    from rollwatch.rollback.ports import ServiceNow

_LASTS_S = 50
"""How long a round may last; it takes some seconds."""
# Leases so short that a dead handler's row is soon taken over; on a busy machine living ones lose some, too.
_TEMPO = replace(FAST, lease_s=1.5, renew_every_s=0.3, give_up_after_s=1.0, look_every_s=0.3)
_GOOD, _BAD = "1.4.2", "1.5.0"
_CERTAIN = frozenset({"command", "git-revert"})
"""Strategies that can always say what became of an order."""


@dataclass(frozen=True, slots=True)
class Death:
    """When a handler dies, as with kill -9: before or after its `at`-th write, or `at` ms after its start."""

    when: str
    at: int

    @classmethod
    def drawn(cls, rng: random.Random) -> Death:
        when = rng.choice(["before", "after", "before", "after", "ms"])
        return cls(when, rng.randint(1, 600) if when == "ms" else rng.randint(1, 30))

    def __str__(self) -> str:
        return f"{self.when} {self.at}"


def main() -> None:
    root, jobs = Path(sys.argv[1]), int(sys.argv[2])
    good, bad = make_templates(root)
    _forked(lambda: _run(_migrated(root / "journal.db")))
    waiting = [json.loads(line) for line in sys.stdin]
    playing: dict[int, dict[str, Any]] = {}
    while waiting or playing:
        while waiting and len(playing) < jobs:
            said = waiting.pop(0)
            pid = os.fork()
            if pid == 0:
                _end(lambda said=said: _play(root, said, good, bad))
            playing[pid] = said
        pid, status = os.wait()
        said = playing.pop(pid)
        if status != 0:
            _tell({**said, "problems": [f"the round itself ended with {status}"]})


def _play(root: Path, said: dict[str, Any], good: str, bad: str) -> None:
    """One round; writes its line."""
    base = root / f"round-{said['number']}"
    base.mkdir()
    rng = random.Random(said["seed"])
    place = production(said["strategy"], root, base, good, bad)
    url = said["url"]
    if not url:
        url = str(base / "journal.db")
        shutil.copy(root / "journal.db", url)
    deaths = [Death.drawn(rng) for _ in range(rng.randint(1, 2) * said["handlers"])]
    story: list[str] = []
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_LASTS_S)
    try:
        _forked(lambda: _run(_begin(url, place)))
        _kill_and_start_again(url, place, said["handlers"], deaths, story)
        _forked(lambda: _run(_inspect(url, place)))
        found = json.loads((base / "found").read_text())
    except _TooLongError:
        found = {"problems": [f"it was not over after {_LASTS_S} s; see {base}"]}
    signal.alarm(0)
    _tell({**said, **found, "story": story})
    if not found["problems"]:
        shutil.rmtree(base)


def _kill_and_start_again(
    url: str, place: Production, handlers: int, deaths: list[Death], story: list[str]
) -> None:
    alive: dict[int, str] = {}
    free = [f"host-{number}" for number in range(1, handlers + 1)]
    is_over = False
    try:
        while alive or not is_over:
            while free and not is_over:
                host = free.pop()
                death = deaths.pop() if deaths else None
                story.append(f"{host} {death or 'lives'}")
                pid = os.fork()
                if pid == 0:
                    alive.clear()
                    _end(lambda host=host, death=death: _run(_handle(url, place, host, death)))
                alive[pid] = host
            pid, status = os.wait()
            free.append(alive.pop(pid))
            if os.WIFEXITED(status):
                if os.WEXITSTATUS(status) != 0:
                    raise AssertionError(f"a handler ended with {os.WEXITSTATUS(status)}")
                is_over = True
    finally:
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def _migrated(path: Path) -> None:
    journal = await open_journal(str(path))
    await journal.close()


@dataclass
class _Seen(FakeEvidence):
    """What was put back is deployed at once, and health endpoints report its version."""

    place: Production = field(kw_only=True)

    async def service_now(self, service: str) -> Known[ServiceNow]:
        self.version = _GOOD if await asyncio.to_thread(self.place.is_back) else _BAD
        return await FakeEvidence.service_now(self, service)


async def _begin(url: str, place: Production) -> None:
    """A good release, a bad one, and two alerts about it."""
    journal = await open_journal(url)
    now = time.time()
    for commit, version, ago_s in ((place.good, _GOOD, 7200.0), (place.bad, _BAD, 300.0)):
        await journal.record_deployment(
            release("api", commit, version),
            DeploymentState.FINISHED,
            DeploymentSource.REPORTED,
            at=now - ago_s,
        )
    await journal.take([(one, "api") for one in _alerts()], now)
    await journal.close()


def _alerts() -> list[RollbackAlert]:
    return [alert(fingerprint=mark * 16) for mark in "12"]


async def _handle(url: str, place: Production, host: str, death: Death | None) -> None:
    """A handler, until there is nothing left to do or it dies; its successor finds what it left on `host`."""
    journal = await open_journal(url)
    writes = 0

    async def around(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal writes
        if name not in WRITES:
            return await call()
        writes += 1
        if death == Death("before", writes):
            _die()
        found = await call()
        if death == Death("after", writes):
            _die()
        return found

    if death is not None and death.when == "ms":
        asyncio.get_running_loop().call_later(death.at / 1000, _die)
    plans = _plans(place, host)
    owner = f"{host}-{os.getpid()}"
    worker = worker_of(wrapped(journal, around), plans, _Seen(place=place), owner=owner, tempo=_TEMPO)
    living = asyncio.create_task(worker.live())
    while await journal.open_rollbacks():
        await asyncio.sleep(0.05)
    await worker.end()
    await living
    await journal.close()


def _plans(place: Production, host: str) -> FakePlans:
    home = place.base / host
    home.mkdir(exist_ok=True)
    hook = {"run": ["true"], "repeatable": True}
    spec = service_spec(
        place.base,
        strategy=place.strategy,
        **{place.strategy: place.spec},
        before=[{"name": "drain", **hook}],
        after=[{"name": "restore", **hook}],
    )
    strategy = make_strategy("api", ENVIRONMENT, spec, tools(home))
    plan = UnitPlan(unit_rules("api"), {"api": ServicePlan(spec, strategy, place.base)})
    return FakePlans(plan)


async def _inspect(url: str, place: Production) -> None:
    """What became of it, into a file."""
    journal = await open_journal(url)
    problems: list[str] = []
    rows = await journal.history()
    began = []
    for row in rows:
        problems += await _problems_of(journal, row.id)
        moves = await journal.transitions(row.id)
        if any(move.after == "preparing" for move in moves):
            began.append(row)
    await journal.close()
    executions = place.executions()
    if len(rows) != len(_alerts()):
        problems.append(f"{len(rows)} rollbacks are in the journal")
    if len(began) != 1:
        said = [row.decision.why for row in rows if row.decision is not None]
        problems.append(f"{len(began)} rollbacks were begun: {said}")
    if executions > 1:
        problems.append(f"executed {executions} times")
    outcome = began[0].state.value if began else "none"
    if outcome == "succeeded" and not (executions == 1 and place.is_back()):
        problems.append("it did not succeed, but says so")
    if outcome != "succeeded" and (place.strategy in _CERTAIN or outcome != "unknown"):
        problems.append(f"its outcome is {outcome}: {began[0].outcome_why if began else ''}")
    found = {"outcome": outcome, "executions": executions, "problems": problems}
    (place.base / "found").write_text(json.dumps(found))


async def _problems_of(journal: Journal, rollback_id: str) -> list[str]:
    row = await journal.get(rollback_id)
    assert row is not None
    problems = []
    if row.state.is_open:
        problems.append(f"{row.id} is still {row.state}")
    if row.decision is None:
        problems.append(f"the decision about {row.id} is lost")
    before = None
    for move in await journal.transitions(rollback_id):
        if move.before is not before:
            problems.append(f"{row.id} leapt from {before} to {move.after}")
        before = move.after
    if before is not row.state:
        problems.append(f"{row.id} is {row.state}, and its last move led to {before}")
    open_steps = [step.name for step in await journal.steps(rollback_id) if step.state is StepState.STARTED]
    if open_steps:
        problems.append(f"{row.id} has steps without an end: {open_steps}")
    return problems


class _TooLongError(Exception):
    pass


def _too_long(*_: object) -> None:
    raise _TooLongError


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead processes say nothing")


def _run(work: Any) -> None:
    asyncio.run(work)


def _forked(work: Callable[[], None]) -> None:
    """Do it in a fork, so that no thread of it is left here."""
    pid = os.fork()
    if pid == 0:
        _end(work)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise AssertionError(f"a fork ended with {status}")


def _end(work: Callable[[], None]) -> NoReturn:
    """The rest of a fork's life."""
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        work()
        code = 0
    except BaseException:  # noqa: BLE001  a fork must never return into its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _tell(found: dict[str, Any]) -> None:
    # One write: lines of several rounds do not mix.
    os.write(1, (json.dumps(found) + "\n").encode())


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    main()
