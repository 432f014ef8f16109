"""What a decision needs is asked of everybody at once, by one deadline, and only if a guard wants to know."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from rollwatch.rollback.evidence.gather import Gatherer
from rollwatch.rollback.journal_port import Past
from rollwatch.rollback.model.words import Level, Verdict
from rollwatch.rollback.policy.decide import decide
from rollwatch.rollback.policy.facts import Claim, Question, Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.ports import JournalFailed, ServiceNow
from rollwatch.rollback.strategies.strategy import Eligibility, PlatformFailed
from support.manual_clock import ManualClock
from support.rollback_policy_cases import BAD, FACTS, GOOD, MINUTE, NOW, QUESTION, RULES, answer, deployed

MANUAL = Question(Level.MANUAL, "production", "api", rollback_id="rb-now")
EMERGENCY = replace(MANUAL, level=Level.EMERGENCY)
BAD_WEB = deployed("7.2.0", 6 * MINUTE, "web")


@dataclass
class Ledger:
    """The journal of the case."""

    past_: Past = field(
        default_factory=lambda: Past(
            FACTS.deployments, (Claim("api", "version:0.9", "rb-1"),), executions=(NOW - 5,)
        )
    )
    failure: JournalFailed | None = None
    since: float | None = None
    incidents_since: float | None = None
    asking: str | None = None

    async def past(self, environment, services, *, since, incidents_since, rollback_id):
        assert (environment, tuple(services)) == ("production", ("web", "api"))
        self.since, self.incidents_since, self.asking = since, incidents_since, rollback_id
        if self.failure is not None:
            raise self.failure
        return self.past_


@dataclass
class World:
    """Evidence and every platform in one; `late` never answers, `failed` is a platform that fails."""

    late: frozenset[str] = frozenset()
    failed: str | None = None
    asked: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    deployed_at: float | None = None

    async def _hear(self, what):
        self.asked.append(what)
        if what in self.late:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.append(what)

    async def service_now(self, service):
        await self._hear(f"reported {service}")
        return ServiceNow("1.5.0", None, ()) if service == "api" else Unanswered("no such service")

    async def fault_before(self, alert, deployed_at):
        self.deployed_at = deployed_at
        await self._hear("fault_before")
        return False

    async def still_firing(self, alert):
        await self._hear("still_firing")
        return True

    async def silenced(self, alert):
        await self._hear("silenced")
        return False

    async def all_late_were_asked(self):
        async with asyncio.timeout(5):
            while not self.late <= set(self.asked):
                await asyncio.sleep(0)

    def strategies(self):
        return {"api": Platform(self, "api"), "web": Platform(self, "web")}


@dataclass
class SlowLedger(Ledger):
    """Fails when everybody else has been asked."""

    world: World = field(default_factory=World)

    async def past(self, environment, services, **asked):
        await self.world.all_late_were_asked()
        raise JournalFailed("the disk is full")


@dataclass
class Platform:
    world: World
    service: str

    async def current(self):
        await self.world._hear(f"current {self.service}")
        if self.world.failed == self.service:
            raise PlatformFailed("it answered 500")
        return FACTS.current[self.service]

    async def can_go_back(self, bad, target):
        await self.world._hear(f"can {self.service} {bad.version} -> {target.version}")
        if self.world.failed == self.service:
            raise PlatformFailed("it answered 500")
        return Eligibility(True, "the image is there")


def gatherer(world, ledger=None, **settings):
    clock = ManualClock(wall=NOW)
    return Gatherer(ledger or Ledger(), world, world.strategies(), clock, **({"deadline_s": 20.0} | settings))


async def test_a_decision_gets_all_that_it_needs():
    world, ledger, heard = World(), Ledger(), []
    facts = await gatherer(world, ledger, heard=lambda *said: heard.append(said)).facts(QUESTION, RULES)
    assert facts.now == NOW
    assert facts.claims == ledger.past_.claims
    assert facts.executions == (NOW - 5,)
    assert ledger.since == NOW - RULES.limit_window_s
    assert ledger.incidents_since == NOW - RULES.systemic_window_s
    assert facts.current == FACTS.current
    assert facts.reported == {"api": "1.5.0", "web": Unanswered("no such service")}
    assert (facts.still_firing, facts.silenced, facts.fault_before) == (True, False, False)
    assert facts.eligible == {"api": Eligibility(True, "the image is there")}
    assert world.deployed_at == BAD.started_at
    assert "can api 1.5.0 -> 1.4.0" in world.asked
    assert set(heard) == {("api", True), ("web", True)}
    assert decide(QUESTION, facts, RULES).verdict is Verdict.PROCEED


async def test_a_fault_must_be_younger_than_the_first_deployment_of_the_unit():
    deployments = {"api": (BAD, GOOD), "web": (BAD_WEB, *FACTS.deployments["web"])}
    world = World()
    facts = await gatherer(world, Ledger(Past(deployments))).facts(QUESTION, RULES)
    assert world.deployed_at == min(BAD.started_at, BAD_WEB.started_at)
    assert facts.eligible.keys() == {"api", "web"}


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (
            MANUAL,
            {"current api", "current web", "reported api", "reported web", "can api 1.5.0 -> 1.4.0"},
        ),
        # What nobody needs to know can't hold up an emergency.
        (EMERGENCY, set()),
    ],
)
async def test_a_person_is_not_held_up_by_questions_about_an_alert(question, asked):
    world = World()
    facts = await gatherer(world).facts(question, RULES)
    assert set(world.asked) == asked
    assert facts.deployments == FACTS.deployments
    assert isinstance(facts.fault_before, Unanswered)


@pytest.mark.parametrize(
    ("late", "missing", "guard"),
    [
        ("current api", lambda facts: facts.current["api"], Guard.RELEASE_AGREES),
        ("reported api", lambda facts: facts.reported["api"], Guard.RELEASE_AGREES),
        ("still_firing", lambda facts: facts.still_firing, Guard.STILL_FIRING),
        ("fault_before", lambda facts: facts.fault_before, Guard.FAULT_NOT_OLDER),
        ("silenced", lambda facts: facts.silenced, Guard.NOT_SILENCED),
        ("can api 1.5.0 -> 1.4.0", lambda facts: facts.eligible["api"], Guard.TARGET_POSSIBLE),
    ],
)
async def test_what_is_late_is_unanswered_and_everything_else_is_known(late, missing, guard):
    world = World(late=frozenset({late}))
    facts = await gatherer(world, deadline_s=0.3).facts(QUESTION, RULES)
    found = missing(facts)
    assert isinstance(found, Unanswered)
    assert "no answer within" in found.why
    assert world.ended == [late]
    assert len(world.asked) == 8
    decision = decide(QUESTION, facts, RULES)
    assert decision.verdict is Verdict.DENY
    assert not answer(decision, guard).is_met


async def test_a_platform_that_fails_is_unanswered():
    world, heard = World(failed="api"), []
    facts = await gatherer(world, heard=lambda *said: heard.append(said)).facts(QUESTION, RULES)
    assert facts.current["api"] == Unanswered("it answered 500")
    assert facts.eligible == {"api": Unanswered("it answered 500")}
    assert facts.current["web"] == FACTS.current["web"]
    assert set(heard) == {("api", False), ("web", True)}


async def test_without_a_known_release_nobody_is_asked_whether_the_fault_is_older():
    world = World()
    facts = await gatherer(world, Ledger(Past({}))).facts(QUESTION, RULES)
    assert world.deployed_at is None
    assert isinstance(facts.fault_before, Unanswered)
    assert facts.eligible == {}
    assert decide(QUESTION, facts, RULES).verdict is Verdict.DENY


async def test_an_alert_that_was_resolved_meanwhile_is_known_to_be():
    ledger = Ledger(Past(FACTS.deployments, resolved_at=NOW - 1))
    asking = replace(QUESTION, rollback_id="rb-now")
    facts = await gatherer(World(), ledger).facts(asking, RULES)
    assert (facts.resolved_at, ledger.asking) == (NOW - 1, "rb-now")


async def test_whoever_is_asked_meanwhile_is_not_waited_for_when_the_journal_fails():
    world = World(late=frozenset({"current api", "reported api", "still_firing", "silenced"}))
    with pytest.raises(JournalFailed):
        await gatherer(world, SlowLedger(world=world)).facts(QUESTION, RULES)
    assert set(world.ended) == world.late


async def test_whoever_gives_up_leaves_no_question_behind():
    world = World(late=frozenset({"current api", "reported api", "still_firing", "silenced"}))
    task = asyncio.create_task(gatherer(world).facts(QUESTION, RULES))
    await world.all_late_were_asked()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(world.ended) == world.late


async def test_a_journal_that_fails_is_no_answer_at_all():
    with pytest.raises(JournalFailed):
        await gatherer(World(), Ledger(failure=JournalFailed("the disk is full"))).facts(QUESTION, RULES)
