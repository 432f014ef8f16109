"""Deployments, alerts, rollbacks in any order: a bad release is taken back once at most, never in a row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from rollwatch.rollback.model.alert import RollbackAlert
from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, Level, Mode, Verdict
from rollwatch.rollback.policy.decide import decide
from rollwatch.rollback.policy.facts import Claim, Facts, Incident, Question
from rollwatch.rollback.policy.selection import select
from rollwatch.rollback.strategies.strategy import Eligibility
from support.rollback_policy_cases import DAY, MINUTE, NOW, RULES, alert, commit

if TYPE_CHECKING:
    from rollwatch.rollback.model.decision import Decision

SERVICES = ("api", "web")
SERVICE = st.sampled_from(SERVICES)
VERSION = st.integers(0, 5)
# Neither how often nor how many at once is what is shown here.
GENEROUS = replace(RULES, mode=Mode.AUTO, limit_count=1000, systemic_units=1000)


class Production(RuleBasedStateMachine):
    """A unit of two services and a handler that writes down what the real one does, and forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.number = 0
        self.deployments: dict[str, list[Deployment]] = {service: [] for service in SERVICES}
        self.alerts: list[RollbackAlert] = []
        self.resolved: dict[str, float] = {}
        self.first_asked: dict[str, float] = {}
        self.expected: dict[str, tuple[str, ...]] = {}
        self.claims: list[Claim] = []
        self.running: list[tuple[str, Deployment]] = []
        self.executed: set[str] = set()
        self.taken_back: list[tuple[str, str]] = []

    @initialize()
    def has_run_for_long(self) -> None:
        for service in SERVICES:
            for version, ago in ((0, 9 * DAY), (1, 2 * DAY)):
                self._deploy(service, version, self.now - ago, self.now - ago + MINUTE)

    @rule(seconds=st.sampled_from([5.0, 10 * MINUTE, 31 * MINUTE]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(service=SERVICE, version=VERSION, by_version=st.booleans(), took=st.sampled_from([0.0, 30.0]))
    def people_deploy(self, service: str, version: int, by_version: bool, took: float) -> None:
        self.now += took
        self._deploy(service, version, self.now - took, self.now, by_version=by_version)

    @rule(service=SERVICE, late=st.sampled_from([0.0, 1.0, MINUTE]))
    def an_alert_fires(self, service: str, late: float) -> None:
        told = alert(service=service)
        self.alerts.append(
            replace(told, fingerprint=f"{service}:{len(self.alerts) % 2}", starts_at=self.now - late)
        )

    @rule(service=SERVICE, version=VERSION, blames=SERVICE, times=st.integers(0, 3))
    def people_deploy_what_is_bad(self, service: str, version: int, blames: str, times: int) -> None:
        self._deploy(service, version, self.now, self.now + 5.0)
        self.now += 10.0
        self.an_alert_fires(blames, 0.0)
        for _ in range(times):
            self.judge(self.alerts[-1])

    @rule(data=st.data())
    def an_alert_is_resolved(self, data: st.DataObject) -> None:
        if self.alerts:
            self.resolved[data.draw(st.sampled_from(self.alerts)).incident] = self.now

    @rule(data=st.data(), times=st.integers(1, 3))
    def an_alert_is_judged(self, data: st.DataObject, times: int) -> None:
        """Whichever, however late, however often: the first time, or again once it had settled."""
        if self.alerts:
            told = data.draw(st.sampled_from(self.alerts[-4:]))
            for _ in range(times):
                self.judge(told)

    @rule(finished=st.sampled_from([True, True, False]))
    def a_rollback_ends(self, finished: bool) -> None:
        if not self.running:
            return
        service, deployment = self.running.pop()
        self.deployments[service].remove(deployment)
        state = DeploymentState.FINISHED if finished else DeploymentState.FAILED
        self.deployments[service].append(replace(deployment, state=state, ended_at=self.now))

    def judge(self, told: RollbackAlert) -> None:
        """As a row of the journal is: not any more once it has executed."""
        self.now += 20.0
        if told.incident in self.executed:
            return
        decision = self._decide(told)
        self.first_asked.setdefault(told.incident, self.now)
        if decision.verdict is not Verdict.PROCEED:
            self.expected.pop(told.incident, None)
        elif told.incident in self.expected:
            self.executed.add(told.incident)
            self._execute(told, decision)
        else:
            self.expected[told.incident] = tuple(going.bad.key for going in decision.going)

    def _deploy(
        self, service: str, version: int, started_at: float, ended_at: float, *, by_version: bool = True
    ) -> None:
        which = Release(
            service, "production", commit(f"{service} {version}"), f"1.{version}" if by_version else None
        )
        self.number += 1
        self.deployments[service].append(
            Deployment(
                f"dep-{self.number}",
                which,
                DeploymentState.FINISHED,
                DeploymentSource.REPORTED,
                started_at,
                ended_at,
            )
        )

    def _decide(self, told: RollbackAlert) -> Decision:
        possible = Eligibility(possible=True, why="")
        facts = Facts(
            self.now,
            {service: tuple(reversed(every)) for service, every in self.deployments.items()},
            current=dict.fromkeys(SERVICES),
            reported=dict.fromkeys(SERVICES),
            claims=tuple(self.claims),
            flights={service: str(deployment.rollback_id) for service, deployment in self.running},
            incidents=tuple(
                Incident("shop", each.service, each.starts_at, self.now, self.resolved.get(each.incident))
                for each in self.alerts
            ),
            # As favourable as can be: what is shown must not hang on Prometheus.
            fault_before=False,
            still_firing=True,
            resolved_at=self.resolved.get(told.incident),
            eligible=dict.fromkeys(SERVICES, possible),
        )
        question = Question(
            Level.AUTOMATIC,
            "production",
            told.service,
            told,
            first_asked_at=self.first_asked.get(told.incident),
            expected=self.expected.get(told.incident, ()),
            rollback_id=f"rb-{told.incident}",
        )
        decision = decide(question, facts, GENEROUS)
        assert decision.going == select(question, facts, GENEROUS).going
        return decision

    def _execute(self, told: RollbackAlert, decision: Decision) -> None:
        rollback_id = f"rb-{told.incident}"
        assert decision.going
        for going in decision.going:
            release = (going.service, str(going.bad.commit))
            finished = [
                each
                for each in self.deployments[going.service]
                if each.state is DeploymentState.FINISHED and each.ended_at is not None
            ]
            newest = max(finished, key=lambda each: (each.ended_at or 0.0, each.started_at, each.id))
            assert release not in self.taken_back, "a release was taken back twice"
            assert going.target.commit not in {going.bad.commit, *_commits(self.taken_back, going.service)}
            assert newest.release.commit == going.bad.commit, "what is taken back is not what runs"
            assert newest.source is not DeploymentSource.ROLLBACK, "a rollback followed from another"
            self.taken_back.append(release)
            self.claims.append(Claim(going.service, going.bad.key, rollback_id))
            self.number += 1
            begun = Deployment(
                f"dep-{self.number}",
                going.target,
                DeploymentState.STARTED,
                DeploymentSource.ROLLBACK,
                self.now,
                rollback_id=rollback_id,
            )
            self.deployments[going.service].append(begun)
            self.running.append((going.service, begun))


def _commits(taken_back: list[tuple[str, str]], service: str) -> set[str]:
    return {commit for named, commit in taken_back if named == service}


TestInWhateverOrder = Production.TestCase
TestInWhateverOrder.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)


def test_one_bad_release_and_many_alerts_are_one_rollback() -> None:
    """That the model above does execute, or it would show nothing."""
    production = Production()
    production.has_run_for_long()
    production.people_deploy("api", 2, by_version=True, took=30.0)
    for _ in range(4):
        production.time_passes(5.0)
        production.an_alert_fires("api", 0.0)
    for told in production.alerts * 3:
        production.judge(told)
    production.a_rollback_ends(finished=True)
    for told in production.alerts * 3:
        production.judge(told)
    production.people_deploy("api", 2, by_version=False, took=0.0)
    production.an_alert_fires("api", 0.0)
    for told in production.alerts * 3:
        production.judge(told)

    assert production.taken_back == [("api", commit("api 2"))]
