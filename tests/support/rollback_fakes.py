"""What surrounds judge and runner, as a test wants it: a strategy, Prometheus, the exporter, events."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rollwatch.rollback.model.words import ExecutionResult, StrategyName
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.ports import ProbeNow, ServiceNow
from rollwatch.rollback.strategies.pull_request import Proposal
from rollwatch.rollback.strategies.strategy import Eligibility, Execution, PlatformFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from rollwatch.config.rollback_strategies import PullRequestSpec
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.model.words import State, StepKind, StepState
    from rollwatch.rollback.plan import UnitPlan
    from rollwatch.rollback.policy.facts import Known
    from rollwatch.rollback.strategies.pull_request import Proposal
from rollwatch.rollback.strategies.strategy import Note, Order, PastRelease

__all__ = [
    "FakeEvents",
    "FakeEvidence",
    "FakeObserver",
    "FakePlans",
    "FakeProposer",
    "FakeStrategy",
    "Ledger",
]

T = TypeVar("T")
_OPENED = Proposal("https://forge.example/pulls/7", "It was opened")


@dataclass(frozen=True, slots=True)
class Ledger:
    """A file with a line per thing that was really done: what is done twice stands there twice."""

    path: Path

    def add(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{line}\n")

    @property
    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


@dataclass(slots=True)
class FakeStrategy:
    """Writes the ledger; does nothing else."""

    ledger: Ledger
    running: Release | None = None
    name: StrategyName = StrategyName.COMMAND
    timeout_s: float = 30.0
    result: ExecutionResult = ExecutionResult.DONE
    detail: str = "The fake has done it."
    afterwards: Execution | PlatformFailed | None = None
    """What `what_happened` says; None: what the ledger says."""
    platform: PlatformFailed | None = None
    """Why `current` is not answered."""
    on_execute: Callable[[Order], Awaitable[None]] | None = None
    on_asked: Callable[[], None] | None = None
    changes_release: bool = True
    made: Release | None = None
    """What it puts on its way into production, where that is not the target itself."""

    async def current(self) -> Release | None:
        if self.platform is not None:
            raise self.platform
        return self.running

    async def history(self) -> Sequence[PastRelease]:
        return ()

    async def can_go_back(self, bad: Release, target: Release) -> Eligibility:
        return Eligibility(True, "it is a fake")

    async def execute(self, order: Order, note: Note) -> Execution:
        await note({"begun": order.id})
        if self.on_execute is not None:
            await self.on_execute(order)
        if self.result is not ExecutionResult.NOT_DONE:
            await asyncio.to_thread(self.ledger.add, f"{order.id} {order.bad.key} -> {order.target.key}")
        if self.result is ExecutionResult.DONE and self.changes_release and self.running is not None:
            self.running = order.target
        return Execution(self.result, self.detail, made=self.made)

    async def what_happened(self, order: Order, memo: Mapping[str, Any], note: Note) -> Execution:
        if self.on_asked is not None:
            self.on_asked()
        if isinstance(self.afterwards, PlatformFailed):
            raise self.afterwards
        if self.afterwards is not None:
            return self.afterwards
        lines = await asyncio.to_thread(lambda: self.ledger.lines)
        if any(line.startswith(f"{order.id} ") for line in lines):
            return Execution(ExecutionResult.DONE, "The ledger has it.")
        return Execution(ExecutionResult.NOT_DONE, "The ledger does not have it.")

    async def close(self) -> None:
        pass


def _next(answers: list[T]) -> T:
    """One after the other; the last stays."""
    return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass(slots=True)
class FakeEvidence:
    """Lists are answered one after the other, the last one again and again."""

    firing: list[Known[bool]] = field(default_factory=lambda: [True])
    back: list[Known[bool]] = field(default_factory=lambda: [True])
    before: Known[bool] = False
    silence: Known[bool] = False
    views: list[Known[ServiceNow]] = field(default_factory=list)
    """Of every service; empty: all its probes are up, having run just now."""
    version: str | None = None
    on_asked: Callable[[str], None] | None = None
    """Called with the name of each question; what it raises is a fault of ours."""

    async def fault_before(self, alert: RollbackAlert, deployed_at: float) -> Known[bool]:
        self._ask("fault_before")
        return self.before

    async def still_firing(self, alert: RollbackAlert) -> Known[bool]:
        self._ask("still_firing")
        return _next(self.firing)

    async def recovered(self, alert: RollbackAlert) -> Known[bool]:
        self._ask("recovered")
        return _next(self.back)

    async def service_now(self, service: str) -> Known[ServiceNow]:
        self._ask("service_now")
        if self.views:
            view = _next(self.views)
            return view if isinstance(view, Unanswered) else _run_just_now(view)
        probe = ProbeNow(f"{service}/health", "up", "ok", time.time(), critical=True)
        return ServiceNow(self.version, None, (probe,))

    async def silenced(self, alert: RollbackAlert) -> Known[bool]:
        self._ask("silenced")
        return self.silence

    def _ask(self, what: str) -> None:
        if self.on_asked is not None:
            self.on_asked(what)


def _run_just_now(view: ServiceNow) -> ServiceNow:
    """Probes whose `started_at` is 0 have run just now; others keep it."""
    now = time.time()
    probes = tuple(
        replace(probe, started_at=now if probe.started_at == 0 else probe.started_at) for probe in view.probes
    )
    return replace(view, probes=probes)


@dataclass(slots=True)
class FakeEvents:
    """Remembers what was told."""

    moves: list[tuple[str, str | None, str]] = field(default_factory=list)
    """Rollback, state before, state after."""
    calls: list[str] = field(default_factory=list)
    """Why persons were called."""
    urls: list[str] = field(default_factory=list)

    def changed(self, rollback: Rollback, before: State | None) -> None:
        self.moves.append((rollback.id, None if before is None else before.value, rollback.state.value))

    def needs_person(self, rollback: Rollback, why: str) -> None:
        self.calls.append(why)

    def proposed(self, rollback: Rollback, url: str) -> None:
        self.urls.append(url)

    def bad_release_again(self, service: str, environment: str, release: str, rollback_id: str) -> None:
        pass


@dataclass(slots=True)
class FakeObserver:
    """Remembers what was done."""

    steps: list[tuple[str, str, str]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    journal: list[bool] = field(default_factory=list)

    def judged(self, service: str, environment: str, decision: Decision, seconds: float) -> None:
        assert service
        assert environment
        assert seconds >= 0
        self.verdicts.append(decision.verdict.value)

    def step_done(self, kind: StepKind, service: str, state: StepState, seconds: float) -> None:
        assert seconds >= 0
        self.steps.append((kind.value, service, state.value))

    def journal_worked(self, is_working: bool) -> None:
        self.journal.append(is_working)


@dataclass(slots=True)
class FakeProposer:
    """Answers as told."""

    answer: Proposal | PlatformFailed = _OPENED
    asked: list[str] = field(default_factory=list)

    async def propose(self, spec: PullRequestSpec, bad: Release, rollback_id: str) -> Proposal:
        self.asked.append(f"{rollback_id}/{bad.service}")
        await asyncio.sleep(0)
        if isinstance(self.answer, PlatformFailed):
            raise self.answer
        return self.answer


@dataclass(slots=True)
class FakePlans:
    """One unit, or none."""

    plan: UnitPlan | None

    def of(self, environment: str, service: str) -> UnitPlan | None:
        if self.plan is None or service not in self.plan.services:
            return None
        return self.plan
