"""What is only ever added to: moves of rollbacks, and what people did besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from rollwatch.rollback.journal import schema
from rollwatch.rollback.model.words import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["note_act", "note_move", "note_received"]

_LENGTH_MAX = 2000


def note_move(
    db: Connection, rollback_id: str, before: State | None, after: State, *, at: float, by: str, why: str
) -> None:
    db.execute(
        insert(schema.transitions).values(
            rollback_id=rollback_id,
            at=at,
            before=before,
            after=after,
            by=by[:_LENGTH_MAX],
            why=why[:_LENGTH_MAX],
        )
    )


def note_received(db: Connection, rollback_ids: Sequence[str], *, at: float, by: str, why: str) -> None:
    db.execute(
        insert(schema.transitions),
        [
            {"rollback_id": one, "at": at, "before": None, "after": State.RECEIVED, "by": by, "why": why}
            for one in rollback_ids
        ],
    )


def note_act(db: Connection, actor: str, act: str, subject: str, *, at: float, reason: str = "") -> None:
    """`actor` did `act` to `subject`, for instance `pause` to the service `api`."""
    db.execute(
        insert(schema.acts).values(
            at=at, actor=actor[:_LENGTH_MAX], act=act, subject=subject, reason=reason[:_LENGTH_MAX]
        )
    )
