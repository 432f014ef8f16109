"""Forgets what is long over, a bounded piece at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete, or_, select

from rollwatch.rollback.journal import schema
from rollwatch.rollback.journal.reading import DEPLOYMENTS_MAX

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Table

__all__ = ["over_query", "prune"]

_ROWS = schema.rollbacks.c
_DEPLOYED = schema.deployments.c


def prune(db: Connection, before: float, limit: int) -> int:
    left = limit
    left -= _delete(db, schema.rollbacks, _ROWS.id, over_query(before, left))
    for environment, service in _services(db):
        old = _old_deployments(db, environment, service, before, left)
        if left > 0 and old is not None:
            left -= _delete(db, schema.deployments, _DEPLOYED.id, old)
    for table, column in (
        (schema.resolutions, schema.resolutions.c.incident),
        (schema.acts, schema.acts.c.id),
    ):
        if left > 0:
            left -= _delete(db, table, column, select(column).where(table.c.at < before).limit(left))
    return limit - left


def over_query(before: float, limit: int) -> Select[Any]:
    """Rollbacks with nothing left to do whose alert has not been delivered since either."""
    return (
        select(_ROWS.id)
        .where(
            _ROWS.due_at.is_(None),
            _ROWS.updated_at < before,
            or_(_ROWS.last_at.is_(None), _ROWS.last_at < before),
        )
        .order_by(_ROWS.updated_at)
        .limit(limit)
    )


def _services(db: Connection) -> list[tuple[str, str]]:
    rows = db.execute(select(_DEPLOYED.environment, _DEPLOYED.service).distinct())
    return [(environment, service) for environment, service in rows]


def _old_deployments(
    db: Connection, environment: str, service: str, before: float, limit: int
) -> Select[Any] | None:
    of_service = (_DEPLOYED.environment == environment, _DEPLOYED.service == service)
    # The oldest one that the policy is still told of.
    kept = db.execute(
        select(_DEPLOYED.started_at)
        .where(*of_service)
        .order_by(_DEPLOYED.started_at.desc(), _DEPLOYED.id.desc())
        .offset(DEPLOYMENTS_MAX - 1)
        .limit(1)
    ).scalar()
    if kept is None:
        return None
    return (
        select(_DEPLOYED.id)
        .where(*of_service, _DEPLOYED.started_at < min(before, kept))
        .order_by(_DEPLOYED.started_at)
        .limit(limit)
    )


def _delete(db: Connection, table: Table, key: Column[Any], which: Select[Any]) -> int:
    done = db.execute(delete(table).where(key.in_(which)))
    return int(done.rowcount)
