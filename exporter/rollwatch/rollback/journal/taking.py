"""Alerts and wishes become rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from rollwatch.rollback.journal import codec, schema
from rollwatch.rollback.journal.audit import note_move, note_received
from rollwatch.rollback.journal.rows import due_at, rollback_from
from rollwatch.rollback.journal_port import Taken
from rollwatch.rollback.model.words import Level, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from rollwatch.rollback.journal.ids import Ids
    from rollwatch.rollback.journal_port import NewRollback
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.record import Rollback

__all__ = ["create", "take"]

_ASK_AGAIN_S = 60.0
_ASKED_AGAIN = frozenset({State.DENIED, State.DRY_RUN, State.EXPIRED})
_BY = "alert"
_AT_ONCE = 500
_ROWS = schema.rollbacks.c
_DUE_NOW = due_at(State.RECEIVED, settle_until=None, expires_at=None, approved=False)


def take(db: Connection, alerts: Sequence[tuple[RollbackAlert, str]], now: float, ids: Ids) -> Taken:
    """A storm is many alerts in one notification: what is the same for many is one statement."""
    incidents = [alert.incident for alert, _ in alerts]
    known = _known(db, incidents)
    resolutions = _resolutions(db, [incident for incident in incidents if incident not in known])
    fresh: list[dict[str, Any]] = []
    asked_again: list[str] = []
    repeated: Counter[str] = Counter()
    resolved: dict[str, None] = {}
    for alert, unit in alerts:
        row = known.get(alert.incident)
        if not alert.is_firing:
            resolved[alert.incident] = None
        elif row is None:
            row = known[alert.incident] = _row(alert, unit, now, ids, resolutions.get(alert.incident))
            fresh.append(row)
        elif _is_asked_again(row, now):
            _ask_again(db, alert, row, now)
            asked_again.append(row["id"])
        else:
            repeated[row["id"]] += 1
    if fresh:
        db.execute(insert(schema.rollbacks), fresh)
        note_received(db, [row["id"] for row in fresh], at=now, by=_BY, why="the alert fires")
    _count(db, repeated, now)
    _resolve(db, resolved, known, resolutions, now)
    return Taken(
        tuple(row["id"] for row in fresh) + tuple(asked_again),
        repeated.total(),
        sum(not alert.is_firing for alert, _ in alerts),
    )


def create(db: Connection, wanted: NewRollback, now: float, ids: Ids) -> Rollback:
    rollback_id = ids.new(now)
    db.execute(
        insert(schema.rollbacks).values(
            id=rollback_id,
            version=1,
            state=State.RECEIVED,
            level=wanted.level,
            environment=wanted.environment,
            unit=wanted.unit,
            service=wanted.service,
            created_at=now,
            updated_at=now,
            actor=wanted.actor,
            reason=wanted.reason,
            wanted_target=wanted.wanted_target,
            dry_run=wanted.dry_run,
            due_at=_DUE_NOW,
        )
    )
    note_move(db, rollback_id, None, State.RECEIVED, at=now, by=wanted.actor, why=wanted.reason)
    row = db.execute(select(schema.rollbacks).where(_ROWS.id == rollback_id)).mappings().one()
    return rollback_from(row)


def _known(db: Connection, incidents: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is needed of the rows of these incidents."""
    columns = (
        _ROWS.incident,
        _ROWS.id,
        _ROWS.state,
        _ROWS.updated_at,
        _ROWS.last_asked_at,
        _ROWS.resolved_at,
    )
    return {
        row["incident"]: dict(row)
        for wanted in _pieces(incidents)
        for row in db.execute(select(*columns).where(_ROWS.incident.in_(wanted))).mappings()
    }


def _resolutions(db: Connection, incidents: Sequence[str]) -> dict[str, float]:
    """Of incidents that were resolved before their firing came."""
    of = schema.resolutions.c
    return {
        row.incident: row.at
        for wanted in _pieces(incidents)
        for row in db.execute(select(of.incident, of.at).where(of.incident.in_(wanted)))
    }


def _row(alert: RollbackAlert, unit: str, now: float, ids: Ids, resolved_at: float | None) -> dict[str, Any]:
    return {
        "id": ids.new(now),
        "version": 1,
        "state": State.RECEIVED,
        "level": Level.AUTOMATIC,
        "environment": alert.environment,
        "unit": unit,
        "service": alert.service,
        "created_at": now,
        "updated_at": now,
        "incident": alert.incident,
        "starts_at": alert.starts_at,
        "last_at": now,
        "resolved_at": resolved_at,
        "last_asked_at": None,
        "alert": codec.alert_text(alert),
        "due_at": _DUE_NOW,
    }


def _count(db: Connection, repeated: Mapping[str, int], now: float) -> None:
    for times in set(repeated.values()):
        ids = [rollback_id for rollback_id, count in repeated.items() if count == times]
        for piece in _pieces(ids):
            db.execute(
                update(schema.rollbacks)
                .where(_ROWS.id.in_(piece))
                .values(repeats=_ROWS.repeats + times, last_at=now)
            )


def _pieces(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """A statement takes so many parameters, and no more."""
    for first in range(0, len(names), _AT_ONCE):
        yield names[first : first + _AT_ONCE]


def _is_asked_again(row: dict[str, Any], now: float) -> bool:
    last = max(row["updated_at"], row["last_asked_at"] or 0.0)
    return row["state"] in _ASKED_AGAIN and row["resolved_at"] is None and now - last >= _ASK_AGAIN_S


def _ask_again(db: Connection, alert: RollbackAlert, row: dict[str, Any], now: float) -> None:
    db.execute(
        update(schema.rollbacks)
        .where(_ROWS.id == row["id"], _ROWS.state == row["state"])
        .values(
            version=_ROWS.version + 1,
            state=State.RECEIVED,
            updated_at=now,
            last_at=now,
            repeats=_ROWS.repeats + 1,
            # Its annotations may say more by now.
            alert=codec.alert_text(alert),
            approved_by=None,
            settle_until=None,
            expires_at=None,
            due_at=_DUE_NOW,
            lease_owner=None,
            lease_until=None,
        )
    )
    note_move(db, row["id"], State(row["state"]), State.RECEIVED, at=now, by=_BY, why="the alert still fires")
    row.update(state=State.RECEIVED, updated_at=now)


def _resolve(
    db: Connection,
    incidents: Iterable[str],
    known: Mapping[str, Mapping[str, Any]],
    resolutions: Mapping[str, float],
    now: float,
) -> None:
    """The first report counts. One of an incident that is not known is kept: its firing may come late."""
    unknown = []
    for incident in incidents:
        row = known.get(incident)
        if row is not None and row["resolved_at"] is None:
            db.execute(update(schema.rollbacks).where(_ROWS.id == row["id"]).values(resolved_at=now))
        elif row is None and incident not in resolutions:
            unknown.append({"incident": incident, "at": now})
    if unknown:
        db.execute(insert(schema.resolutions), unknown)
