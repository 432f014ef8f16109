"""The shapes of answers about how things stand: status, history, pauses, the breaker."""

from __future__ import annotations

from rollwatch.rollback.web.api_types import Json
from rollwatch.rollback.web.api_types_rollback import RollbackJson, RunningJson

__all__ = [
    "ActiveTriggerJson",
    "BreakerJson",
    "HistoryJson",
    "PauseJson",
    "PausesJson",
    "StatusJson",
]


class PauseJson(Json):
    """A switch that stops new rollbacks."""

    service: str | None
    """null: of all services."""
    actor: str
    """Who paused."""
    reason: str
    """Why."""
    since: float
    """When."""


class PausesJson(Json):
    """The pauses in force after the request."""

    pauses: list[PauseJson]
    """Empty: rollbacks are on."""
    changed: bool
    """Whether the request changed anything."""


class BreakerJson(Json):
    """The count began anew."""

    service: str
    """Of which service."""


class ActiveTriggerJson(Json):
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


class StatusJson(Json):
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


class HistoryJson(Json):
    """A page of history."""

    rollbacks: list[RollbackJson]
    """Newest first."""
    next: str | None
    """What to send as `before` for the next page; null at the end."""
