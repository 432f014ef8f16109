"""Which releases go back, and to which: read from what was deployed when, and how well it ran."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, Level
from rollwatch.rollback.policy.facts import Claim, Incident
from rollwatch.rollback.policy.target import NoTarget, Target
from support.rollback_policy_cases import (
    BAD,
    DAY,
    FACTS,
    GOOD,
    MINUTE,
    NOW,
    OLDER,
    alert,
    case,
    commit,
    deployed,
    release,
    with_deployments,
)

WEB_OLD = FACTS.deployments["web"]
WEB_NEW = deployed("7.2.0", 10 * MINUTE, "web")
ROLLBACK = {"source": DeploymentSource.ROLLBACK, "rollback_id": "rb-1"}


def target_of(
    *api: Deployment, level: Level = Level.AUTOMATIC, wanted: str | None = None, **facts: Any
) -> str:
    """The version that api would go back to, else why it can't."""
    question = {"level": level, "wanted_target": wanted}
    selection = case(question, {**with_deployments(*api), **facts}).selection
    (target,) = [each.target for each in selection.members if each.service == "api"]
    return target.why if isinstance(target, NoTarget) else target.release.version or ""


def incident(ago: float, service: str = "api") -> Incident:
    return Incident("shop", service, NOW - ago, NOW - ago)


def claim(version: str, service: str = "api") -> Claim:
    return Claim(service, release(version, service).key, "rb-1")


class TestWhichReleaseIsBad:
    def test_the_newest_finished_deployment_counts_in_whatever_order_they_come(self) -> None:
        running = replace(deployed("1.6.0", 0), state=DeploymentState.STARTED, ended_at=None)
        failed = replace(deployed("1.5.5", MINUTE), state=DeploymentState.FAILED)

        selection = case(facts=with_deployments(GOOD, failed, OLDER, BAD, running)).selection

        assert [(going.bad.version, going.bad_deployment) for going in selection.going] == [("1.5.0", BAD.id)]
        assert selection.deployed_at == BAD.started_at
        assert selection.bad_keys == (BAD.release.key,)

    def test_deploying_the_same_release_again_brings_nothing_new(self) -> None:
        again = deployed("1.5.0", 3 * MINUTE)

        selection = case(facts=with_deployments(again, BAD, GOOD)).selection

        assert [going.bad_deployment for going in selection.going] == [BAD.id]

    def test_the_bad_release_has_every_name_that_was_told(self) -> None:
        by_commit = replace(BAD, release=Release("api", "production", commit("1.5.0"), "1.5.0"))
        by_version = deployed("", 3 * MINUTE, release=Release("api", "production", None, "1.5.0"))

        selection = case(facts=with_deployments(by_version, by_commit, GOOD)).selection

        assert selection.bad_keys == (f"commit:{commit('1.5.0')}",)
        assert selection.is_about(("version:1.5.0",))
        assert not selection.is_about(("version:1.4.0",))
        assert not selection.is_about(("version:1.5.0", "version:7.1.0"))

    def test_a_rollback_makes_its_release_the_current_one(self) -> None:
        back = deployed("1.4.0", 2 * MINUTE, **ROLLBACK)

        (member,) = case(facts=with_deployments(back, BAD, GOOD)).selection.members

        assert member.bad.version == "1.4.0"
        assert member.is_ours

    def test_a_rollback_that_came_to_its_end_late_is_ours_all_the_same(self) -> None:
        """It timed out, or nobody could say; then the platform lists what it made as a deployment."""
        revert = Release("api", "production", commit("revert"))
        open_end = {"state": DeploymentState.STARTED, "ended_at": None, "release": revert}
        ours = deployed("", 45 * MINUTE, **{**ROLLBACK, **open_end})
        late = deployed("", 2 * MINUTE, release=revert)

        (member,) = case(facts=with_deployments(late, ours, deployed("1.5.0", DAY), GOOD)).selection.members
        assert member.is_ours

        # Another release ran in between: this time it was put there by somebody else.
        between = deployed("1.5.1", 20 * MINUTE)
        (member,) = case(facts=with_deployments(late, between, ours, GOOD)).selection.members
        assert not member.is_ours

    def test_a_version_and_its_tag_are_one_release(self) -> None:
        by_ci = replace(BAD, release=Release("api", "production", commit("1.5.0"), "1.5.0"))
        by_health = deployed("", 4 * MINUTE, release=Release("api", "production", None, "v1.5.0"))

        (member,) = case(facts=with_deployments(by_health, by_ci, GOOD)).selection.members

        assert member.deployment == by_ci

    def test_what_a_rollback_went_back_to_is_gone_back_to_again_however_short_it_ran(self) -> None:
        """A revert is a commit of its own: it has a name that never ran for long."""
        reverted = Release("api", "production", commit("revert"), "1.4.0")
        back = deployed("", 20 * MINUTE, release=reverted, **ROLLBACK)
        facts = with_deployments(deployed("1.5.1", 9 * MINUTE), back, BAD, GOOD)

        assert [going.target.commit for going in case(facts=facts).selection.going] == [commit("revert")]

        facts = facts | {"incidents": (incident(15 * MINUTE),)}

        assert [going.target.commit for going in case(facts=facts).selection.going] != [commit("revert")]

    @pytest.mark.parametrize(
        ("named", "web", "going"),
        [
            pytest.param("api", WEB_NEW, ["7.2.0", "1.5.0"], id="both are new: in the unit's order"),
            pytest.param("web", WEB_NEW, ["7.2.0", "1.5.0"], id="both are new: whichever alert came"),
            pytest.param("web", deployed("7.2.0", DAY, "web"), ["1.5.0"], id="only the other one is new"),
            pytest.param("api", deployed("7.2.0", DAY, "web"), ["1.5.0"], id="only the named one is new"),
            pytest.param("api", replace(WEB_NEW, **ROLLBACK), ["1.5.0"], id="a rollback is no new release"),
            pytest.param(
                "api", deployed("7.2.0", MINUTE, "web"), ["7.2.0", "1.5.0"], id="new since the alert"
            ),
        ],
    )
    def test_of_a_unit_what_is_new_goes_back(self, named: str, web: Deployment, going: list[str]) -> None:
        question = {"service": named, "alert": alert(service=named)}

        selection = case(question, with_deployments(BAD, GOOD, web=(web, *WEB_OLD))).selection

        assert [each.bad.version for each in selection.members] == going

    def test_where_nothing_is_new_the_named_service_is_shown(self) -> None:
        selection = case(facts=with_deployments(GOOD, OLDER)).selection

        assert [each.bad.version for each in selection.members] == ["1.4.0"]

    @pytest.mark.parametrize(
        ("web_ago", "going"),
        [(40 * MINUTE, ["1.4.0"]), (25 * MINUTE, ["7.2.0", "1.4.0"]), (2 * MINUTE, ["7.2.0", "1.4.0"])],
    )
    def test_by_hand_what_was_released_together_goes_back_together(
        self, web_ago: float, going: list[str]
    ) -> None:
        api = deployed("1.4.0", 9 * MINUTE)
        facts = with_deployments(api, OLDER, web=(deployed("7.2.0", web_ago, "web"), *WEB_OLD))

        selection = case({"level": Level.MANUAL, "alert": None}, facts).selection

        assert [each.bad.version for each in selection.members] == going

    def test_the_window_of_the_alert_counts_for_the_named_service(self) -> None:
        triggers = {"api": {alert().name: 2 * MINUTE}}

        selection = case(
            facts=with_deployments(BAD, GOOD, web=(WEB_NEW, *WEB_OLD)), rules={"triggers": triggers}
        ).selection

        assert [each.bad.version for each in selection.members] == ["7.2.0"]

    @pytest.mark.parametrize(
        "deployment",
        [
            replace(BAD, release=Release("api", "staging", commit("1.5.0"))),
            replace(BAD, release=Release("api", "production")),
            replace(BAD, ended_at=None),
            replace(BAD, ended_at=float("nan")),
        ],
        ids=["another environment", "without a name", "without an end", "at no time"],
    )
    def test_what_can_not_be_believed_is_not_known(self, deployment: Deployment) -> None:
        assert case(facts=with_deployments(deployment)).selection.members == ()


