"""The shapes of answers: made from these types, and published as they are. Times are Unix seconds.

Texts may hold remote text (labels, what commands said): escape them where they are shown.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    GuardResult,
    Level,
    State,
    StepKind,
    StepState,
    Verdict,
)

__all__ = [
    "ActiveTriggerJson",
    "AlertJson",
    "BreakerJson",
    "DecisionJson",
    "DeploymentJson",
    "DeploymentsJson",
    "ExplainedJson",
    "ExplanationJson",
    "GoingJson",
    "GuardJson",
    "HistoryJson",
    "PauseJson",
    "PausesJson",
    "ReleaseJson",
    "RollbackJson",
    "RunningJson",
    "StatusJson",
    "StepJson",
    "TakenJson",
    "TransitionJson",
    "TriggeredJson",
    "UnusableJson",
    "WholeJson",
]


class _Json(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class UnusableJson(_Json):
    """An alert that was not taken."""

    alert: int
    """Its number in the notification, from 1."""
    why: str
    """What is wrong with it."""


class TakenJson(_Json):
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


class ReleaseJson(_Json):
    """What can run of a service."""

    service: str
    """Whose."""
    environment: str
    """Where."""
    commit: str | None
    """A full SHA."""
    version: str | None
    """As the service says it."""
    platform_id: str | None
    """As the platform calls it."""
    shown: str
    """For a person: `1.4.2 (3f2a91c0d1e2)`."""


class GuardJson(_Json):
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


class GoingJson(_Json):
    """One service, from its bad release back to its target."""

    service: str
    """Which."""
    bad: ReleaseJson
    """What runs."""
    target: ReleaseJson
    """What it goes back to."""
    bad_deployment: str
    """The deployment that brought it."""


class DecisionJson(_Json):
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


class AlertJson(_Json):
    """The alert behind an automatic rollback."""

    name: str
    """Label alertname."""
    fingerprint: str
    """Alertmanager's, the same in each incident."""
    starts_at: float
    """When it began to fire."""
    ends_at: float | None
    """When it was resolved."""
    labels: dict[str, str]
    """All of them."""
    annotations: dict[str, str]
    """All of them, bounded."""


class StepJson(_Json):
    """One step of a rollback."""

    number: int
    """From 1."""
    kind: StepKind
    """What it does."""
    name: str
    """Of the hook or the service."""
    state: StepState
    """How it stands."""
    started_at: float
    """When it began."""
    ended_at: float | None
    """When it ended."""
    detail: str
    """One sentence."""
    output: str
    """What a command said, bounded and redacted."""


class TransitionJson(_Json):
    """A move of a rollback from state to state."""

    at: float
    """When."""
    before: State | None
    """null: it was made."""
    after: State
    """Where it went."""
    by: str
    """The handler's instance, or a person."""
    why: str
    """One sentence."""


class RollbackJson(_Json):
    """A rollback: of an alert, or of a person's wish."""

    id: str
    """Ids sort by time."""
    state: State
    """Where it stands."""
    is_open: bool
    """Whether the handler still has something to do."""
    level: Level
    """Who wants it."""
    environment: str
    """Where."""
    unit: str
    """The release unit."""
    service: str
    """What the alert or the person named."""
    alert_name: str | None
    """The alert that wants it."""
    actor: str | None
    """The person who wants it, and the token."""
    reason: str | None
    """Why, in that person's words."""
    wanted_target: str | None
    """The release that person named."""
    dry_run: bool
    """Whether only the decision was asked for."""
    why: str
    """What was decided or came of it, in one sentence."""
    going: list[GoingJson]
    """From what to what, once that is known."""
    created_at: float
    """When it was taken."""
    updated_at: float
    """When it last changed."""
    approved_by: str | None
    """Who approved it."""
    cancel_by: str | None
    """Who asked to cancel it."""
    settle_until: float | None
    """Until when it waits before every guard is asked again."""
    expires_at: float | None
    """Until when it can be approved."""
    outcome: State | None
    """What it came to."""
    resolved_at: float | None
    """When its alert was reported as resolved."""
    repeats: int
    """How often the alert came again."""


class RunningJson(RollbackJson):
    """A rollback at work."""

    steps: list[StepJson]
    """So far."""


class WholeJson(RunningJson):
    """Everything that is known of a rollback."""

    alert: AlertJson | None
    """The alert that wants it."""
    decision: DecisionJson | None
    """The last one."""
    transitions: list[TransitionJson]
    """Oldest first."""


class TriggeredJson(_Json):
    """What became of a wish."""

    id: str
    """Of the rollback."""
    state: State
    """`received`: it is not judged yet; ask again with the id."""
    why: str
    """One sentence."""
    decision: DecisionJson | None
    """The whole trace."""


class PauseJson(_Json):
    """A switch that stops new rollbacks."""

    service: str | None
    """null: of all services."""
    actor: str
    """Who paused."""
    reason: str
    """Why."""
    since: float
    """When."""


class PausesJson(_Json):
    """The pauses in force after the request."""

    pauses: list[PauseJson]
    """Empty: rollbacks are on."""
    changed: bool
    """Whether the request changed anything."""


class ActiveTriggerJson(_Json):
    """A rollback alert that fires, as far as Alertmanager has said."""

    service: str
    """Whose."""
    unit: str
    """Its release unit."""
    alert: str | None
    """Its name, where known."""
    since: float
    """When it began to fire."""
    last_at: float
    """When Alertmanager last said so."""


class StatusJson(_Json):
    """How things stand."""

    now: float
    """The handler's clock."""
    environment: str
    """Where it works."""
    paused: bool
    """Whether everything is paused."""
    pauses: list[PauseJson]
    """All of them."""
    running: list[RunningJson]
    """At work, with their steps."""
    awaiting_approval: list[RollbackJson]
    """Waiting for a person."""
    open: list[RollbackJson]
    """Waiting to be judged, or settling."""
    last: list[RollbackJson]
    """The newest ten, whatever their state."""
    active_triggers: list[ActiveTriggerJson]
    """Rollback alerts that fire."""


class HistoryJson(_Json):
    """A page of history."""

    rollbacks: list[RollbackJson]
    """Newest first."""
    next: str | None
    """What to send as `before` for the next page; null at the end."""


class BreakerJson(_Json):
    """The count began anew."""

    service: str
    """Of which service."""


class DeploymentJson(_Json):
    """One way of a release into production."""

    id: str
    """For marks."""
    release: ReleaseJson
    """What came."""
    state: DeploymentState
    """How it stands."""
    source: DeploymentSource
    """Who told of it."""
    started_at: float
    """When it began."""
    ended_at: float | None
    """When it finished or failed."""
    migration: bool
    """Whether it changed the database's schema."""
    committed_at: float | None
    """When the commit was made."""
    marked: bool | None
    """What a person said of the release."""
    rollback_id: str | None
    """The rollback that did it."""


class DeploymentsJson(_Json):
    """Deployments."""

    deployments: list[DeploymentJson]
    """Newest first."""


class ExplainedJson(_Json):
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


class ExplanationJson(_Json):
    """What would be decided about a notification now."""

    alerts: list[ExplainedJson]
    """The rollback alerts in it."""
    refusals: list[UnusableJson]
    """Those that can't be used."""
    not_for_rollback: int
    """Alerts without rollback="auto"."""
    truncated: int
    """Alerts that Alertmanager left out."""
