"""Guards about everything else: what is running, what people forbade, what else fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import DeploymentState
from rollwatch.rollback.policy.case import Ask, Case, Said, failed, known_to_be, passed, unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.week import UnknownTime, minute_of_week
from rollwatch.rollback.policy.wording import joined, name, shown, span

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABOUT_SURROUNDINGS"]


def _single_flight(case: Case) -> Said:
    for service in _services(case):
        other = case.facts.flights.get(service)
        if other is not None and other != case.question.rollback_id:
            return failed(f"Rollback {name(other)} of {name(service)} is running", running=name(other))
    return passed("No other rollback of the unit is running")


def _no_deployment(case: Case) -> Said:
    now, stale = case.facts.now, case.rules.deployment_stale_s
    running = [
        one
        for service in _services(case)
        for one in case.facts.deployments.get(service, ())
        if one.state is DeploymentState.STARTED
        and one.ended_at is None
        and not now - one.started_at > stale
        and (one.rollback_id is None or one.rollback_id != case.question.rollback_id)
    ]
    if not running:
        return passed("No deployment of the unit is running")
    newest = max(running, key=lambda one: (one.started_at, one.id))
    age = now - newest.started_at
    return failed(
        f"The deployment of {shown(newest.release)}, begun {span(age)} ago, has not ended; it stops blocking "
        f"after {span(stale)}",
        age_s=age,
    )


def _not_frozen(case: Case) -> Said:
    now = case.facts.now
    for freeze in case.rules.freezes:
        if freeze.from_at <= now < freeze.to_at:
            return failed(
                f"Rollbacks are frozen for another {span(freeze.to_at - now)} ({name(freeze.reason)})",
                until=freeze.to_at,
            )
    for weekly in case.rules.weekly:
        minute = minute_of_week(now, weekly.time_zone)
        if isinstance(minute, UnknownTime):
            return unanswered(f"It is not known whether rollbacks are frozen: {minute.why}")
        if _within_week(minute, weekly.from_minute, weekly.to_minute):
            return failed(
                f"Rollbacks are frozen at this time of the week ({name(weekly.reason)})", minute=minute
            )
    return passed("Rollbacks are not frozen")


def _within_week(minute: int, start: int, end: int) -> bool:
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end


def _not_silenced(case: Case) -> Said:
    return known_to_be(
        case.facts.silenced,
        False,
        yes="Nobody has silenced the alert",
        no="Somebody has silenced the alert in Alertmanager",
        open_="It is not known whether the alert is silenced",
    )


def _not_paused(case: Case) -> Said:
    services = _services(case)
    pauses = sorted(
        (each for each in case.facts.pauses if each.service is None or each.service in services),
        key=lambda each: (each.service or "", each.since, each.actor),
    )
    if not pauses:
        return passed("Rollbacks are not paused")
    first = pauses[0]
    what = "Every rollback" if first.service is None else f"The rollback of {name(first.service)}"
    since = span(case.facts.now - first.since)
    return failed(f"{what} was paused by {name(first.actor)} {since} ago", since=first.since)


def _within_limit(case: Case) -> Said:
    rules, since = case.rules, case.facts.breaker_closed_at
    begun = [
        at
        for at in case.facts.executions
        if not at < case.facts.now - rules.limit_window_s and (since is None or not at <= since)
    ]
    said = failed if len(begun) >= rules.limit_count else passed
    return said(
        f"{len(begun)} automatic rollback{'' if len(begun) == 1 else 's'} of the unit in the last "
        f"{span(rules.limit_window_s)}; from {rules.limit_count} on a person decides",
        count=len(begun),
        limit=rules.limit_count,
    )


def _not_systemic(case: Case) -> Said:
    rules = case.rules
    since = case.facts.now - rules.systemic_window_s
    others = {
        each.unit for each in case.facts.incidents if each.resolved_at is None and not each.last_at < since
    } - {rules.unit}
    count = len(others) + 1
    within = span(rules.systemic_window_s)
    if count >= rules.systemic_units:
        return failed(
            f"{count} release units have rollback alerts within {within}, also "
            f"{joined(name(unit) for unit in sorted(others))}; from {rules.systemic_units} on it is no "
            "matter of one release",
            units=count,
        )
    return passed(
        f"{count} release unit{'' if count == 1 else 's'} with rollback alerts within {within}; from "
        f"{rules.systemic_units} on it is no matter of one release",
        units=count,
    )


def _services(case: Case) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*case.rules.services, case.question.service)))


ABOUT_SURROUNDINGS: Mapping[Guard, Ask] = {
    Guard.SINGLE_FLIGHT: _single_flight,
    Guard.NO_DEPLOYMENT: _no_deployment,
    Guard.NOT_FROZEN: _not_frozen,
    Guard.NOT_SILENCED: _not_silenced,
    Guard.NOT_PAUSED: _not_paused,
    Guard.WITHIN_LIMIT: _within_limit,
    Guard.NOT_SYSTEMIC: _not_systemic,
}
