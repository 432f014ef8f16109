"""What follows from the guards: the verdict, its reason, and what a person may do instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollwatch.rollback.model.record import Pause
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import GuardResult, Level, Mode, Verdict
from rollwatch.rollback.policy.decide import SENTENCE_LIMIT, decide
from rollwatch.rollback.policy.facts import Claim, Facts, Incident, Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.rules import Freeze, Weekly
from rollwatch.rollback.policy.week import UnknownTime, minute_of_week
from rollwatch.rollback.policy.wording import span
from rollwatch.rollback.strategies.strategy import Eligibility
from support.rollback_policy_cases import (
    BAD,
    DAY,
    GOOD,
    NOW,
    OLDER,
    QUESTION,
    alert,
    answer,
    case,
    decided,
    deployed,
    with_deployments,
)

EVERYTHING_WRONG: dict[str, Any] = {
    "question": {"alert": replace(alert(9 * DAY, test="true", alertname="Other"), is_firing=False)},
    "facts": {
        **with_deployments(replace(BAD, migration=True), replace(GOOD, marked=False), OLDER),
        "claims": (Claim("api", BAD.release.key, "rb-1"),),
        "executions": (NOW, NOW),
        "incidents": tuple(Incident(unit, unit, NOW, NOW) for unit in ("a", "b")),
        "pauses": (Pause(None, "anna", "", NOW),),
        "fault_before": True,
        "still_firing": False,
        "resolved_at": NOW,
        "silenced": True,
        "reported": {"api": "9"},
        "eligible": {"api": Eligibility(possible=False, why="gone")},
    },
    "rules": {"freezes": (Freeze(0, NOW + DAY, "holidays"),)},
}


class TestTheVerdict:
    @pytest.mark.parametrize(
        ("question", "rules", "verdict"),
        [
            ({}, {"mode": Mode.AUTO}, Verdict.PROCEED),
            ({}, {"mode": Mode.APPROVE}, Verdict.ASK),
            ({"approved": True}, {"mode": Mode.APPROVE}, Verdict.PROCEED),
            ({}, {"mode": Mode.DRY_RUN}, Verdict.DRY_RUN),
            ({"approved": True}, {"mode": Mode.DRY_RUN}, Verdict.DRY_RUN),
            ({"dry_run": True}, {"mode": Mode.AUTO}, Verdict.DRY_RUN),
            ({"level": Level.MANUAL, "alert": None}, {"mode": Mode.DRY_RUN}, Verdict.PROCEED),
            ({"level": Level.EMERGENCY, "alert": None}, {"mode": Mode.DRY_RUN}, Verdict.PROCEED),
            ({"level": Level.EMERGENCY, "dry_run": True}, {}, Verdict.DRY_RUN),
            ({"expected": (BAD.release.key,)}, {}, Verdict.PROCEED),
            ({"expected": ("version:1.5.0",)}, {}, Verdict.PROCEED),
            ({"expected": ("version:1.4.9",)}, {}, Verdict.SUPERSEDED),
            ({"expected": (BAD.release.key, "version:7.1.0")}, {}, Verdict.SUPERSEDED),
        ],
    )
    def test_once_every_guard_is_met(
        self, question: dict[str, Any], rules: dict[str, Any], verdict: Verdict
    ) -> None:
        decision = decided(case(question, rules=rules))

        assert decision.verdict is verdict
        assert decision.unmet == ()
        assert decision.proposal is None
        assert [(each.bad.version, each.target.version) for each in decision.going] == [("1.5.0", "1.4.0")]
        assert "api 1.5.0" in decision.why

    def test_a_newer_release_supersedes_even_where_guards_refuse(self) -> None:
        fixed = deployed("1.5.1", 0)

        decision = decided(case({"expected": (BAD.release.key,)}, with_deployments(fixed, BAD, GOOD)))

        assert decision.verdict is Verdict.SUPERSEDED
        assert "1.5.1" in decision.why

    def test_where_nothing_is_known_any_more_it_is_refused(self) -> None:
        decision = decided(case({"expected": (BAD.release.key,)}, with_deployments()))

        assert decision.verdict is Verdict.DENY

    def test_an_undeclared_service_is_refused(self) -> None:
        decision = decide(QUESTION, Facts(NOW, {}), None)

        assert decision.verdict is Verdict.DENY
        assert decision.why == "api has no rollback section for environment production."
        assert [each.guard for each in decision.trace] == list(Guard)
        assert [each.guard for each in decision.unmet] == [Guard.DECLARED]
        assert decision.proposal is None


class TestTheTrace:
    def test_every_guard_is_asked_whatever_the_others_said(self) -> None:
        decision = decided(case(**EVERYTHING_WRONG))

        assert [each.guard for each in decision.trace] == list(Guard)
        unmet = {each.guard for each in decision.unmet}
        assert unmet == set(Guard) - {
            Guard.DECLARED,
            Guard.CLOCK,
            Guard.RELEASE_KNOWN,
            Guard.RECENT_RELEASE,
            Guard.NOT_OUR_OWN,
            Guard.TARGET_KNOWN,
            Guard.TARGET_GOOD,
            Guard.SINGLE_FLIGHT,
            Guard.NO_DEPLOYMENT,
        }
        assert decision.why == answer(decision, Guard.MARKED).why

    def test_by_hand_guards_about_the_alert_are_not_asked(self) -> None:
        of = case(**{**EVERYTHING_WRONG, "question": {"level": Level.MANUAL, "alert": None}})

        decision = decided(of)

        assert {each.guard for each in decision.unmet} == {
            Guard.RELEASE_AGREES,
            Guard.TARGET_POSSIBLE,
            Guard.NO_MIGRATION,
            Guard.NOT_FROZEN,
            Guard.NOT_PAUSED,
        }
        assert answer(decision, Guard.MARKED).result is GuardResult.SKIPPED
        assert answer(decision, Guard.MARKED).why == "Not asked at level manual."

    def test_in_an_emergency_only_hard_guards_are_asked(self) -> None:
        of = case(**{**EVERYTHING_WRONG, "question": {"level": Level.EMERGENCY, "alert": None}})

        decision = decided(of)

        assert decision.verdict is Verdict.PROCEED
        assert {each.guard for each in decision.trace if each.result is not GuardResult.SKIPPED} == {
            guard for guard in Guard if guard.is_hard
        }

    @pytest.mark.parametrize(
        ("facts", "guard"),
        [
            ({"flights": {"api": "rb-9"}}, Guard.SINGLE_FLIGHT),
            (with_deployments(), Guard.RELEASE_KNOWN),
            (with_deployments(BAD), Guard.TARGET_KNOWN),
        ],
    )
    def test_nobody_skips_a_hard_guard(self, facts: dict[str, Any], guard: Guard) -> None:
        decision = decided(case({"level": Level.EMERGENCY, "alert": None}, facts))

        assert decision.verdict is Verdict.DENY
        assert guard in {each.guard for each in decision.unmet}
        assert answer(decision, guard).hard

    def test_in_an_emergency_a_bad_release_can_be_gone_back_to(self) -> None:
        facts = {"claims": (Claim("api", GOOD.release.key, "rb-1"),)}
        question = {"level": Level.EMERGENCY, "wanted_target": "1.4.0"}

        assert decided(case(question, facts)).verdict is Verdict.PROCEED
        assert decided(case({**question, "level": Level.MANUAL}, facts)).verdict is Verdict.DENY

    def test_remote_text_is_bounded_and_on_one_line(self) -> None:
        nasty = "x\n\x1b[31m\u202e\ud800" + "A" * 100_000
        hostile = Release("api", "production", None, nasty)
        of = case(
            {"alert": alert(alertname=nasty, service=nasty), "rollback_id": nasty, "wanted_target": nasty},
            {
                **with_deployments(replace(BAD, release=hostile), GOOD),
                "reported": {"api": nasty},
                "current": {"api": Unanswered(nasty)},
                "pauses": (Pause(None, nasty, nasty, NOW),),
                "flights": {"api": f"{nasty}!"},
                "claims": (Claim("api", hostile.key, f"{nasty}!"),),
                "incidents": tuple(Incident(f"{nasty}{number}", "", NOW, NOW) for number in range(9)),
            },
            {"freezes": (Freeze(0, NOW + 1, nasty),), "weekly": (Weekly(0, 0, nasty, nasty),)},
        )

        for level in Level:
            decision = decide(replace(of.question, level=level), of.facts, of.rules)
            said = [decision.why, *(each.why for each in decision.trace)]
            assert all(why.isprintable() and len(why) <= SENTENCE_LIMIT for why in said)
            values = [value for each in decision.trace for value in each.inputs.values()]
            assert all(len(value) <= 64 and value.isprintable() for value in values if isinstance(value, str))


class TestTheProposal:
    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"facts": with_deployments(replace(BAD, migration=True), GOOD)}, "hotfix"),
            ({"facts": with_deployments(BAD)}, "hotfix"),
            ({"facts": {"eligible": {"api": Eligibility(possible=False, why="main moved")}}}, "hotfix"),
            ({"facts": {"executions": (NOW, NOW)}}, "rollwatch rollback breaker"),
            ({"facts": {"pauses": (Pause(None, "anna", "", NOW),)}}, "resume"),
            ({"rules": {"freezes": (Freeze(0, NOW + 1, "x"),)}}, "level emergency"),
            ({"facts": {"still_firing": False}}, "by hand"),
            ({"facts": {"current": {}}}, "report that deployment"),
            ({"facts": {"incidents": tuple(Incident(u, u, NOW, NOW) for u in "ab")}}, "services share"),
        ],
    )
    def test_it_is_what_a_person_may_do(self, changes: dict[str, Any], says: str) -> None:
        decision = decided(case(**changes))

        assert decision.verdict is Verdict.DENY
        assert decision.proposal is not None
        assert says in decision.proposal

    def test_a_trigger_by_hand_is_not_proposed_where_it_would_be_refused_too(self) -> None:
        facts = {"still_firing": False, **with_deployments(replace(BAD, migration=True), GOOD)}

        decision = decided(case(facts=facts))

        assert decision.why == answer(decision, Guard.STILL_FIRING).why
        assert decision.proposal is not None
        assert "database" in decision.proposal

    def test_nothing_is_proposed_for_what_is_no_rollback_alert(self) -> None:
        assert decided(case({"alert": alert(test="true")})).proposal is None


class TestTheWeek:
    @pytest.mark.parametrize(
        ("at", "zone", "minute"),
        [
            (1_780_000_000.0, "UTC", 3 * 1440 + 20 * 60 + 26),
            (1_780_000_000.0, "Europe/Berlin", 3 * 1440 + 22 * 60 + 26),
            # Before and after the clocks went forward in Berlin, at 01:00 UTC.
            (1_774_745_999.0, "Europe/Berlin", 6 * 1440 + 1 * 60 + 59),
            (1_774_746_000.0, "Europe/Berlin", 6 * 1440 + 3 * 60),
        ],
    )
    def test_it_goes_by_the_clocks_of_the_place(self, at: float, zone: str, minute: int) -> None:
        assert minute_of_week(at, zone) == minute

    @pytest.mark.parametrize(
        ("at", "zone"), [(1e300, "UTC"), (float("nan"), "UTC"), (0.0, "../etc"), (0.0, "")]
    )
    def test_what_is_no_time_or_place_is_said(self, at: float, zone: str) -> None:
        assert isinstance(minute_of_week(at, zone), UnknownTime)

    @pytest.mark.parametrize(
        ("start", "end", "frozen"),
        [
            (4 * 1440, 0, False),
            (3 * 1440, 10, True),
            (3 * 1440 + 20 * 60 + 26, 3 * 1440 + 20 * 60 + 27, True),
            (3 * 1440, 3 * 1440 + 20 * 60 + 26, False),
            (3 * 1440 + 20 * 60 + 27, 3 * 1440 + 20 * 60 + 26, False),
            (0, 0, True),
        ],
    )
    def test_a_freeze_may_run_over_the_end_of_the_week(self, start: int, end: int, frozen: bool) -> None:
        decision = decided(case(rules={"weekly": (Weekly(start, end, "UTC", "quiet"),)}))

        assert (decision.verdict is Verdict.DENY) is frozen


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (1800, "30 min"),
        (1820, "30 min 20 s"),
        (-90, "1 min 30 s"),
        (3 * 3600 + 5, "3 h"),
        (2 * DAY + 4 * 3600, "2 d 4 h"),
        (1e300, "over 10 years"),
        (float("inf"), "an unknown time"),
    ],
)
def test_a_span_is_told_in_two_units_at_most(seconds: float, says: str) -> None:
    assert span(seconds) == says
