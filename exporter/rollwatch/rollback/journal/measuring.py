"""What the figures about deployments need: rows without all that they don't look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, Select, bindparam, select

from rollwatch.rollback.journal import codec, schema
from rollwatch.rollback.journal.rows import deployment_from, unreadable
from rollwatch.rollback.journal_port import CarriedOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from rollwatch.rollback.model.release import Deployment
    from rollwatch.rollback.model.words import State

__all__ = ["CARRIED_OUT", "DEPLOYED", "carried_out", "deployed"]

_ROWS = schema.rollbacks.c
_DEPLOYED = schema.deployments.c
_NEWEST = (_DEPLOYED.started_at.desc(), _DEPLOYED.id.desc())
_LIMIT: Any = bindparam("limit", type_=Integer)

CARRIED_OUT: Select[Any] = (
    # One state at a time: several at once would have to be sorted.
    select(_ROWS.id, _ROWS.environment, _ROWS.state, _ROWS.updated_at, _ROWS.going)
    .where(
        _ROWS.state == bindparam("state"),
        _ROWS.environment == bindparam("environment"),
        _ROWS.updated_at >= bindparam("since"),
        _ROWS.going.is_not(None),
    )
    .order_by(_ROWS.id.desc())
    .limit(_LIMIT)
)
DEPLOYED: Select[Any] = (
    select(schema.deployments)
    .where(
        _DEPLOYED.environment == bindparam("environment"),
        _DEPLOYED.service == bindparam("service"),
        _DEPLOYED.started_at >= bindparam("since"),
    )
    .order_by(*_NEWEST)
    .limit(_LIMIT)
)


def carried_out(
    db: Connection, environment: str, states: Sequence[State], since: float, limit: int
) -> Sequence[CarriedOut]:
    found: list[CarriedOut] = []
    for state in states:
        asked = {"state": state, "environment": environment, "since": since, "limit": limit}
        for row in db.execute(CARRIED_OUT, asked):
            try:
                going = codec.going_from(row.going)
            except (KeyError, TypeError, ValueError) as error:
                raise unreadable("rollback", row.id, error) from None
            found.append(CarriedOut(row.id, row.environment, state, row.updated_at, going))
    return found


def deployed(
    db: Connection, environment: str, service: str, since: float, limit: int
) -> Sequence[Deployment]:
    asked = {"environment": environment, "service": service, "limit": limit}
    rows = db.execute(DEPLOYED, {**asked, "since": since}).mappings().all()
    if not rows:
        rows = db.execute(DEPLOYED, {**asked, "since": 0.0, "limit": 1}).mappings().all()
    return [deployment_from(row) for row in rows]
