"""Steps of a running rollback. Only who has the lease writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from rollwatch.rollback.journal import codec, schema
from rollwatch.rollback.journal.moving import check_lease
from rollwatch.rollback.journal.rows import step_from
from rollwatch.rollback.model.words import StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from rollwatch.rollback.model.record import Rollback, Step

__all__ = ["ended", "noted", "started", "steps_of"]

_STEPS = schema.steps.c


def started(db: Connection, rollback: Rollback, kind: StepKind, name: str, now: float) -> Step:
    check_lease(db, rollback.id, rollback.lease_owner)
    last = db.execute(select(func.max(_STEPS.number)).where(_STEPS.rollback_id == rollback.id)).scalar()
    number = (last or 0) + 1
    db.execute(
        insert(schema.steps).values(
            rollback_id=rollback.id,
            number=number,
            kind=kind,
            name=name,
            state=StepState.STARTED,
            started_at=now,
        )
    )
    return _step(db, rollback.id, number)


def noted(db: Connection, step: Step, memo: Mapping[str, Any], owner: str | None) -> Step:
    check_lease(db, step.rollback_id, owner)
    return _changed(db, step, {"memo": codec.memo_text(memo)})


def ended(
    db: Connection, step: Step, owner: str | None, *, state: StepState, now: float, detail: str, output: str
) -> Step:
    check_lease(db, step.rollback_id, owner)
    return _changed(db, step, {"state": state, "ended_at": now, "detail": detail, "output": output})


def steps_of(db: Connection, rollback_id: str) -> Sequence[Step]:
    rows = db.execute(
        select(schema.steps).where(_STEPS.rollback_id == rollback_id).order_by(_STEPS.number)
    ).mappings()
    return [step_from(row) for row in rows]


def _changed(db: Connection, step: Step, values: Mapping[str, Any]) -> Step:
    db.execute(
        update(schema.steps)
        .where(_STEPS.rollback_id == step.rollback_id, _STEPS.number == step.number)
        .values(**values)
    )
    return _step(db, step.rollback_id, step.number)


def _step(db: Connection, rollback_id: str, number: int) -> Step:
    row = (
        db.execute(select(schema.steps).where(_STEPS.rollback_id == rollback_id, _STEPS.number == number))
        .mappings()
        .one()
    )
    return step_from(row)
