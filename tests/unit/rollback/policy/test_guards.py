"""Each guard: what lets it pass, what it refuses, and what it can't know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollwatch.rollback.model.record import Pause
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    GuardResult,
    Level,
    Mode,
    Verdict,
)
from rollwatch.rollback.policy.facts import Claim, Incident, Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.rules import Freeze, Weekly
from rollwatch.rollback.strategies.strategy import Eligibility
from support.rollback_policy_cases import (
    BAD,
    DAY,
    FACTS,
    GOOD,
    MINUTE,
    NOW,
    OLDER,
    alert,
    answer,
    case,
    commit,
    decided,
    deployed,
    release,
    with_deployments,
)

FAIL, PASS, OPEN = GuardResult.FAIL, GuardResult.PASS, GuardResult.UNANSWERED
SILENT = Unanswered("the request timed out")
UNMARKED = replace(alert(), labels={**alert().labels, "rollback": ""})
STARTED = deployed("1.6.0", 0, state=DeploymentState.STARTED, ended_at=None, started_at=NOW - MINUTE)
OURS = {"source": DeploymentSource.ROLLBACK, "rollback_id": "rb-1"}
WEB_ROLLED_BACK = (deployed("7.1.0", 4 * MINUTE, "web", **OURS), *FACTS.deployments["web"])
# NOW is a Thursday, 20:26 UTC.
THURSDAY_EVENING = Weekly(3 * 1440 + 20 * 60, 3 * 1440 + 21 * 60, "UTC", "peak hours")


def incident(unit: str, ago: float = MINUTE, **changes: Any) -> Incident:
    return replace(Incident(unit, f"{unit}-api", NOW - 9 * MINUTE, NOW - ago), **changes)


def pause(service: str | None) -> Pause:
    return Pause(service, "anna", "the database moves", NOW - 12 * MINUTE)


def facts(**changes: Any) -> dict[str, Any]:
    return {"facts": changes}


def question(**changes: Any) -> dict[str, Any]:
    return {"question": changes}


def deployments(*api: Any, **changes: Any) -> dict[str, Any]:
    return {"facts": {**with_deployments(*api), **changes}}


LONG_REFUSED = {
    "alert": alert(360 * MINUTE),
    "first_asked_at": NOW - 359 * MINUTE,
    "is_asked_anew": True,
}
ONLY_COMMIT = replace(BAD, release=Release("api", "production", commit("1.5.0")))


def by_commit(reported: str) -> dict[str, Any]:
    """CI tells commits only."""
    return deployments(ONLY_COMMIT, GOOD, reported={"api": reported})


TABLE = [
    (Guard.DECLARED, PASS, {}, "api is declared for production."),
    (Guard.DECLARED, FAIL, question(service="billing"), "billing is not declared in release unit shop"),
    (Guard.DECLARED, FAIL, question(environment="staging"), "environment staging"),
    (Guard.MARKED, PASS, {}, "is marked as an alert for rollbacks"),
    (Guard.MARKED, FAIL, question(alert=UNMARKED), 'no label rollback="auto"'),
    (Guard.MARKED, FAIL, question(alert=alert(test="true")), "is a test alert"),
    (Guard.MARKED, FAIL, question(alert=None), "No alert"),
    (Guard.TRIGGER, PASS, {}, "is a trigger of api"),
    (Guard.TRIGGER, FAIL, question(alert=alert(alertname="Disk")), "Disk is not among the triggers of api"),
    (Guard.TRIGGER, FAIL, question(alert=alert(service="web")), "is about web in production, not about api"),
    (Guard.TRIGGER, FAIL, question(alert=alert(environment="dev")), "is about api in dev, not about api in"),
    (Guard.TRIGGER, FAIL, question(alert=None), "No alert"),
    (Guard.FIRING, PASS, {}, "was delivered as firing"),
    (Guard.FIRING, FAIL, question(alert=replace(alert(), is_firing=False)), "was delivered as resolved"),
    (Guard.FIRING, FAIL, facts(resolved_at=NOW - 30), "was reported as resolved 30 s ago"),
    (Guard.FIRING, FAIL, question(alert=None), "No alert"),
    (Guard.CLOCK, PASS, {}, "more than 1 min in the future"),
    (Guard.CLOCK, PASS, question(alert=alert(-59)), "more than 1 min in the future"),
    (Guard.CLOCK, FAIL, question(alert=alert(-61)), "the alert's beginning lies 1 min 1 s in"),
    (Guard.CLOCK, FAIL, deployments(deployed("1.5.0", -2 * MINUTE), GOOD), "of api lies 2 min in"),
    (Guard.CLOCK, FAIL, deployments(replace(BAD, started_at=NOW - 60), GOOD), "ended 4 min before it began"),
    (Guard.CLOCK, FAIL, deployments(BAD, GOOD, replace(OLDER, started_at=float("nan"))), "is no number"),
    (Guard.CLOCK, FAIL, question(level=Level.MANUAL, alert=alert(-61)), "in the future"),
    (Guard.FRESH, PASS, {}, "began 2 min before it was first judged; allowed: 30 min"),
    (Guard.FRESH, FAIL, question(alert=alert(31 * MINUTE)), "began 31 min before it was first judged"),
    (Guard.FRESH, PASS, question(alert=alert(31 * MINUTE), first_asked_at=NOW - 1200), "11 min before"),
    (Guard.FRESH, PASS, question(first_asked_at=NOW - 100, is_asked_anew=True), "it was judged again"),
    (Guard.FRESH, FAIL, question(**LONG_REFUSED), "began 6 h before it was judged again"),
    (
        Guard.FRESH,
        PASS,
        {"rules": {"mode": Mode.APPROVE}, **question(**LONG_REFUSED)},
        "began 1 min before it was first judged",
    ),
    (Guard.FRESH, FAIL, question(alert=None), "No alert"),
    (Guard.RELEASE_KNOWN, PASS, {}, f"api 1.5.0 ({commit('1.5.0')[:12]}) runs"),
    (Guard.RELEASE_KNOWN, FAIL, deployments(), "No finished deployment of api was recorded"),
    (Guard.RELEASE_KNOWN, FAIL, deployments(STARTED), "nobody knows what runs"),
    (Guard.RELEASE_AGREES, PASS, {}, "agrees with the platform and its"),
    (Guard.RELEASE_AGREES, PASS, facts(current={"api": None}, reported={"api": None}), "by nothing"),
    (Guard.RELEASE_AGREES, PASS, facts(reported={"api": "v1.5.0"}), "its version v1.5.0"),
    (Guard.RELEASE_AGREES, PASS, facts(reported={"api": commit("1.5.0")[:7]}), commit("1.5.0")[:7]),
    (Guard.RELEASE_AGREES, FAIL, facts(current={"api": release("1.4.0")}), "platform says that api runs 1.4"),
    (Guard.RELEASE_AGREES, FAIL, facts(reported={"api": "1.4.0"}), "api reports version 1.4.0, by"),
    (Guard.RELEASE_AGREES, FAIL, by_commit("deadbee"), "reports version deadbee"),
    (Guard.RELEASE_AGREES, PASS, by_commit("20260201"), "version 20260201"),
    (Guard.RELEASE_AGREES, OPEN, facts(current={"api": SILENT}), "runs of api: the request timed"),
    (Guard.RELEASE_AGREES, OPEN, facts(reported={"api": SILENT}), "not known which version api reports"),
    (Guard.RELEASE_AGREES, OPEN, facts(current={}), "nobody was asked"),
    (Guard.RELEASE_AGREES, OPEN, deployments(), "not known which release runs"),
    (Guard.RECENT_RELEASE, PASS, {}, "was deployed 3 min before the alert began; allowed: 30 min"),
    (Guard.RECENT_RELEASE, PASS, question(alert=alert(5 * MINUTE + 30)), "30 s after the alert began"),
    (Guard.RECENT_RELEASE, FAIL, deployments(deployed("1.5.0", 33 * MINUTE), GOOD), "31 min before"),
    (
        Guard.RECENT_RELEASE,
        FAIL,
        deployments(BAD, deployed("1.5.0", 3 * DAY), deployed("1.4.0", 9 * DAY)),
        "2 d 23 h before the alert began",
    ),
    (Guard.RECENT_RELEASE, OPEN, deployments(), "not known which release runs"),
    (Guard.RECENT_RELEASE, FAIL, question(alert=None), "No alert"),
    (Guard.FAULT_NOT_OLDER, PASS, {}, "the alert began 4 min after the deployment of api 1.5.0"),
    (Guard.FAULT_NOT_OLDER, FAIL, question(alert=alert(6 * MINUTE + 1)), "The alert began 1 s before"),
    (Guard.FAULT_NOT_OLDER, FAIL, facts(fault_before=True), "already before the deployment"),
    (Guard.FAULT_NOT_OLDER, OPEN, facts(fault_before=SILENT), "the request timed out"),
    (Guard.FAULT_NOT_OLDER, FAIL, question(alert=None), "No alert"),
    (Guard.STILL_FIRING, PASS, {}, "fires now"),
    (Guard.STILL_FIRING, FAIL, facts(still_firing=False), "does not fire any more"),
    (Guard.STILL_FIRING, OPEN, facts(still_firing=SILENT), "still fires: the request timed out"),
    (Guard.NEVER_TWICE, PASS, {}, "was not taken back before"),
    (Guard.NEVER_TWICE, PASS, facts(claims=(Claim("api", BAD.release.key, "rb-now"),)), "was not taken back"),
    (Guard.NEVER_TWICE, PASS, facts(claims=(Claim("web", BAD.release.key, "rb-1"),)), "was not taken back"),
    (Guard.NEVER_TWICE, FAIL, facts(claims=(Claim("api", BAD.release.key, "rb-1"),)), "by rollback rb-1"),
    (Guard.NEVER_TWICE, FAIL, facts(claims=(Claim("api", "version:1.5.0", "rb-1"),)), "by rollback rb-1"),
    (Guard.NOT_OUR_OWN, PASS, {}, "was not put there by a rollback"),
    (Guard.NOT_OUR_OWN, FAIL, deployments(replace(BAD, **OURS), GOOD), "none follows from another"),
    (
        Guard.NOT_OUR_OWN,
        FAIL,
        {"facts": with_deployments(BAD, GOOD, web=WEB_ROLLED_BACK), "question": {"service": "web"}},
        "web itself was rolled back 2 min before the alert began",
    ),
    (Guard.TARGET_KNOWN, PASS, {}, "can go back to 1.4.0"),
    (Guard.TARGET_KNOWN, FAIL, deployments(BAD), "No release of api is known from before 1.5.0"),
    (Guard.TARGET_KNOWN, FAIL, deployments(BAD, deployed("1.4.0", 20 * MINUTE)), "it ran for 14 min only"),
    (Guard.TARGET_KNOWN, OPEN, deployments(), "not known which release runs"),
    (Guard.TARGET_GOOD, PASS, {}, "Nothing is known against api 1.4.0"),
    (
        Guard.TARGET_GOOD,
        FAIL,
        {
            "question": {"level": Level.MANUAL, "wanted_target": "1.4.0"},
            "facts": {"claims": (Claim("api", GOOD.release.key, "rb-1"),)},
        },
        "is no release to go back to: it was taken back before",
    ),
    (Guard.TARGET_GOOD, OPEN, deployments(BAD), "has no release to go back to"),
    (Guard.TARGET_POSSIBLE, PASS, {}, "can be gone back to"),
    (
        Guard.TARGET_POSSIBLE,
        FAIL,
        facts(eligible={"api": Eligibility(possible=False, why="main has moved on: 2 commits came after.")}),
        "can't be gone back to: main has moved on: 2 commits came after.",
    ),
    (Guard.TARGET_POSSIBLE, OPEN, facts(eligible={"api": SILENT}), "gone back to: the request timed out"),
    (Guard.TARGET_POSSIBLE, OPEN, facts(eligible={}), "nobody was asked"),
    (Guard.TARGET_POSSIBLE, OPEN, deployments(BAD), "has no release to go back to"),
    (Guard.NO_MIGRATION, PASS, {}, "No deployment of api since 1.4.0"),
    (Guard.NO_MIGRATION, PASS, deployments(BAD, replace(GOOD, migration=True), OLDER), "No deployment"),
    (Guard.NO_MIGRATION, FAIL, deployments(replace(BAD, migration=True), GOOD), "changed the database after"),
    (
        Guard.NO_MIGRATION,
        FAIL,
        deployments(
            BAD, deployed("1.4.9", DAY, migration=True, state=DeploymentState.FAILED), GOOD
        ),
        "api 1.4.9",
    ),
    (
        Guard.NO_MIGRATION,
        PASS,
        {**deployments(replace(BAD, migration=True), GOOD), "rules": {"allow_migration": True}},
        "going back over it is allowed",
    ),
    (Guard.NO_MIGRATION, OPEN, deployments(BAD), "has no release to go back to"),
    (Guard.SINGLE_FLIGHT, PASS, {}, "No other rollback of the unit is running"),
    (Guard.SINGLE_FLIGHT, PASS, facts(flights={"api": "rb-now", "billing": "rb-9"}), "No other rollback"),
    (Guard.SINGLE_FLIGHT, FAIL, facts(flights={"web": "rb-9"}), "Rollback rb-9 of web is running"),
    (Guard.NO_DEPLOYMENT, PASS, {}, "No deployment of the unit is running"),
    (Guard.NO_DEPLOYMENT, FAIL, deployments(STARTED, BAD, GOOD), "begun 1 min ago, has not ended"),
    (Guard.NO_DEPLOYMENT, PASS, deployments(BAD, GOOD, replace(STARTED, started_at=NOW - 2000.0)), "No depl"),
    (
        Guard.NO_DEPLOYMENT,
        FAIL,
        {"facts": with_deployments(BAD, GOOD, web=(replace(STARTED, release=release("8.0.0", "web")),))},
        "The deployment of web 8.0.0",
    ),
    (Guard.NOT_FROZEN, PASS, {}, "not frozen"),
    (
        Guard.NOT_FROZEN,
        FAIL,
        {"rules": {"freezes": (Freeze(NOW - 1, NOW + 2 * DAY, "year's end"),)}},
        "frozen for another 2 d (year's end)",
    ),
    (Guard.NOT_FROZEN, PASS, {"rules": {"freezes": (Freeze(NOW - DAY, NOW, "over"),)}}, "not frozen"),
    (Guard.NOT_FROZEN, FAIL, {"rules": {"weekly": (THURSDAY_EVENING,)}}, "of the week (peak hours)"),
    (
        Guard.NOT_FROZEN,
        PASS,
        {"rules": {"weekly": (replace(THURSDAY_EVENING, time_zone="Europe/Berlin"),)}},
        "not frozen",
    ),
    (
        Guard.NOT_FROZEN,
        OPEN,
        {"rules": {"weekly": (replace(THURSDAY_EVENING, time_zone="Nowhere/Land"),)}},
        "does not know the time zone Nowhere/Land",
    ),
    (Guard.NOT_SILENCED, PASS, {}, "Nobody has silenced the alert"),
    (Guard.NOT_SILENCED, FAIL, facts(silenced=True), "Somebody has silenced"),
    (Guard.NOT_SILENCED, OPEN, facts(silenced=SILENT), "the request timed out"),
    (Guard.NOT_PAUSED, PASS, facts(pauses=(pause("billing"),)), "not paused"),
    (Guard.NOT_PAUSED, FAIL, facts(pauses=(pause(None),)), "Every rollback was paused by anna 12"),
    (Guard.NOT_PAUSED, FAIL, facts(pauses=(pause("web"),)), "The rollback of web was paused by anna"),
    (Guard.WITHIN_LIMIT, PASS, facts(executions=(NOW - DAY - 1, NOW - 60)), "1 automatic rollback of"),
    (Guard.WITHIN_LIMIT, FAIL, facts(executions=(NOW - 999, NOW - 60)), "2 automatic rollbacks of"),
    (
        Guard.WITHIN_LIMIT,
        PASS,
        facts(executions=(NOW - 999, NOW - 60), breaker_closed_at=NOW - 500),
        "1 automatic rollback of",
    ),
    (Guard.NOT_SYSTEMIC, PASS, facts(incidents=(incident("shop"), incident("pay"))), "2 release units with"),
    (
        Guard.NOT_SYSTEMIC,
        FAIL,
        facts(incidents=(incident("pay"), incident("mail"))),
        "3 release units have rollback alerts within 10 min, also mail; pay",
    ),
    (
        Guard.NOT_SYSTEMIC,
        PASS,
        facts(incidents=(incident("pay"), incident("mail", resolved_at=NOW), incident("geo", 11 * MINUTE))),
        "2 release units",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("guard", "result", "changes", "says"), TABLE)
def test_a_guard_answers_with_its_figures(
    guard: Guard, result: GuardResult, changes: dict[str, Any], says: str
) -> None:
    decision = decided(case(**changes))

    said = answer(decision, guard)
    assert said.result is result
    assert says in said.why
    assert (decision.verdict is Verdict.DENY) >= (result is not PASS)


def test_the_table_has_a_pass_and_a_refusal_of_every_guard() -> None:
    assert {guard for guard, result, *_ in TABLE if result is PASS} == set(Guard)
    assert {guard for guard, result, *_ in TABLE if result is FAIL} == set(Guard)


def test_every_guard_says_what_it_means_and_hard_ones_are_asked_always() -> None:
    assert len({guard.meaning for guard in Guard}) == len(Guard)
    assert all(guard.meaning.endswith(".") for guard in Guard)
    assert {guard for guard in Guard if guard.is_hard} == {
        guard for guard in Guard if guard.is_asked(Level.EMERGENCY)
    }
    assert all(guard.levels == tuple(Level) for guard in Guard if guard.is_hard)
    assert all(guard.is_asked(Level.AUTOMATIC) for guard in Guard)
