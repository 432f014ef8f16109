"""A release unit with a bad release in production, and a worker on a real journal that is to take it back.

Policy, gathering of facts, judge, runner and journal are the real ones; the strategy and what the evidence
says are the test's.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rollwatch.clock import SystemClock
from rollwatch.config.rollback import ServiceRollbackSpec
from rollwatch.config.secrets import SecretStore
from rollwatch.rollback.evidence.gather import Gatherer
from rollwatch.rollback.journal.journal import open_journal
from rollwatch.rollback.judge import Judge
from rollwatch.rollback.model.alert import RollbackAlert
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, Mode
from rollwatch.rollback.plan import ServicePlan, UnitPlan
from rollwatch.rollback.policy.decide import decide
from rollwatch.rollback.policy.rules import UnitRules
from rollwatch.rollback.runner import Runner, Tools
from rollwatch.rollback.tempo import Tempo
from rollwatch.rollback.work import Worker
from support.rollback_fakes import (
    FakeEvents,
    FakeEvidence,
    FakeObserver,
    FakePlans,
    FakeProposer,
    FakeStrategy,
    Ledger,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.record import Rollback, Step
    from rollwatch.rollback.model.words import State

__all__ = [
    "ALERT",
    "BAD",
    "ENVIRONMENT",
    "FAST",
    "GOOD",
    "World",
    "alert",
    "release",
    "service_spec",
    "unit_rules",
    "worker_of",
    "world",
]

ENVIRONMENT = "production"
ALERT = "RollbackHttpErrorRatio"
GOOD, BAD = "a" * 40, "b" * 40
PATH_ONLY: Mapping[str, str] = MappingProxyType({"PATH": "/usr/bin:/bin"})
FAST = Tempo(
    lease_s=5.0,
    renew_every_s=1.0,
    give_up_after_s=3.0,
    look_every_s=0.5,
    least_rest_s=0.01,
    put_off_s=0.05,
    ending_s=0.3,
    journal_pause_s=0.02,
    journal_pause_max_s=0.05,
    ask_again_s=0.02,
    grace_s=0.5,
    pace=0.005,
)


def release(service: str, commit: str, version: str | None = None) -> Release:
    return Release(service, ENVIRONMENT, commit=commit, version=version)


def alert(
    service: str = "api", *, ago_s: float = 60.0, fingerprint: str = "00aa11bb22cc33dd"
) -> RollbackAlert:
    """One that fires for `service` since `ago_s`."""
    labels = {"alertname": ALERT, "service": service, "environment": ENVIRONMENT, "rollback": "auto"}
    return RollbackAlert(fingerprint, time.time() - ago_s, is_firing=True, labels=labels)


def service_spec(base: Path, **more: Any) -> ServiceRollbackSpec:
    """A service that is taken back by a command, without waiting long for anything."""
    said = {
        "mode": "auto",
        "triggers": [ALERT],
        **({} if "strategy" in more else {"strategy": "command", "command": {"run": ["true"]}}),
        "verify": {"attempts": 4, "every": "1s", "in_a_row": 2, "recovery": "60s"},
        "settle": "0s",
        **more,
    }
    return ServiceRollbackSpec.model_validate(said, context={"secrets": SecretStore(base, {})})


@dataclass(slots=True)
class World:
    """All of it; tests change what they are about before they `tell`."""

    base: Path
    journal: Journal
    plans: FakePlans
    strategies: dict[str, FakeStrategy]
    evidence: FakeEvidence
    ledger: Ledger
    tempo: Tempo = FAST
    events: FakeEvents = field(default_factory=FakeEvents)
    observer: FakeObserver = field(default_factory=FakeObserver)
    proposer: FakeProposer = field(default_factory=FakeProposer)
    environ: Mapping[str, str] = field(default_factory=lambda: PATH_ONLY)
    lives: list[tuple[Worker, asyncio.Task[None]]] = field(default_factory=list)

    @property
    def plan(self) -> UnitPlan:
        assert self.plans.plan is not None
        return self.plans.plan

    def configure(self, service: str = "api", **more: Any) -> None:
        """Say more of a service, as its section in the file would."""
        plan = self.plan
        old = plan.services[service]
        services = {**plan.services, service: replace(old, spec=service_spec(self.base, **more))}
        self.plans.plan = replace(plan, services=services)

    def rule(self, **changes: Any) -> None:
        self.plans.plan = replace(self.plan, rules=replace(self.plan.rules, **changes))

    def worker(self, owner: str = "one", journal: Journal | None = None) -> Worker:
        """A handler's worker, not living yet."""
        return worker_of(
            journal or self.journal,
            self.plans,
            self.evidence,
            owner=owner,
            tempo=self.tempo,
            environ=self.environ,
            events=self.events,
            observer=self.observer,
            proposer=self.proposer,
        )

    def start(self, owner: str = "one", journal: Journal | None = None) -> Worker:
        worker = self.worker(owner, journal)
        self.lives.append((worker, asyncio.create_task(worker.live(), name=f"worker {owner}")))
        return worker

    async def stop(self) -> None:
        for worker, task in self.lives:
            await worker.end()
            await task
        self.lives.clear()

    async def tell(self, *alerts: RollbackAlert) -> tuple[str, ...]:
        """Alertmanager delivers them; the ids of new rollbacks."""
        rules = self.plan.rules
        taken = await self.journal.take([(one, rules.unit) for one in alerts], time.time())
        for worker, _ in self.lives:
            worker.wake()
        return taken.new

    async def until(
        self, rollback_id: str, wanted: Callable[[Rollback], bool], *, within_s: float = 10.0
    ) -> Rollback:
        """The row, as soon as it is as wanted."""
        deadline = time.monotonic() + within_s
        while True:
            row = await self.journal.get(rollback_id)
            assert row is not None
            if wanted(row):
                return row
            if time.monotonic() > deadline:
                steps = [
                    (step.kind, step.name, step.state, step.detail)
                    for step in await self.journal.steps(row.id)
                ]
                raise AssertionError(f"still {row.state}: {row.decision and row.decision.why} {steps}")
            await asyncio.sleep(0.01)

    async def over(self, rollback_id: str) -> Rollback:
        """The row, when nobody works on it any more and its end was told."""
        row = await self.until(rollback_id, lambda row: not row.state.is_open)
        while not any(told[::2] == (row.id, row.state.value) for told in self.events.moves):
            await asyncio.sleep(0.001)
        return row

    async def reach(self, rollback_id: str, state: State) -> Rollback:
        return await self.until(rollback_id, lambda row: row.state is state)

    async def run(self, *alerts: RollbackAlert) -> Rollback:
        """Tell, work, and see how the first one ends."""
        ids = await self.tell(*(alerts or (alert(),)))
        if not self.lives:
            self.start()
        return await self.over(ids[0])

    async def steps(self, rollback_id: str) -> list[tuple[str, str, str]]:
        return [
            (step.kind.value, step.name, step.state.value) for step in await self.journal.steps(rollback_id)
        ]

    async def step(self, rollback_id: str, kind: str) -> Step:
        """The last one of a kind."""
        return [step for step in await self.journal.steps(rollback_id) if step.kind.value == kind][-1]

    async def deployed(self, service: str, commit: str, *, ago_s: float, version: str | None = None) -> str:
        """It was deployed, and finished then; the deployment's id."""
        deployment = await self.journal.record_deployment(
            release(service, commit, version),
            DeploymentState.FINISHED,
            DeploymentSource.REPORTED,
            at=time.time() - ago_s,
        )
        return deployment.id


