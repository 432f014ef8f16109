"""Leases, and moves by compare-and-set: of two handlers one writes, the other is told that it is too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from rollwatch.rollback.journal import schema
from rollwatch.rollback.journal.audit import note_move
from rollwatch.rollback.journal.rows import CHANGEABLE, columns_of, due_at, rollback_from
from rollwatch.rollback.journal_port import Busy
from rollwatch.rollback.model.words import TRANSITIONS, Level, State
from rollwatch.rollback.ports import LostLease

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from rollwatch.rollback.model.record import Rollback

__all__ = [
    "approve",
    "assert_begins",
    "assert_moves",
    "begin",
    "cancel",
    "check_lease",
    "drop_claims",
    "found",
    "lease",
    "move",
    "release",
    "renew",
]

_ROWS = schema.rollbacks.c
_BEFORE_PREPARING = frozenset({State.RECEIVED, State.AWAITING_APPROVAL, State.SETTLING})


def found(db: Connection, rollback_id: str) -> Rollback | None:
    row = db.execute(select(schema.rollbacks).where(_ROWS.id == rollback_id)).mappings().one_or_none()
    return None if row is None else rollback_from(row)


def lease(db: Connection, rollback_id: str, owner: str, now: float, until: float) -> Rollback | None:
    done = db.execute(
        update(schema.rollbacks)
        .where(
            _ROWS.id == rollback_id,
            _ROWS.due_at.is_not(None),
            or_(_ROWS.lease_owner.is_(None), _ROWS.lease_owner == owner, _ROWS.lease_until <= now),
        )
        .values(lease_owner=owner, lease_until=until)
    )
    return found(db, rollback_id) if done.rowcount == 1 else None


def renew(db: Connection, rollback_id: str, owner: str, until: float) -> bool:
    done = db.execute(
        update(schema.rollbacks)
        .where(_ROWS.id == rollback_id, _ROWS.lease_owner == owner)
        .values(lease_until=until)
    )
    return done.rowcount == 1


def release(db: Connection, rollback_id: str, owner: str) -> None:
    db.execute(
        update(schema.rollbacks)
        .where(_ROWS.id == rollback_id, _ROWS.lease_owner == owner)
        .values(lease_owner=None, lease_until=None)
    )


def check_lease(db: Connection, rollback_id: str, owner: str | None) -> None:
    """Raises LostLease unless `owner` has the row."""
    has = db.execute(select(_ROWS.lease_owner).where(_ROWS.id == rollback_id)).scalar()
    if owner is None or has != owner:
        raise LostLease(f"{rollback_id} is not leased by {owner or 'anybody here'} any more")


def assert_moves(before: State, after: State, changes: Mapping[str, Any]) -> None:
    """Raises AssertionError: a mistake of whoever moves it, not of the moment."""
    if after is not before and after not in TRANSITIONS[before]:
        raise AssertionError(f"{before} does not lead to {after}")
    if after is not before and after is State.PREPARING:
        raise AssertionError("preparing is reached by begin only, which takes flights and claims")
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise AssertionError(f"a move can't change {', '.join(sorted(unknown))}")


def move(
    db: Connection,
    rollback: Rollback,
    after: State,
    changes: Mapping[str, Any],
    *,
    now: float,
    by: str,
    why: str,
) -> Rollback:
    _write(db, rollback, after, changes, now=now)
    note_move(db, rollback.id, rollback.state, after, at=now, by=by, why=why)
    if not TRANSITIONS[after]:
        _land(db, rollback.id)
    return _again(db, rollback.id)


def assert_begins(rollback: Rollback) -> None:
    if rollback.state is not State.SETTLING:
        raise AssertionError(f"{rollback.state} does not lead to {State.PREPARING}")
    if not rollback.going:
        raise AssertionError("there is nothing to take back: `going` is empty")


def begin(db: Connection, rollback: Rollback, *, now: float, by: str, why: str) -> Rollback | Busy:
    _check_current(db, rollback)
    busy = _in_the_way(db, rollback)
    if busy is not None:
        return busy
    _write(db, rollback, State.PREPARING, {"going": rollback.going}, now=now)
    for going in rollback.going:
        place = {"environment": rollback.environment, "service": going.service}
        db.execute(insert(schema.flights).values(**place, rollback_id=rollback.id))
        if _claimed_by(db, rollback.environment, going.service, going.bad.key) is None:
            db.execute(
                insert(schema.claims).values(
                    **place, release_key=going.bad.key, rollback_id=rollback.id, at=now
                )
            )
        db.execute(
            insert(schema.executions).values(
                **place, rollback_id=rollback.id, level=rollback.level, began_at=now
            )
        )
    note_move(db, rollback.id, rollback.state, State.PREPARING, at=now, by=by, why=why)
    return _again(db, rollback.id)


def drop_claims(db: Connection, rollback_id: str) -> None:
    db.execute(delete(schema.claims).where(schema.claims.c.rollback_id == rollback_id))
    db.execute(delete(schema.executions).where(schema.executions.c.rollback_id == rollback_id))


def approve(db: Connection, rollback_id: str, actor: str, now: float) -> Rollback | None:
    rollback = found(db, rollback_id)
    if rollback is None or rollback.state is not State.AWAITING_APPROVAL:
        return None
    if rollback.approved_by is not None:
        return rollback
    if rollback.expires_at is not None and rollback.expires_at <= now:
        return None
    db.execute(
        update(schema.rollbacks)
        .where(_ROWS.id == rollback_id, _ROWS.version == rollback.version)
        .values(
            version=rollback.version + 1,
            updated_at=now,
            approved_by=actor,
            due_at=due_at(rollback.state, settle_until=None, expires_at=None, approved=True),
        )
    )
    note_move(db, rollback_id, rollback.state, rollback.state, at=now, by=actor, why="approved")
    return _again(db, rollback_id)


def cancel(db: Connection, rollback_id: str, actor: str, reason: str, now: float) -> Rollback | None:
    rollback = found(db, rollback_id)
    if rollback is None:
        return None
    if rollback.state is State.PREPARING:
        if rollback.cancel_by is None:
            # The version stays, so that the runner may go on to the point where it looks at this.
            db.execute(update(schema.rollbacks).where(_ROWS.id == rollback_id).values(cancel_by=actor))
            note_move(db, rollback_id, rollback.state, rollback.state, at=now, by=actor, why=reason)
        return _again(db, rollback_id)
    if rollback.state not in _BEFORE_PREPARING:
        return None
    db.execute(
        update(schema.rollbacks)
        .where(_ROWS.id == rollback_id, _ROWS.version == rollback.version)
        .values(
            version=rollback.version + 1,
            state=State.CANCELLED,
            updated_at=now,
            cancel_by=actor,
            outcome_why=reason,
            due_at=None,
            lease_owner=None,
            lease_until=None,
        )
    )
    note_move(db, rollback_id, rollback.state, State.CANCELLED, at=now, by=actor, why=reason)
    return _again(db, rollback_id)


def _write(
    db: Connection, rollback: Rollback, after: State, changes: Mapping[str, Any], *, now: float
) -> None:
    """Raises LostLease when the row is not as `rollback` says, or is another's."""
    if rollback.lease_owner is None:
        raise LostLease(f"{rollback.id} can't be moved without a lease")
    values = columns_of(changes)
    values |= {
        "version": rollback.version + 1,
        "state": after,
        "updated_at": now,
        "due_at": due_at(
            after,
            settle_until=changes.get("settle_until", rollback.settle_until),
            expires_at=changes.get("expires_at", rollback.expires_at),
            approved=changes.get("approved_by", rollback.approved_by) is not None,
        ),
    }
    if not after.is_open:
        values |= {"lease_owner": None, "lease_until": None}
    at_once = [
        _ROWS.id == rollback.id,
        _ROWS.version == rollback.version,
        _ROWS.state == rollback.state,
        _ROWS.lease_owner == rollback.lease_owner,
    ]
    if after is State.EXECUTING and rollback.state is State.PREPARING:
        # The point of no return: whoever asked to cancel before was told that it will not be passed.
        at_once.append(_ROWS.cancel_by.is_(None))
        values["executing_at"] = now
    if db.execute(update(schema.rollbacks).where(*at_once).values(**values)).rowcount != 1:
        raise LostLease(f"{rollback.id} was moved or taken over by another, or somebody cancelled it")


