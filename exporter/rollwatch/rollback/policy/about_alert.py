"""Guards about the alert: is it one for rollbacks, of now, and believable."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import Mode
from rollwatch.rollback.policy.case import Ask, Case, Said, failed, known_to_be, passed
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.wording import name, span

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABOUT_ALERT"]

_NO_ALERT = failed("No alert came with it")


def _declared(case: Case) -> Said:
    question, rules = case.question, case.rules
    if question.environment != rules.environment:
        return failed(
            f"It is about environment {name(question.environment)}; this handler rolls back in "
            f"{name(rules.environment)}"
        )
    if question.service not in rules.services:
        return failed(f"Service {name(question.service)} is not declared in release unit {name(rules.unit)}")
    return passed(
        f"{name(question.service)} is declared for {name(question.environment)}", unit=name(rules.unit)
    )


def _marked(case: Case) -> Said:
    alert = case.question.alert
    if alert is None:
        return _NO_ALERT
    if alert.is_test:
        return failed(f"{name(alert.name)} is a test alert")
    if not alert.is_for_rollback:
        return failed(f'{name(alert.name)} has no label rollback="auto"')
    return passed(f"{name(alert.name)} is marked as an alert for rollbacks")


def _trigger(case: Case) -> Said:
    question, alert = case.question, case.question.alert
    if alert is None:
        return _NO_ALERT
    if (alert.service, alert.environment) != (question.service, question.environment):
        return failed(
            f"{name(alert.name)} is about {name(alert.service)} in {name(alert.environment)}, not about "
            f"{name(question.service)} in {name(question.environment)}"
        )
    if alert.name not in case.rules.triggers.get(question.service, {}):
        return failed(f"{name(alert.name)} is not among the triggers of {name(question.service)}")
    return passed(f"{name(alert.name)} is a trigger of {name(question.service)}")


def _firing(case: Case) -> Said:
    alert = case.question.alert
    if alert is None:
        return _NO_ALERT
    resolved_at = case.facts.resolved_at
    if resolved_at is not None:
        return failed(
            f"{name(alert.name)} was reported as resolved {span(case.facts.now - resolved_at)} ago",
            resolved_at=resolved_at,
        )
    if not alert.is_firing:
        return failed(f"{name(alert.name)} was delivered as resolved")
    return passed(f"{name(alert.name)} was delivered as firing")


def _clock(case: Case) -> Said:
    now, allowed = case.facts.now, case.rules.skew_s
    times = [
        (f"a deployment of {name(service)}", at)
        for service in dict.fromkeys(case.rules.services)
        for one in case.facts.deployments.get(service, ())
        for at in (one.started_at, one.ended_at)
        if at is not None
    ]
    if case.question.alert is not None:
        times.insert(0, ("the alert's beginning", case.question.alert.starts_at))
    if not all(math.isfinite(at) for at in (now, *(at for _, at in times))):
        return failed("A time is no number: nothing can be said about what came first")
    what, ahead = max(((what, at - now) for what, at in times), key=lambda each: each[1], default=("", 0.0))
    if ahead > allowed:
        return failed(
            f"By this host's clock {what} lies {span(ahead)} in the future; believed: {span(allowed)}. "
            "Look at the clocks",
            ahead_s=ahead,
        )
    for member in case.selection.members:
        brought = member.deployment
        early = 0.0 if brought.ended_at is None else brought.started_at - brought.ended_at
        if early > allowed:
            return failed(
                f"The deployment of {name(member.service)} ended {span(early)} before it began. "
                "Look at the clocks"
            )
    return passed(f"No time lies more than {span(allowed)} in the future", ahead_s=ahead)


def _fresh(case: Case) -> Said:
    question, alert = case.question, case.question.alert
    if alert is None:
        return _NO_ALERT
    first = case.facts.now if question.first_asked_at is None else question.first_asked_at
    if question.is_asked_anew and case.rules.mode is Mode.AUTO:
        # What stood in the way for hours is gone: nobody expects a rollback by itself any more.
        first = case.facts.now
    age, allowed = first - alert.starts_at, case.rules.alert_age_max_s
    said = failed if not age <= allowed else passed
    when = "before" if age >= 0 else "after"
    is_first = first == question.first_asked_at or not question.is_asked_anew
    judged = "first judged" if is_first else "judged again"
    return said(
        f"The alert began {span(age)} {when} it was {judged}; allowed: {span(allowed)}",
        age_s=age,
        allowed_s=allowed,
    )


def _still_firing(case: Case) -> Said:
    return known_to_be(
        case.facts.still_firing,
        True,
        yes="Prometheus says that the alert fires now",
        no="Prometheus says that the alert does not fire any more",
        open_="It is not known whether the alert still fires",
    )


ABOUT_ALERT: Mapping[Guard, Ask] = {
    Guard.DECLARED: _declared,
    Guard.MARKED: _marked,
    Guard.TRIGGER: _trigger,
    Guard.FIRING: _firing,
    Guard.CLOCK: _clock,
    Guard.FRESH: _fresh,
    Guard.STILL_FIRING: _still_firing,
}
