"""The decision: every guard is asked, and the whole trace is the answer."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.rollback.model.decision import Decision, GuardAnswer
from rollwatch.rollback.model.words import GuardResult, Level, Mode, Verdict
from rollwatch.rollback.policy.about_alert import ABOUT_ALERT
from rollwatch.rollback.policy.about_release import ABOUT_RELEASE
from rollwatch.rollback.policy.about_surroundings import ABOUT_SURROUNDINGS
from rollwatch.rollback.policy.about_target import ABOUT_TARGET
from rollwatch.rollback.policy.case import Ask, Case, Inputs, Said, failed
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.proposal import propose
from rollwatch.rollback.policy.selection import select
from rollwatch.rollback.policy.wording import joined, name, shown
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.policy.facts import Facts, Question
    from rollwatch.rollback.policy.rules import UnitRules

__all__ = ["SENTENCE_LIMIT", "decide"]

SENTENCE_LIMIT = 400
"""Characters of a sentence in the trace."""

_ASKS: Mapping[Guard, Ask] = MappingProxyType(
    {**ABOUT_ALERT, **ABOUT_RELEASE, **ABOUT_TARGET, **ABOUT_SURROUNDINGS}
)


def decide(question: Question, facts: Facts, rules: UnitRules | None) -> Decision:
    """Whether the release is taken back now. Never raises; each guard is in the trace once, in their order.

    `rules` is None where the service is not declared in that environment. What depends on the selection
    (`fault_before`, `current`, `eligible`, …) must have been asked for the answer that `select` gives.
    """
    if rules is None:
        return _undeclared(question)
    selection = select(question, facts, rules)
    case = Case(question, facts, rules, selection)
    trace = tuple(_answer(guard, case) for guard in Guard)
    if question.expected and selection.members and not selection.is_about(question.expected):
        runs = joined(shown(each.bad) for each in selection.members)
        return Decision(
            Verdict.SUPERSEDED,
            _sentence(f"Other releases run than those that were judged first: now it is about {runs}"),
            trace,
            selection.going,
        )
    unmet = [answer for answer in trace if not answer.is_met]
    if unmet:
        return Decision(Verdict.DENY, unmet[0].why, trace, selection.going, propose(unmet, question.level))
    verdict, and_now = _positive(question, rules)
    steps = joined(f"{shown(each.bad)} to {name(each.target.shown)}" for each in selection.going)
    return Decision(verdict, _sentence(f"{steps}: {and_now}"), trace, selection.going)


def _positive(question: Question, rules: UnitRules) -> tuple[Verdict, str]:
    if question.dry_run:
        return Verdict.DRY_RUN, "it would be taken back; only the decision was asked for"
    if question.level is not Level.AUTOMATIC:
        return Verdict.PROCEED, "it is taken back"
    if rules.mode is Mode.AUTO:
        return Verdict.PROCEED, "it is taken back"
    if rules.mode is Mode.APPROVE:
        if question.approved:
            return Verdict.PROCEED, "it is taken back, as approved"
        return Verdict.ASK, "it can be taken back once somebody approves"
    return Verdict.DRY_RUN, "it would be taken back; the mode is dry-run"


def _answer(guard: Guard, case: Case) -> GuardAnswer:
    level = case.question.level
    if not guard.is_asked(level):
        return _skipped(guard, f"Not asked at level {level.value}")
    return _as_answer(guard, _ASKS[guard](case))


def _as_answer(guard: Guard, said: Said) -> GuardAnswer:
    return GuardAnswer(guard, said.result, _sentence(said.why), guard.is_hard, _plain(said.inputs))


def _skipped(guard: Guard, why: str) -> GuardAnswer:
    return GuardAnswer(guard, GuardResult.SKIPPED, _sentence(why), guard.is_hard)


def _undeclared(question: Question) -> Decision:
    said = failed(
        f"{name(question.service)} has no rollback section for environment {name(question.environment)}"
    )
    trace = tuple(
        _as_answer(guard, said)
        if guard is Guard.DECLARED
        else _skipped(guard, "Not asked: the service is not declared")
        for guard in Guard
    )
    return Decision(Verdict.DENY, _sentence(said.why), trace)


def _sentence(text: str) -> str:
    return clean(text, SENTENCE_LIMIT - 1) + "."


def _plain(inputs: Inputs) -> Inputs:
    """Fit for JSON: remote text bounded, numbers finite."""
    return {key: _fit(value) for key, value in inputs.items()}


def _fit(value: str | float | bool | None) -> str | float | bool | None:
    if isinstance(value, str):
        return name(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
