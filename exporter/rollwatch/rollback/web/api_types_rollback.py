"""The shapes of answers about single rollbacks."""

from __future__ import annotations

from rollwatch.rollback.model.words import Level, State, StepKind, StepState
from rollwatch.rollback.web.api_types import Json
from rollwatch.rollback.web.api_types_decision import DecisionJson, GoingJson

__all__ = [
    "AlertJson",
    "RollbackJson",
    "RunningJson",
    "StepJson",
    "TransitionJson",
    "TriggeredJson",
    "WholeJson",
]


class AlertJson(Json):
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


class StepJson(Json):
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


class TransitionJson(Json):
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


class RollbackJson(Json):
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


class TriggeredJson(Json):
    """What became of a wish."""

    id: str
    """Of the rollback."""
    state: State
    """`received`: it is not judged yet; ask again with the id."""
    why: str
    """One sentence."""
    decision: DecisionJson | None
    """The whole trace."""