class TestTheTarget:
    def test_it_is_the_newest_that_was_healthy(self) -> None:
        assert target_of(BAD, GOOD, OLDER) == "1.4.0"

    @pytest.mark.parametrize(
        ("facts", "why"),
        [
            ({"claims": (claim("1.4.0"),)}, "taken back"),
            ({"incidents": (incident(2 * DAY - 10 * MINUTE),)}, "alert"),
            ({"incidents": (incident(2 * DAY - 10 * MINUTE, "web"),)}, "alert of the unit"),
        ],
    )
    def test_what_did_not_do_well_is_passed_over(self, facts: dict[str, Any], why: str) -> None:
        assert target_of(BAD, GOOD, OLDER, **facts) == "1.3.0", why

    def test_an_incident_after_its_first_half_hour_does_not_count_against_it(self) -> None:
        assert target_of(BAD, GOOD, OLDER, incidents=(incident(2 * DAY - 31 * MINUTE),)) == "1.4.0"

    def test_an_incident_of_another_unit_does_not_count(self) -> None:
        elsewhere = Incident("pay", "cards", NOW - 2 * DAY + MINUTE, NOW)

        assert target_of(BAD, GOOD, OLDER, incidents=(elsewhere,)) == "1.4.0"

    def test_the_mark_of_a_person_counts(self) -> None:
        short = deployed("1.4.0", 20 * MINUTE)

        assert target_of(BAD, short, OLDER) == "1.3.0"
        assert target_of(BAD, replace(short, marked=True), OLDER) == "1.4.0"
        assert target_of(BAD, replace(GOOD, marked=False), OLDER) == "1.3.0"

    def test_a_claim_is_stronger_than_a_mark(self) -> None:
        assert target_of(BAD, replace(GOOD, marked=True), OLDER, claims=(claim("1.4.0"),)) == "1.3.0"

    def test_a_release_that_ran_twice_counts_by_the_last_time_that_was_long_enough(self) -> None:
        again = deployed("1.4.0", 12 * MINUTE)
        between = deployed("1.4.5", 20 * MINUTE)

        assert target_of(BAD, again, between, GOOD, OLDER) == "1.4.0"

        unwell = (incident(11 * MINUTE),)
        assert target_of(BAD, again, between, GOOD, OLDER, incidents=unwell) == "1.3.0"

    def test_what_was_put_back_by_hand_is_not_taken_for_the_bad_release(self) -> None:
        """1.5.0 was bad, a person went back to 1.4.0, and it fires still: 1.3.0 helps nobody."""
        by_hand, bad = deployed("1.4.0", 4 * MINUTE), deployed("1.5.0", 12 * MINUTE)

        assert "1.4.0" in target_of(by_hand, bad, GOOD, OLDER)
        assert "ran well before, and nothing older is tried" in target_of(by_hand, bad, GOOD, OLDER)

        # An old release by mistake: the one that it replaced is newer than when it ran well.
        mistake, better = deployed("1.3.0", 4 * MINUTE), GOOD
        assert target_of(mistake, better, OLDER) == "1.4.0"

    def test_instances_that_answer_in_turn_lead_no_further_back(self) -> None:
        """A canary: health endpoints name the new release, the old one, the new one."""
        seen = {"source": DeploymentSource.HEALTH, "took": 0.0}
        turns = [deployed(f"1.{5 - turn % 2}.0", turn * MINUTE, **seen) for turn in range(1, 7)]

        assert "nothing older is tried" in target_of(*turns, GOOD, OLDER)
        assert target_of(*turns[1:], GOOD, OLDER) == "1.4.0"

    def test_the_target_is_its_last_deployment(self) -> None:
        again = deployed("1.4.0", 12 * MINUTE)

        (member,) = case(facts=with_deployments(BAD, again, deployed("1.4.5", DAY), GOOD)).selection.members

        assert isinstance(member.target, Target)
        assert member.target.deployment == again

    def test_what_may_be_the_bad_release_by_another_name_is_no_target(self) -> None:
        by_version = replace(BAD, release=Release("api", "production", None, "1.5.0"))
        by_commit = replace(GOOD, release=Release("api", "production", commit("1.4.0")))

        assert "No release" not in target_of(by_version, by_commit)
        assert target_of(by_version, by_commit).startswith("no release of api is known from before")

    def test_without_any_it_is_said_why_each_was_refused(self) -> None:
        why = target_of(BAD, deployed("1.4.0", 20 * MINUTE), OLDER, claims=(claim("1.3.0"),))

        assert "1.4.0" in why
        assert "it ran for 14 min only" in why
        assert "it was taken back before" in why

    def test_one_service_without_a_target_keeps_the_whole_unit(self) -> None:
        selection = case(facts=with_deployments(BAD, GOOD, web=(WEB_NEW,))).selection

        assert len(selection.members) == 2
        assert selection.going == ()


