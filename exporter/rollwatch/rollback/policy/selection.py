"""Which deployment brought the bad release, and what to go back to: for every service of the release unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.words import Level
from rollwatch.rollback.policy.history import is_nameless, keys_of, stints
from rollwatch.rollback.policy.target import NoTarget, Past, Target, healthy_target, wanted_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.policy.facts import Facts, Question
    from rollwatch.rollback.policy.history import Stint
    from rollwatch.rollback.policy.rules import UnitRules

__all__ = ["Member", "Selection", "select", "window_of"]


@dataclass(frozen=True, slots=True)
class Member:
    """A service of the unit that is to go back."""

    service: str
    bad: Release
    """What runs now by the journal, with every name that one of its deployments told."""
    deployment: Deployment
    """The one that brought it. Deploying the same release again begins nothing new."""
    is_ours: bool
    """Whether a rollback put it there."""
    target: Target | NoTarget
    keys: frozenset[str]
    """Every key that the bad release may have been written down by."""


@dataclass(frozen=True, slots=True)
class Selection:
    """In the unit's declared order; empty where no release of the named service is known."""

    members: tuple[Member, ...] = ()
    named_is_ours_since: float | None = None
    """When a rollback put there what runs of the named service; None where none did."""

    @property
    def going(self) -> tuple[Going, ...]:
        """What would be done; empty unless each has a target."""
        found = tuple(
            Going(each.service, each.bad, each.target.release, each.deployment.id)
            for each in self.members
            if isinstance(each.target, Target)
        )
        return found if len(found) == len(self.members) else ()

    @property
    def deployed_at(self) -> float | None:
        """When the first of the bad deployments began: a fault that was there before is not theirs."""
        return min((each.deployment.started_at for each in self.members), default=None)

    @property
    def bad_keys(self) -> tuple[str, ...]:
        """What `Question.expected` is at the next asking."""
        return tuple(each.bad.key for each in self.members)

    def is_about(self, expected: Iterable[str]) -> bool:
        """Whether these are the bad releases that were written down as `expected`, in the same order."""
        keys = tuple(expected)
        return len(keys) == len(self.members) and all(
            key in each.keys for key, each in zip(keys, self.members, strict=True)
        )


def select(question: Question, facts: Facts, rules: UnitRules) -> Selection:
    """What the rollback would be about. Uses deployments, claims and incidents only; never raises.

    For an alert: each service of the unit whose running release was deployed within the window before it
    began, or since. For a person: the named service, and those deployed within the window before or after it.
    Where an alert blames none of them, the named service's release is shown, and a guard refuses it.
    """
    if question.service not in rules.services:
        return Selection()
    runs = {service: _stints(question, facts, service) for service in dict.fromkeys(rules.services)}
    known = {
        service: every[0] for service, every in runs.items() if every and not is_nameless(every[0].release)
    }
    blamed = _blamed(question, rules, known)
    named = known.get(question.service)
    return Selection(
        tuple(
            _member(question, facts, rules, service, runs[service]) for service in known if service in blamed
        ),
        None if named is None else named.ours_since,
    )


def window_of(question: Question, rules: UnitRules, service: str) -> float:
    """How long after a deployment of `service` the alert may blame it, in seconds."""
    alert = question.alert
    if alert is None or service != question.service:
        return rules.window_s
    return rules.triggers.get(service, {}).get(alert.name, rules.window_s)


def _blamed(question: Question, rules: UnitRules, known: dict[str, Stint]) -> set[str]:
    named = known.get(question.service)
    if question.level is Level.AUTOMATIC:
        alert = question.alert
        recent = {
            service
            for service, stint in known.items()
            if alert is not None
            and not stint.is_ours
            and alert.starts_at - stint.live_at <= window_of(question, rules, service)
        }
        return recent or {question.service}
    if named is None:
        return set()
    together = {
        service
        for service, stint in known.items()
        if not stint.is_ours and abs(named.live_at - stint.live_at) <= rules.window_s
    }
    return together | {question.service}


def _member(
    question: Question, facts: Facts, rules: UnitRules, service: str, runs: tuple[Stint, ...]
) -> Member:
    every = tuple(facts.deployments.get(service, ()))
    past = Past(
        service,
        runs,
        every,
        facts.claims,
        tuple(
            one.starts_at
            for one in facts.incidents
            if one.unit == rules.unit or one.service in rules.services
        ),
        rules.healthy_after_s,
    )
    wanted = question.wanted_target
    by_hand = question.level is not Level.AUTOMATIC and service == question.service
    now = runs[0]
    return Member(
        service,
        now.release,
        now.brought_by,
        now.is_ours,
        wanted_target(past, wanted) if by_hand and wanted is not None else healthy_target(past),
        keys_of(now.release, every),
    )


def _stints(question: Question, facts: Facts, service: str) -> tuple[Stint, ...]:
    return stints(facts.deployments.get(service, ()), service, question.environment)
