"""A rollback that every guard lets go, to be spoilt in one way at a time."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.model.alert import RollbackAlert
from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, Level, Mode
from rollwatch.rollback.policy.case import Case
from rollwatch.rollback.policy.decide import decide
from rollwatch.rollback.policy.facts import Facts, Question
from rollwatch.rollback.policy.rules import UnitRules
from rollwatch.rollback.policy.selection import select
from rollwatch.rollback.strategies.strategy import Eligibility

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.model.decision import Decision, GuardAnswer
    from rollwatch.rollback.policy.guard import Guard

MINUTE = 60.0
DAY = 86_400.0
NOW = 1_780_000_000.0
TRIGGER = "ApiErrorsRollback"


def commit(version: str) -> str:
    """A full SHA that is the same for the same version."""
    return sha1(version.encode(), usedforsecurity=False).hexdigest()


def release(version: str, service: str = "api") -> Release:
    return Release(service, "production", commit(version), version)


def deployed(
    version: str, ago: float, service: str = "api", took: float = MINUTE, **changes: Any
) -> Deployment:
    """A finished deployment that ended `ago` seconds before NOW."""
    plain = Deployment(
        f"dep-{service}-{version}-{ago:g}",
        release(version, service),
        DeploymentState.FINISHED,
        DeploymentSource.REPORTED,
        NOW - ago - took,
        NOW - ago,
    )
    return replace(plain, **changes)


def alert(began_ago: float = 2 * MINUTE, **labels: str) -> RollbackAlert:
    """TRIGGER of service api, firing."""
    named = {
        "alertname": TRIGGER,
        "service": "api",
        "environment": "production",
        "rollback": "auto",
        **labels,
    }
    return RollbackAlert("0123456789abcdef", NOW - began_ago, is_firing=True, labels=named)


RULES = UnitRules(
    "shop",
    "production",
    ("web", "api"),
    Mode.AUTO,
    {"api": {TRIGGER: 30 * MINUTE}, "web": {TRIGGER: 30 * MINUTE}},
)
BAD = deployed("1.5.0", 5 * MINUTE)
GOOD = deployed("1.4.0", 2 * DAY)
OLDER = deployed("1.3.0", 9 * DAY)
QUESTION = Question(Level.AUTOMATIC, "production", "api", alert(), rollback_id="rb-now")
FACTS = Facts(
    NOW,
    {
        "api": (BAD, GOOD, OLDER),
        "web": (deployed("7.1.0", 20 * DAY, "web"), deployed("7.0.0", 40 * DAY, "web")),
    },
    current={"api": release("1.5.0"), "web": release("7.1.0", "web")},
    reported={"api": "1.5.0", "web": None},
    fault_before=False,
    still_firing=True,
    eligible={"api": Eligibility(possible=True, why=""), "web": Eligibility(possible=True, why="")},
)
"""api 1.5.0 ended five minutes ago, the alert began two minutes ago; 1.4.0 ran well. web did not change."""


def case(
    question: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    rules: Mapping[str, Any] | None = None,
) -> Case:
    """The good case with some fields changed."""
    asked = replace(QUESTION, **(question or {}))
    known = replace(FACTS, **(facts or {}))
    allowed = replace(RULES, **(rules or {}))
    return Case(asked, known, allowed, select(asked, known, allowed))


def decided(of: Case) -> Decision:
    return decide(of.question, of.facts, of.rules)


def answer(decision: Decision, guard: Guard) -> GuardAnswer:
    """The one line of the trace that is about `guard`."""
    (found,) = [each for each in decision.trace if each.guard == guard]
    return found


def with_deployments(*api: Deployment, web: tuple[Deployment, ...] | None = None) -> dict[str, Any]:
    """Facts with other deployments."""
    return {"deployments": {"api": api, "web": FACTS.deployments["web"] if web is None else web}}