class TestTheTargetThatAPersonNames:
    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("1.3.0", "1.3.0"),
            (commit("1.3.0"), "1.3.0"),
            (commit("1.3.0")[:7], "1.3.0"),
            (f" {commit('1.3.0')[:12].upper()}\n", "1.3.0"),
            ("plat-13", "1.3.0"),
            (commit("1.3.0")[:6], "no finished release"),
            ("1.3", "no finished release"),
            ("", "no finished release"),
            ("--upload-pack=x", "no finished release"),
            ("1.5.0", "is what runs now"),
            ("1.2.0", "no finished release"),
        ],
    )
    def test_it_must_be_a_known_finished_release(self, wanted: str, found: str) -> None:
        older = replace(OLDER, release=replace(OLDER.release, platform_id="plat-13"))
        unfinished = replace(deployed("1.2.0", 10 * DAY), state=DeploymentState.FAILED)

        assert found in target_of(BAD, GOOD, older, unfinished, level=Level.MANUAL, wanted=wanted)

    def test_it_need_not_have_run_for_long(self) -> None:
        short = deployed("1.4.5", 12 * MINUTE)

        assert target_of(BAD, short, GOOD, level=Level.MANUAL, wanted="1.4.5") == "1.4.5"

    def test_a_name_of_two_releases_is_refused(self) -> None:
        twin = replace(OLDER, release=replace(OLDER.release, version="1.4.0"))

        assert "names 2 releases" in target_of(BAD, GOOD, twin, level=Level.MANUAL, wanted="1.4.0")

    def test_an_alert_names_none(self) -> None:
        assert target_of(BAD, GOOD, OLDER, wanted="1.3.0") == "1.4.0"
