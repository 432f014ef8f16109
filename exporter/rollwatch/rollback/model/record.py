"""What the journal holds of a rollback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.decision import Decision, Going
    from rollwatch.rollback.model.words import Level, State, StepKind, StepState

__all__ = ["Pause", "Rollback", "Step", "Transition"]


@dataclass(frozen=True, slots=True)
class Rollback:
    """One row: an incident (automatic) or a request of a person, from `received` to its outcome.

    `version` grows with each write; a write that finds another one fails. Times are Unix seconds.
    """

    id: str
    version: int
    state: State
    level: Level
    environment: str
    unit: str
    service: str
    """The service that the alert or the person named."""
    created_at: float
    updated_at: float
    alert: RollbackAlert | None = None
    actor: str | None = None
    """Who triggered it; None where an alert did."""
    reason: str | None = None
    wanted_target: str | None = None
    """A release (commit, version or platform id) that the person named; the policy checks it."""
    dry_run: bool = False
    """The person asked for the decision only."""
    approved_by: str | None = None
    decision: Decision | None = None
    """The last one."""
    asked: int = 0
    """How often the policy was asked."""
    last_asked_at: float | None = None
    first_bad: tuple[str, ...] = ()
    """The keys of the releases that the first positive decision was about: another one supersedes."""
    settle_until: float | None = None
    expires_at: float | None = None
    """Until when it can be approved."""
    going: tuple[Going, ...] = ()
    """Fixed when `preparing` began; written down before anything is called."""
    cancel_by: str | None = None
    """Who asked to cancel it; looked at before the point of no return."""
    outcome: State | None = None
    """Set with `finishing`; becomes the state."""
    outcome_why: str | None = None
    """One sentence for a person."""
    resolved_at: float | None = None
    """When the alert was reported as resolved; never stops a running rollback."""
    repeats: int = 0
    """Deliveries of the same incident after the first."""
    lease_owner: str | None = None
    lease_until: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a running rollback, written before it is taken. `number` counts from 1."""

    rollback_id: str
    number: int
    kind: StepKind
    name: str
    """Of the hook or the service."""
    state: StepState
    started_at: float
    ended_at: float | None = None
    detail: str = ""
    """One bounded sentence, free of secrets."""
    output: str = ""
    """What a command said: bounded, redacted."""
    memo: Mapping[str, Any] = field(default_factory=dict)
    """What a strategy must know after a crash; written before each call that can't be taken back."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A move in the journal's audit: append-only."""

    rollback_id: str
    at: float
    before: State | None
    after: State
    by: str
    """The handler instance, or the person."""
    why: str


@dataclass(frozen=True, slots=True)
class Pause:
    """The switch that stops new automatic and manual rollbacks; `service` None is all of them."""

    service: str | None
    actor: str
    reason: str
    since: float
