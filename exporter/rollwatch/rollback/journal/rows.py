"""Rows of the tables as values of the model, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.rollback.journal import codec
from rollwatch.rollback.model.record import Rollback, Step, Transition
from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    Level,
    State,
    StepKind,
    StepState,
)
from rollwatch.rollback.ports import JournalFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import RowMapping

__all__ = [
    "CHANGEABLE",
    "columns_of",
    "deployment_columns",
    "deployment_from",
    "due_at",
    "rollback_from",
    "step_from",
    "transition_from",
    "unreadable",
]

CHANGEABLE = frozenset(
    {
        "asked",
        "approved_by",
        "cancel_by",
        "decision",
        "dry_run",
        "expires_at",
        "first_bad",
        "going",
        "last_asked_at",
        "outcome",
        "outcome_why",
        "settle_until",
    }
)
"""Fields of a rollback that a move may change."""

_ALWAYS = 0.0
_NEVER = 1e15
_ENCODERS: Mapping[str, Callable[[Any], str]] = {
    "decision": codec.decision_text,
    "first_bad": codec.keys_text,
    "going": codec.going_text,
}


def due_at(
    state: State, *, settle_until: float | None, expires_at: float | None, approved: bool
) -> float | None:
    """When somebody must work on a rollback that stands so; None when there is nothing left to do."""
    if not state.is_open:
        return None
    if state is State.SETTLING and settle_until is not None:
        return settle_until
    if state is State.AWAITING_APPROVAL and not approved:
        return _NEVER if expires_at is None else expires_at
    return _ALWAYS


def columns_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `Rollback` as columns."""
    return {
        name: _ENCODERS[name](value) if name in _ENCODERS and value is not None else value
        for name, value in changes.items()
    }


def rollback_from(row: RowMapping) -> Rollback:
    """Raises JournalFailed when the row was written by something else than a rollwatch of this age."""
    try:
        return Rollback(
            id=row["id"],
            version=row["version"],
            state=State(row["state"]),
            level=Level(row["level"]),
            environment=row["environment"],
            unit=row["unit"],
            service=row["service"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            alert=None if row["alert"] is None else codec.alert_from(row["alert"]),
            actor=row["actor"],
            reason=row["reason"],
            wanted_target=row["wanted_target"],
            dry_run=row["dry_run"],
            approved_by=row["approved_by"],
            decision=None if row["decision"] is None else codec.decision_from(row["decision"]),
            asked=row["asked"],
            last_asked_at=row["last_asked_at"],
            first_bad=() if row["first_bad"] is None else codec.keys_from(row["first_bad"]),
            settle_until=row["settle_until"],
            expires_at=row["expires_at"],
            going=() if row["going"] is None else codec.going_from(row["going"]),
            cancel_by=row["cancel_by"],
            outcome=None if row["outcome"] is None else State(row["outcome"]),
            outcome_why=row["outcome_why"],
            resolved_at=row["resolved_at"],
            repeats=row["repeats"],
            lease_owner=row["lease_owner"],
            lease_until=row["lease_until"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable("rollback", row["id"], error) from None


def step_from(row: RowMapping) -> Step:
    try:
        return Step(
            rollback_id=row["rollback_id"],
            number=row["number"],
            kind=StepKind(row["kind"]),
            name=row["name"],
            state=StepState(row["state"]),
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            detail=row["detail"],
            output=row["output"],
            memo=codec.memo_from(row["memo"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable("step of", row["rollback_id"], error) from None


def transition_from(row: RowMapping) -> Transition:
    try:
        return Transition(
            rollback_id=row["rollback_id"],
            at=row["at"],
            before=None if row["before"] is None else State(row["before"]),
            after=State(row["after"]),
            by=row["by"],
            why=row["why"],
        )
    except ValueError as error:
        raise unreadable("move of", row["rollback_id"], error) from None


def deployment_from(row: RowMapping) -> Deployment:
    try:
        return Deployment(
            id=row["id"],
            release=Release(
                service=row["service"],
                environment=row["environment"],
                commit=row["commit_sha"],
                version=row["version"],
                platform_id=row["platform_id"],
            ),
            state=DeploymentState(row["state"]),
            source=DeploymentSource(row["source"]),
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            migration=row["migration"],
            committed_at=row["committed_at"],
            marked=row["marked"],
            rollback_id=row["rollback_id"],
        )
    except ValueError as error:
        raise unreadable("deployment", row["id"], error) from None


def deployment_columns(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "environment": deployment.release.environment,
        "service": deployment.release.service,
        "commit_sha": deployment.release.commit,
        "version": deployment.release.version,
        "platform_id": deployment.release.platform_id,
        "state": deployment.state,
        "source": deployment.source,
        "started_at": deployment.started_at,
        "ended_at": deployment.ended_at,
        "migration": deployment.migration,
        "committed_at": deployment.committed_at,
        "marked": deployment.marked,
        "rollback_id": deployment.rollback_id,
    }


def unreadable(what: str, name: str, error: Exception) -> JournalFailed:
    """To be raised: a person must look."""
    return JournalFailed(
        f"its {what} {name} is not as this rollwatch writes it ({type(error).__name__}); "
        "was it changed by hand, or written by another version?"
    )
