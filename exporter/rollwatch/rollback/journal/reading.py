"""What the journal is asked. Every question has an index; a test holds that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, case, func, or_, select, union

from rollwatch.rollback.journal import schema
from rollwatch.rollback.journal.rows import deployment_from, rollback_from, transition_from
from rollwatch.rollback.journal_port import Past
from rollwatch.rollback.model.record import Pause
from rollwatch.rollback.model.words import Level, State
from rollwatch.rollback.policy.facts import Claim, Incident

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from rollwatch.rollback.model.record import Rollback, Transition
    from rollwatch.rollback.model.release import Deployment

__all__ = [
    "DEPLOYMENTS_MAX",
    "deployments",
    "deployments_of_query",
    "deployments_query",
    "due",
    "due_query",
    "figures",
    "history",
    "history_query",
    "incidents_query",
    "next_due_at",
    "next_due_query",
    "open_query",
    "open_rollbacks",
    "past",
    "pauses",
    "transitions_of",
]

DEPLOYMENTS_MAX = 100
"""So many of a service are what the policy is told, and are never forgotten."""
_PAGE_MAX = 1000
_RUNNING = sorted(state for state in State if state.is_running)
_ROWS = schema.rollbacks.c
_DEPLOYED = schema.deployments.c


def due(db: Connection, now: float, limit: int) -> Sequence[str]:
    return db.execute(due_query(now, limit)).scalars().all()


def due_query(now: float, limit: int) -> Select[Any]:
    return select(_ROWS.id).where(_ROWS.due_at <= now, _leased_until() <= now).order_by(_ROWS.id).limit(limit)


def next_due_at(db: Connection) -> float | None:
    """Rows that anybody may work on at once are not waited for: `due` has them."""
    at: float | None = db.execute(next_due_query()).scalar()
    return at


def next_due_query() -> Select[Any]:
    until = _leased_until()
    free_at = case((until > _ROWS.due_at, until), else_=_ROWS.due_at)
    return select(func.min(free_at)).where(
        _ROWS.due_at.is_not(None), or_(_ROWS.due_at > 0, _ROWS.lease_until.is_not(None))
    )


def history(
    db: Connection, *, limit: int, before: str | None, service: str | None, state: State | None
) -> Sequence[Rollback]:
    query = history_query(limit=limit, before=before, service=service, state=state)
    return [rollback_from(row) for row in db.execute(query).mappings()]


def history_query(*, limit: int, before: str | None, service: str | None, state: State | None) -> Select[Any]:
    query = select(schema.rollbacks).order_by(_ROWS.id.desc()).limit(min(max(limit, 1), _PAGE_MAX))
    if before is not None:
        query = query.where(_ROWS.id < before)
    if service is not None:
        query = query.where(_ROWS.service == service)
    if state is not None:
        query = query.where(_ROWS.state == state)
    return query


def open_rollbacks(db: Connection) -> Sequence[Rollback]:
    return [rollback_from(row) for row in db.execute(open_query()).mappings()]


def open_query() -> Select[Any]:
    return select(schema.rollbacks).where(_ROWS.due_at.is_not(None)).order_by(_ROWS.id)


def transitions_of(db: Connection, rollback_id: str) -> Sequence[Transition]:
    of = schema.transitions.c
    query = select(schema.transitions).where(of.rollback_id == rollback_id).order_by(of.id)
    return [transition_from(row) for row in db.execute(query).mappings()]


def deployments(
    db: Connection, *, service: str | None, limit: int, before: float | None
) -> Sequence[Deployment]:
    query = deployments_query(service=service, limit=limit, before=before)
    return [deployment_from(row) for row in db.execute(query).mappings()]


def deployments_query(*, service: str | None, limit: int, before: float | None) -> Select[Any]:
    newest = (_DEPLOYED.started_at.desc(), _DEPLOYED.id.desc())
    query = select(schema.deployments).order_by(*newest).limit(min(max(limit, 1), _PAGE_MAX))
    if service is not None:
        query = query.where(_DEPLOYED.service == service)
    if before is not None:
        query = query.where(_DEPLOYED.started_at < before)
    return query


def past(db: Connection, environment: str, services: Sequence[str], since: float) -> Past:
    of_services = {
        service: tuple(
            deployment_from(row) for row in db.execute(deployments_of_query(environment, service)).mappings()
        )
        for service in services
    }
    told = [each[-1].started_at for each in of_services.values() if each]
    incidents = db.execute(incidents_query(environment, services, since, min(told, default=since))).mappings()
    return Past(
        deployments=of_services,
        claims=_claims(db, environment, services),
        flights=_flights(db, environment, services),
        executions=_executions(db, environment, services, since),
        breaker_closed_at=db.execute(
            select(func.max(schema.breakers.c.closed_at)).where(schema.breakers.c.service.in_(services))
        ).scalar(),
        incidents=tuple(
            Incident(row["unit"], row["service"], row["starts_at"], row["last_at"], row["resolved_at"])
            for row in incidents
        ),
        pauses=tuple(one for one in pauses(db) if one.service is None or one.service in services),
    )


def deployments_of_query(environment: str, service: str) -> Select[Any]:
    return (
        select(schema.deployments)
        .where(_DEPLOYED.environment == environment, _DEPLOYED.service == service)
        .order_by(_DEPLOYED.started_at.desc(), _DEPLOYED.id.desc())
        .limit(DEPLOYMENTS_MAX)
    )


def incidents_query(environment: str, services: Sequence[str], since: float, oldest: float) -> Select[Any]:
    """Two questions in one: an `or` between columns would use neither's index."""
    columns = (_ROWS.id, _ROWS.unit, _ROWS.service, _ROWS.starts_at, _ROWS.last_at, _ROWS.resolved_at)
    both = union(
        select(*columns).where(_ROWS.environment == environment, _ROWS.last_at >= since),
        select(*columns).where(
            and_(
                _ROWS.environment == environment,
                _ROWS.service.in_(services),
                _ROWS.starts_at >= oldest,
            )
        ),
    ).subquery()
    return select(both).order_by(both.c.id)