def _check_current(db: Connection, rollback: Rollback) -> None:
    """Before anything is said of others: whose row it is. The write compares once more."""
    check_lease(db, rollback.id, rollback.lease_owner)
    version = db.execute(select(_ROWS.version).where(_ROWS.id == rollback.id)).scalar()
    if version != rollback.version:
        raise LostLease(f"{rollback.id} was moved by another")


def _in_the_way(db: Connection, rollback: Rollback) -> Busy | None:
    for going in rollback.going:
        flight = db.execute(
            select(schema.flights.c.rollback_id).where(
                schema.flights.c.environment == rollback.environment,
                schema.flights.c.service == going.service,
            )
        ).scalar()
        if flight is not None:
            return Busy(flight, going.service, is_running=True)
    if rollback.level is not Level.AUTOMATIC:
        # Once is for what acts by itself: a person may try again what came to nothing.
        return None
    for going in rollback.going:
        claimed_by = _claimed_by(db, rollback.environment, going.service, going.bad.key)
        if claimed_by is not None:
            return Busy(claimed_by, going.service, is_running=False)
    return None


def _claimed_by(db: Connection, environment: str, service: str, release_key: str) -> str | None:
    rollback_id: str | None = db.execute(
        select(schema.claims.c.rollback_id).where(
            schema.claims.c.environment == environment,
            schema.claims.c.service == service,
            schema.claims.c.release_key == release_key,
        )
    ).scalar()
    return rollback_id


def _land(db: Connection, rollback_id: str) -> None:
    """The end of a rollback. Without EXECUTING, which is written first, nothing can have been executed."""
    db.execute(delete(schema.flights).where(schema.flights.c.rollback_id == rollback_id))
    if db.execute(select(_ROWS.executing_at).where(_ROWS.id == rollback_id)).scalar() is None:
        drop_claims(db, rollback_id)


def _again(db: Connection, rollback_id: str) -> Rollback:
    row = db.execute(select(schema.rollbacks).where(_ROWS.id == rollback_id)).mappings().one()
    return rollback_from(row)
