"""The shapes of answers about notifications, and what is decided about the alerts in them."""

from __future__ import annotations

from rollwatch.rollback.model.words import GuardResult, Verdict
from rollwatch.rollback.web.api_types import Json
from rollwatch.rollback.web.api_types_release import ReleaseJson

__all__ = [
    "DecisionJson",
    "ExplainedJson",
    "ExplanationJson",
    "GoingJson",
    "GuardJson",
    "TakenJson",
    "UnusableJson",
]


class UnusableJson(Json):
    """An alert that was not taken."""

    alert: int
    """Its number in the notification, from 1."""
    why: str
    """What is wrong with it."""


class TakenJson(Json):
    """What became of a notification; all of it is durable."""

    taken: int
    """Rollback alerts that now wait to be judged."""
    repeated: int
    """Known already, and nothing to ask again."""
    resolved: int
    """Rollback alerts that are over: noted, never acted on."""
    timeline: int
    """P0 and P1 alerts: seen, never acted on."""
    ignored: int
    """All others."""
    refused: int
    """Alerts that can't be used."""
    truncated: int
    """Alerts that Alertmanager left out."""
    rollbacks: list[str]
    """Ids of what was taken."""
    refusals: list[UnusableJson]
    """The first 20 that were refused."""


class GuardJson(Json):
    """One line of a decision's trace."""

    guard: str
    """Which guard."""
    result: GuardResult
    """What it answered; unanswered counts as fail."""
    hard: bool
    """Whether even an emergency can't skip it."""
    why: str
    """One sentence for a person."""
    inputs: dict[str, str | float | bool | None]
    """What it looked at."""


class GoingJson(Json):
    """One service, from its bad release back to its target."""

    service: str
    """Which."""
    bad: ReleaseJson
    """What runs."""
    target: ReleaseJson
    """What it goes back to."""
    bad_deployment: str
    """The deployment that brought it."""


class DecisionJson(Json):
    """What was decided, and why."""

    verdict: Verdict
    """The answer."""
    why: str
    """One sentence: for a denial, the first guard that was not met."""
    proposal: str | None
    """What a person may do instead."""
    going: list[GoingJson]
    """In the order in which services are taken back."""
    trace: list[GuardJson]
    """Every guard that was asked."""


class ExplainedJson(Json):
    """One rollback alert of a notification."""

    alert: str
    """Its name."""
    service: str
    """Its service."""
    environment: str
    """Its environment."""
    is_firing: bool
    """Whether it fires."""
    why: str
    """What would be decided, in one sentence."""
    decision: DecisionJson | None
    """The whole trace; null where it would not be judged."""


class ExplanationJson(Json):
    """What would be decided about a notification now."""

    alerts: list[ExplainedJson]
    """The rollback alerts in it."""
    refusals: list[UnusableJson]
    """Those that can't be used."""
    not_for_rollback: int
    """Alerts without rollback="auto"."""
    truncated: int
    """Alerts that Alertmanager left out."""
