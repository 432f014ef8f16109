"""What follows from each answer of the policy, in each state of a rollback that is not running."""

from __future__ import annotations

import pytest

from rollwatch.rollback.judge import question_of
from rollwatch.rollback.model.decision import Decision, Going
from rollwatch.rollback.model.record import Rollback
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import TRANSITIONS, Level, Mode, State, Verdict
from rollwatch.rollback.next_move import next_move
from rollwatch.rollback.policy.rules import UnitRules

NOW = 1_700_000_000.0
RULES = UnitRules("api", "production", ("api",), Mode.AUTO, settle_s=20.0, approval_ttl_s=1800.0)
BAD = Release("api", "production", commit="b" * 40)
GOING = (Going("api", BAD, Release("api", "production", commit="a" * 40), "d-2"),)
JUDGED = (State.RECEIVED, State.SETTLING, State.AWAITING_APPROVAL)


def row(state: State, level: Level = Level.AUTOMATIC, **changes: object) -> Rollback:
    more: dict[str, object] = {"approved_by": "anna"} if state is State.AWAITING_APPROVAL else {}
    return Rollback("rb-1", 3, state, level, "production", "api", "api", NOW, NOW, **(more | changes))  # type: ignore[arg-type]


def decision(verdict: Verdict) -> Decision:
    return Decision(verdict, "So it was decided.", (), () if verdict is Verdict.DENY else GOING)


@pytest.mark.parametrize(
    ("state", "verdict", "after"),
    [
        (State.RECEIVED, Verdict.DENY, State.DENIED),
        (State.RECEIVED, Verdict.DRY_RUN, State.DRY_RUN),
        (State.RECEIVED, Verdict.ASK, State.AWAITING_APPROVAL),
        (State.RECEIVED, Verdict.PROCEED, State.SETTLING),
        (State.RECEIVED, Verdict.SUPERSEDED, State.SUPERSEDED),
        (State.SETTLING, Verdict.DENY, State.DENIED),
        (State.SETTLING, Verdict.DRY_RUN, State.DRY_RUN),
        (State.SETTLING, Verdict.ASK, State.AWAITING_APPROVAL),
        (State.SETTLING, Verdict.PROCEED, State.PREPARING),
        (State.SETTLING, Verdict.SUPERSEDED, State.SUPERSEDED),
        (State.AWAITING_APPROVAL, Verdict.DENY, State.DENIED),
        (State.AWAITING_APPROVAL, Verdict.DRY_RUN, State.DENIED),
        (State.AWAITING_APPROVAL, Verdict.ASK, State.DENIED),
        (State.AWAITING_APPROVAL, Verdict.PROCEED, State.SETTLING),
        (State.AWAITING_APPROVAL, Verdict.SUPERSEDED, State.SUPERSEDED),
    ],
)
def test_each_answer_leads_to_one_state(state: State, verdict: Verdict, after: State) -> None:
    assert next_move(row(state), decision(verdict), NOW, RULES).after is after


@pytest.mark.parametrize(
    ("state", "asked", "anew"),
    [(State.RECEIVED, 0, False), (State.RECEIVED, 1, True), (State.SETTLING, 2, False)],
)
def test_what_was_refused_and_is_asked_again_is_a_new_question(state: State, asked: int, anew: bool) -> None:
    """Its alert must be fresh by now; what goes on from a decision was fresh when that was made."""
    question = question_of(row(state, asked=asked))

    assert question.is_asked_anew is anew
    assert question.first_asked_at == (NOW if asked else None)


@pytest.mark.parametrize("state", JUDGED)
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("rules", [RULES, None])
def test_every_move_is_one_that_the_journal_takes(
    state: State, verdict: Verdict, level: Level, rules: UnitRules | None
) -> None:
    move = next_move(row(state, level), decision(verdict), NOW, rules)
    assert move.after in TRANSITIONS[state]
    assert move.why


@pytest.mark.parametrize(
    ("level", "state", "settles_s"),
    [
        (Level.AUTOMATIC, State.RECEIVED, 20.0),
        (Level.AUTOMATIC, State.AWAITING_APPROVAL, 0.0),
        (Level.MANUAL, State.RECEIVED, 0.0),
        (Level.EMERGENCY, State.RECEIVED, 0.0),
    ],
)
def test_only_what_no_person_wanted_has_to_settle(level: Level, state: State, settles_s: float) -> None:
    move = next_move(row(state, level), decision(Verdict.PROCEED), NOW, RULES)
    assert move.changes["settle_until"] == NOW + settles_s


def test_what_it_was_first_about_is_kept() -> None:
    first = next_move(row(State.RECEIVED), decision(Verdict.ASK), NOW, RULES)
    assert first.changes["first_bad"] == (BAD.key,)
    assert first.changes["expires_at"] == NOW + 1800
    later = row(State.AWAITING_APPROVAL, first_bad=("version:1.4.2",))
    assert next_move(later, decision(Verdict.PROCEED), NOW, RULES).changes["first_bad"] == ("version:1.4.2",)


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.DRY_RUN])
def test_an_approval_does_not_outlive_a_denial(verdict: Verdict) -> None:
    settling = row(State.SETTLING, approved_by="anna")
    assert next_move(settling, decision(verdict), NOW, RULES).changes["approved_by"] is None


def test_a_positive_answer_without_releases_is_a_denial() -> None:
    nothing = Decision(Verdict.PROCEED, "Go.", ())
    assert next_move(row(State.RECEIVED), nothing, NOW, RULES).after is State.DENIED