def worker_of(
    journal: Journal,
    plans: FakePlans,
    evidence: FakeEvidence,
    *,
    owner: str,
    tempo: Tempo = FAST,
    environ: Mapping[str, str] = PATH_ONLY,
    events: FakeEvents | None = None,
    observer: FakeObserver | None = None,
    proposer: FakeProposer | None = None,
) -> Worker:
    """A worker as the handler has it, but for what surrounds it."""
    clock = SystemClock()
    observer = observer or FakeObserver()
    tools = Tools(
        journal=journal,
        evidence=evidence,
        events=events or FakeEvents(),
        observer=observer,
        proposer=proposer or FakeProposer(),
        clock=clock,
        tempo=tempo,
        environ=environ,
    )
    services = {} if plans.plan is None else plans.plan.services
    strategies = {name: service.strategy for name, service in services.items()}
    gatherer = Gatherer(journal, evidence, strategies, clock, deadline_s=15.0)
    judge = Judge(gatherer, decide, plans, clock, observer)
    return Worker(judge, Runner(plans, tools), tools, owner=owner, rng=random.random)


def unit_rules(*services: str, **more: Any) -> UnitRules:
    triggers = MappingProxyType({service: MappingProxyType({ALERT: 1800.0}) for service in services})
    found = UnitRules(
        unit=services[0],
        environment=ENVIRONMENT,
        services=services,
        mode=Mode.AUTO,
        triggers=triggers,
        settle_s=0.0,
    )
    return replace(found, **more)


@asynccontextmanager
async def world(base: Path, *services: str, url: str | None = None) -> AsyncIterator[World]:
    """A good release two hours ago, a bad one five minutes ago, of each service."""
    services = services or ("api",)
    journal = await open_journal(url or str(base / "journal.db"))
    ledger = Ledger(base / "ledger")
    strategies = {name: FakeStrategy(ledger, running=release(name, BAD)) for name in services}
    plan = UnitPlan(
        unit_rules(*services),
        {name: ServicePlan(service_spec(base), strategies[name], base) for name in services},
    )
    here = World(base, journal, FakePlans(plan), strategies, FakeEvidence(), ledger)
    try:
        for name in services:
            await here.deployed(name, GOOD, ago_s=7200)
            await here.deployed(name, BAD, ago_s=300)
        yield here
    finally:
        await here.stop()
        await journal.close()
