"""What the pages show of rollbacks and deployments: words and figures, bounded; templates escape them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import State
from rollwatch.rollback.web.api_shapes import why_of
from rollwatch.rollback.web.page_words import (
    GUARD_RESULTS,
    LEVELS,
    STATES,
    STEP_STATES,
    STEPS,
    Badge,
    block,
    guard_meaning,
    spent,
)
from rollwatch.serving.page_words import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.rollback.model.decision import Decision, Going
    from rollwatch.rollback.model.record import Rollback, Step
    from rollwatch.rollback.model.release import Deployment

__all__ = [
    "DeploymentRow",
    "GuardRow",
    "Row",
    "StepRow",
    "deployment_row",
    "guard_rows",
    "pairs",
    "row_of",
    "step_rows",
]

_NAME, _SENTENCE = 128, 600
_STEPS_MAX = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A rollback in a list, and at the head of its own page."""

    id: str
    state: State
    badge: Badge
    service: str
    unit: str | None
    """Where it is not named as the service is."""
    level: str
    who: str
    why: str
    going: tuple[tuple[str, str, str], ...]
    """Service, the bad release, the one to go back to."""
    created_at: float
    updated_at: float
    expires_at: float | None
    settle_until: float | None
    approved_by: str | None
    cancel_by: str | None
    dry_run: bool
    is_open: bool
    is_running: bool
    can_cancel: bool
    can_approve: bool
    took: str | None
    """From its arrival to its end."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step."""

    number: int
    title: str
    name: str
    badge: Badge
    started_at: float
    took: str
    detail: str
    output: str


@dataclass(frozen=True, slots=True)
class GuardRow:
    """A line of a decision's trace."""

    guard: str
    meaning: str
    badge: Badge
    why: str
    hard: bool
    inputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """A deployment in a list."""

    id: str
    service: str
    release: str
    badge: Badge
    source: str
    started_at: float
    took: str | None
    migration: bool
    marked: bool | None
    rollback_id: str | None


_DEPLOYMENTS = {
    "started": Badge("busy", "…", "under way"),
    "finished": Badge("up", "✓", "finished"),
    "failed": Badge("down", "✕", "failed"),
}
_SOURCES = {
    "reported": "reported by CI",
    "platform": "seen on the platform",
    "health": "seen in the health endpoint",
    "rollback": "by a rollback",
}


def row_of(row: Rollback, now: float) -> Row:
    """Of one rollback at `now`, in Unix seconds."""
    running = row.state.is_running
    return Row(
        id=row.id,
        state=row.state,
        badge=STATES[row.state],
        service=shown(row.service, _NAME),
        unit=None if row.unit == row.service else shown(row.unit, _NAME),
        level=LEVELS[row.level],
        who=_who(row),
        why=shown(why_of(row), _SENTENCE),
        going=_going(row.going or (() if row.decision is None else row.decision.going)),
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at if row.state is State.AWAITING_APPROVAL else None,
        settle_until=row.settle_until if row.state is State.SETTLING else None,
        approved_by=None if row.approved_by is None else shown(row.approved_by, _NAME),
        cancel_by=None if row.cancel_by is None else shown(row.cancel_by, _NAME),
        dry_run=row.dry_run,
        is_open=row.state.is_open,
        is_running=running,
        can_cancel=row.cancel_by is None
        and (row.state is State.PREPARING or (row.state.is_open and not running)),
        can_approve=row.state is State.AWAITING_APPROVAL and row.approved_by is None,
        took=None if row.state.is_open else spent(row.updated_at - row.created_at),
    )


def step_rows(steps: Sequence[Step], now: float) -> list[StepRow]:
    """The last ones of a rollback, in their order."""
    return [
        StepRow(
            number=step.number,
            title=STEPS[step.kind],
            name=shown(step.name, _NAME),
            badge=STEP_STATES[step.state],
            started_at=step.started_at,
            took=spent((now if step.ended_at is None else step.ended_at) - step.started_at),
            detail=shown(step.detail, _SENTENCE),
            output=block(step.output),
        )
        for step in steps[-_STEPS_MAX:]
    ]


def guard_rows(decision: Decision) -> list[GuardRow]:
    """Guard by guard, in the order in which they were asked."""
    return [
        GuardRow(
            guard=shown(answer.guard, 64),
            meaning=guard_meaning(answer.guard),
            badge=GUARD_RESULTS[answer.result],
            why=shown(answer.why, _SENTENCE),
            hard=answer.hard,
            inputs=tuple(
                (shown(name, 64), _input(value)) for name, value in list(answer.inputs.items())[:40]
            ),
        )
        for answer in decision.trace
    ]


def deployment_row(deployment: Deployment) -> DeploymentRow:
    took = None if deployment.ended_at is None else deployment.ended_at - deployment.started_at
    return DeploymentRow(
        id=deployment.id,
        service=shown(deployment.release.service, _NAME),
        release=shown(deployment.release.shown, _NAME),
        badge=_DEPLOYMENTS[deployment.state],
        source=_SOURCES[deployment.source],
        started_at=deployment.started_at,
        took=spent(took) if took else None,
        migration=deployment.migration,
        marked=deployment.marked,
        rollback_id=deployment.rollback_id,
    )


def pairs(given: Mapping[str, str], limit: int) -> list[tuple[str, str]]:
    """Labels or annotations: names and values, each at most `limit` characters long."""
    return [(shown(name, _NAME), shown(value, limit)) for name, value in sorted(given.items())[:64]]


def _going(going: Sequence[Going]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (shown(one.service, _NAME), shown(one.bad.shown, _NAME), shown(one.target.shown, _NAME))
        for one in going
    )


def _who(row: Rollback) -> str:
    if row.actor is not None:
        return f"{shown(row.actor, _NAME)}: {shown(row.reason or 'no reason given', _SENTENCE)}"
    return f"alert {shown('' if row.alert is None else row.alert.name, _NAME)}"


def _input(value: str | float | bool | None) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(str(value), 300)
