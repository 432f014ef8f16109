"""Whatever is known: the policy answers, explains itself whole, and lets no rollback go that is forbidden."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rollwatch.rollback.model.decision import Decision
from rollwatch.rollback.model.record import Pause
from rollwatch.rollback.model.release import Deployment, same_release
from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    GuardResult,
    Level,
    Mode,
    Verdict,
)
from rollwatch.rollback.policy.decide import decide
from rollwatch.rollback.policy.facts import Claim, Facts, Incident, Question, Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.rules import Freeze, UnitRules, Weekly
from rollwatch.rollback.strategies.strategy import Eligibility
from support.rollback_policy_cases import (
    DAY,
    FACTS,
    MINUTE,
    NOW,
    QUESTION,
    RULES,
    TRIGGER,
    alert,
    release,
)
from support.rollback_policy_values import (
    ANY_TIMES,
    BY_SERVICE,
    NAMES,
    TIMES,
    UNANSWERED,
    UNIT_RULES,
    USUAL,
    ZONES,
    any_deployments,
    changed_deployment,
    facts_of,
    questions,
)


@settings(max_examples=200)
@given(questions(ANY_TIMES), facts_of(ANY_TIMES, any_deployments(ANY_TIMES), 9), st.none() | UNIT_RULES)
def test_it_always_answers_and_explains_itself_whole(
    question: Question, facts: Facts, rules: UnitRules | None
) -> None:
    _is_whole(decide(question, facts, rules), question)


@settings(max_examples=600)
@given(questions(TIMES), USUAL, UNIT_RULES)
def test_it_lets_nothing_go_that_is_forbidden_in_whatever_order_facts_come(
    question: Question, facts: Facts, rules: UnitRules
) -> None:
    decision = decide(question, facts, rules)

    event(f"{question.level.value}: {decision.verdict.value}")
    _is_whole(decision, question)
    if decision.verdict in {Verdict.PROCEED, Verdict.ASK}:
        assert _forbidden(question, facts, rules, decision) == []
    assert decide(question, _turned(facts), rules) == decision


def _turned(facts: Facts) -> Facts:
    return replace(
        facts,
        incidents=facts.incidents[::-1],
        claims=facts.claims[::-1],
        pauses=facts.pauses[::-1],
        executions=facts.executions[::-1],
        deployments={service: each[::-1] for service, each in facts.deployments.items()},
    )


WRONG_FACTS = {
    "a release that is not known": {"deployments": st.just({"api": (), "web": ()})},
    "no release to go back to": {"deployments": st.just({"api": FACTS.deployments["api"][:1], "web": ()})},
    "a pause": {"pauses": st.tuples(st.builds(Pause, st.none() | BY_SERVICE, NAMES, NAMES, TIMES))},
    "many units that fail": {"incidents": st.just(tuple(Incident(unit, "", NOW, NOW) for unit in "ab"))},
    "an alert that was resolved": {"resolved_at": TIMES},
    "a fault that is older": {"fault_before": st.just(True) | UNANSWERED},
    "an alert that is over": {"still_firing": st.just(False) | UNANSWERED},
    "a silence": {"silenced": st.just(True) | UNANSWERED},
    "a flight of a member": {"flights": st.sampled_from([{"api": "rb-1"}, {"web": "rb-1"}])},
    "a platform that is silent": {"current": st.builds(lambda silent: {"api": silent}, UNANSWERED)},
    "a platform that can't": {"eligible": st.just({"api": Eligibility(possible=False, why="")})},
    "a rollback before": {"claims": st.just((Claim("api", release("1.5.0").key, "rb-1"),))},
    "a rollback that put it there": {"deployments": changed_deployment(0, source=DeploymentSource.ROLLBACK)},
    "a migration": {"deployments": changed_deployment(0, migration=True)},
    "too many rollbacks": {"executions": st.just((NOW - MINUTE, NOW - DAY / 2))},
    "a clock that is wrong": {"now": st.floats(NOW - DAY, NOW - 20 * MINUTE)},
}
WRONG_QUESTIONS = {
    "an alert that is stale": {"first_asked_at": st.floats(NOW + 30 * MINUTE, NOW + DAY)},
    "an alert older than the release": {"alert": st.floats(7 * MINUTE, 29 * MINUTE).map(alert)},
    "a test alert": {"alert": st.just(alert(test="true"))},
    "a service that is not declared": {"service": st.just("pay")},
    "another environment": {"environment": st.just("staging")},
}
WRONG_RULES = {
    "a freeze": {
        "freezes": st.tuples(st.builds(Freeze, st.floats(0, NOW), st.floats(NOW + 1, 2 * NOW), NAMES))
    },
    "a freeze of every week": {
        "weekly": st.tuples(st.builds(Weekly, st.just(0), st.just(10_080), ZONES, NAMES))
    },
    "a window that has passed": {"triggers": st.just({"api": {TRIGGER: 30.0}})},
    "an alert that is no trigger": {"triggers": st.just({})},
}


@pytest.mark.parametrize("wrong", [*WRONG_FACTS, *WRONG_QUESTIONS, *WRONG_RULES])
@settings(max_examples=10)
@given(data=st.data())
def test_an_otherwise_good_rollback_is_stopped_by(wrong: str, data: st.DataObject) -> None:
    assert decide(QUESTION, FACTS, RULES).verdict is Verdict.PROCEED

    def spoil(good: Any, ways: dict[str, dict[str, st.SearchStrategy[Any]]]) -> Any:
        return replace(good, **{name: data.draw(values) for name, values in ways.get(wrong, {}).items()})

    question, facts, rules = (
        spoil(QUESTION, WRONG_QUESTIONS),
        spoil(FACTS, WRONG_FACTS),
        spoil(RULES, WRONG_RULES),
    )

    assert decide(question, facts, rules).verdict is Verdict.DENY


@given(st.sampled_from(["dry run of the unit", "dry run of a person", "approval"]), st.booleans())
def test_without_leave_nothing_is_done(what: str, approved: bool) -> None:
    question = replace(QUESTION, dry_run=what == "dry run of a person", approved=approved)
    mode = {"dry run of the unit": Mode.DRY_RUN, "approval": Mode.APPROVE}.get(what, Mode.AUTO)

    verdict = decide(question, FACTS, replace(RULES, mode=mode)).verdict

    assert (verdict is Verdict.PROCEED) == (what == "approval" and approved)


def _is_whole(decision: Decision, question: Question) -> None:
    assert [each.guard for each in decision.trace] == list(Guard)
    refused = [each for each in decision.trace if each.result in {GuardResult.FAIL, GuardResult.UNANSWERED}]
    for each in decision.trace:
        assert each.why.endswith(".")
        assert each.why.isprintable()
        assert not (Guard(each.guard).is_hard and each.result is GuardResult.SKIPPED) or refused
        for value in each.inputs.values():
            assert not isinstance(value, float) or math.isfinite(value)
    if decision.verdict is Verdict.DENY:
        assert refused
        assert decision.why == refused[0].why
    elif decision.verdict is Verdict.SUPERSEDED:
        assert question.expected
    else:
        assert not refused
        assert decision.going
        assert decision.proposal is None


def _forbidden(question: Question, facts: Facts, rules: UnitRules, decision: Decision) -> list[str]:
    """What speaks against it, read once more from the facts in the plainest way."""
    found = [
        *_always(question, facts, rules, decision),
        *(_unless_emergency(facts, rules, decision) if question.level is not Level.EMERGENCY else ()),
        *(_of_an_alert(question, facts, rules, decision) if question.level is Level.AUTOMATIC else ()),
    ]
    return [name for name, is_so in found if is_so]


def _finished(facts: Facts, service: str) -> list[Deployment]:
    every = [
        each
        for each in facts.deployments.get(service, ())
        if each.live_at is not None and each.release.environment == "production"
    ]
    return sorted(every, key=lambda each: (each.live_at, each.started_at, each.id), reverse=True)


def _always(question: Question, facts: Facts, rules: UnitRules, decision: Decision) -> list[tuple[str, bool]]:
    others = {service for service, flight in facts.flights.items() if flight != question.rollback_id}
    wrong = [("a flight", bool(others & set(rules.services))), ("dry run", question.dry_run)]
    for going in decision.going:
        finished = _finished(facts, going.service)
        wrong += [
            ("not what runs", not finished or not same_release(finished[0].release, going.bad)),
            ("target is bad release", same_release(going.bad, going.target)),
            ("target never ran", not any(same_release(each.release, going.target) for each in finished[1:])),
        ]
    return wrong


def _unless_emergency(facts: Facts, rules: UnitRules, decision: Decision) -> list[tuple[str, bool]]:
    every = [each for service in rules.services for each in facts.deployments.get(service, ())]
    return [
        ("paused", any(each.service in {None, *rules.services} for each in facts.pauses)),
        ("frozen", any(each.from_at <= facts.now < each.to_at for each in rules.freezes)),
        (
            "a deployment runs",
            any(
                each.state is DeploymentState.STARTED
                and each.ended_at is None
                and each.rollback_id is None
                and facts.now - each.started_at <= rules.deployment_stale_s
                for each in every
            ),
        ),
        ("the future", any(each.started_at > facts.now + rules.skew_s for each in every)),
        (
            "target is bad",
            any(
                each.service == going.service and each.release_key == going.target.key
                for each in facts.claims
                for going in decision.going
            )
            or any(
                each.marked is False and same_release(each.release, going.target)
                for each in every
                for going in decision.going
            ),
        ),
    ]


def _of_an_alert(
    question: Question, facts: Facts, rules: UnitRules, decision: Decision
) -> list[tuple[str, bool]]:
    told, is_now = question.alert, decision.verdict is Verdict.PROCEED
    assert told is not None
    first = facts.now if question.first_asked_at is None else question.first_asked_at
    brought = [
        each
        for going in decision.going
        for each in facts.deployments[going.service]
        if each.id == going.bad_deployment
    ]
    closed = -math.inf if facts.breaker_closed_at is None else facts.breaker_closed_at
    since = max(closed, facts.now - rules.limit_window_s)
    units = {
        each.unit
        for each in facts.incidents
        if each.resolved_at is None and each.last_at >= facts.now - rules.systemic_window_s
    }
    return [
        ("mode", rules.mode is Mode.DRY_RUN),
        ("not approved", rules.mode is Mode.APPROVE and not question.approved and is_now),
        ("not marked", not told.is_for_rollback or told.is_test),
        ("no trigger", told.name not in rules.triggers.get(question.service, {})),
        ("of another", (told.service, told.environment) != (question.service, "production")),
        ("resolved", not told.is_firing or facts.resolved_at is not None),
        ("stale", first - told.starts_at > rules.alert_age_max_s),
        ("alert from the future", told.starts_at > facts.now + rules.skew_s),
        ("fault is older", facts.fault_before is not False),
        ("alert is older", any(told.starts_at < each.started_at for each in brought)),
        ("over", facts.still_firing is not True),
        ("silenced", facts.silenced is not False),
        ("a rollback put it there", any(each.source is DeploymentSource.ROLLBACK for each in brought)),
        ("too often", sum(at > since for at in facts.executions) >= rules.limit_count),
        ("systemic", len(units | {rules.unit}) >= rules.systemic_units),
        (
            "twice",
            any(
                claim.service == going.service
                and claim.release_key == going.bad.key
                and claim.rollback_id != question.rollback_id
                for claim in facts.claims
                for going in decision.going
            ),
        ),
        ("platform silent", any(isinstance(facts.current[x.service], Unanswered) for x in decision.going)),
    ]  # fmt: skip