def pauses(db: Connection) -> Sequence[Pause]:
    rows = db.execute(select(schema.pauses).order_by(schema.pauses.c.service)).mappings()
    return [Pause(row["service"] or None, row["actor"], row["reason"], row["since"]) for row in rows]


def figures(db: Connection) -> Mapping[str, float]:
    standing = db.execute(
        select(
            func.count(),
            func.count().filter(_ROWS.state.in_(_RUNNING)),
            func.min(_ROWS.updated_at).filter(_ROWS.state == State.RECEIVED),
        ).where(_ROWS.due_at.is_not(None))
    ).one()
    return {
        "open": float(standing[0]),
        "running": float(standing[1]),
        "oldest_received_at": float(standing[2] or 0.0),
        "rows": float(db.execute(select(func.count()).select_from(schema.rollbacks)).scalar_one()),
    }


def _leased_until() -> ColumnElement[float]:
    return func.coalesce(_ROWS.lease_until, 0.0)


def _claims(db: Connection, environment: str, services: Sequence[str]) -> tuple[Claim, ...]:
    of = schema.claims.c
    rows = db.execute(
        select(of.service, of.release_key, of.rollback_id)
        .where(of.environment == environment, of.service.in_(services))
        .order_by(of.at)
    )
    return tuple(Claim(*row) for row in rows)


def _flights(db: Connection, environment: str, services: Sequence[str]) -> dict[str, str]:
    of = schema.flights.c
    rows = db.execute(
        select(of.service, of.rollback_id).where(of.environment == environment, of.service.in_(services))
    )
    return {row.service: row.rollback_id for row in rows}


def _executions(db: Connection, environment: str, services: Sequence[str], since: float) -> tuple[float, ...]:
    """One for each rollback, however many of the services it touches."""
    of = schema.executions.c
    rows = db.execute(
        select(of.rollback_id, of.began_at)
        .distinct()
        .where(
            of.environment == environment,
            of.service.in_(services),
            of.began_at >= since,
            of.level == Level.AUTOMATIC,
        )
        .order_by(of.began_at)
    )
    return tuple(began_at for _, began_at in rows)
