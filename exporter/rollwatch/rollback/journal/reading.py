"""What the journal is asked. Every question has an index; a test holds that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Double, Integer, Select, bindparam, case, func, or_, select, union

from rollwatch.rollback.journal import schema
from rollwatch.rollback.journal.rows import deployment_from, rollback_from, transition_from
from rollwatch.rollback.journal_port import Due, DueRow, Past
from rollwatch.rollback.model.record import Pause
from rollwatch.rollback.model.words import Level, State
from rollwatch.rollback.policy.facts import Claim, Incident

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import BindParameter, ColumnElement, Connection, Table

    from rollwatch.rollback.model.record import Rollback, Transition
    from rollwatch.rollback.model.release import Deployment

__all__ = [
    "DEPLOYMENTS_MAX",
    "DEPLOYMENTS_OF",
    "DUE",
    "INCIDENTS",
    "NEXT_DUE",
    "deployments",
    "deployments_query",
    "due",
    "figures",
    "history",
    "history_query",
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


def _given(name: str, *, many: bool = False) -> BindParameter[Any]:
    return bindparam(name, expanding=many)


# What every decision asks: made once, since making a statement costs more than most answers.

_NOW: ColumnElement[float] = bindparam("now", type_=Double)
_FREE_AT = func.coalesce(_ROWS.lease_until, 0.0) - bindparam("ahead", type_=Double)
DUE = (
    select(_ROWS.id, _ROWS.environment, _ROWS.service, _ROWS.state)
    .where(_ROWS.due_at <= _NOW, _NOW >= _FREE_AT)
    .order_by(_ROWS.id)
    .limit(bindparam("limit", type_=Integer))
)
NEXT_DUE = select(func.min(case((_ROWS.due_at < _FREE_AT, _FREE_AT), else_=_ROWS.due_at))).where(
    # Rows that anybody may work on at once are not waited for: they are due.
    _ROWS.due_at.is_not(None),
    or_(_ROWS.due_at > 0, _ROWS.lease_until.is_not(None)),
)
DEPLOYMENTS_OF = (
    select(schema.deployments)
    .where(_DEPLOYED.environment == _given("environment"), _DEPLOYED.service == _given("service"))
    .order_by(_DEPLOYED.started_at.desc(), _DEPLOYED.id.desc())
    .limit(DEPLOYMENTS_MAX)
)


def _incidents() -> Select[Any]:
    """Two questions in one: an `or` between columns would use neither's index."""
    columns = (_ROWS.id, _ROWS.unit, _ROWS.service, _ROWS.starts_at, _ROWS.last_at, _ROWS.resolved_at)
    here = _ROWS.environment == _given("environment")
    both = union(
        select(*columns).where(here, _ROWS.last_at >= _given("since")),
        select(*columns).where(
            here, _ROWS.service.in_(_given("services", many=True)), _ROWS.starts_at >= _given("oldest")
        ),
    ).subquery()
    return select(both).order_by(both.c.id)


def _of_services(table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    of = table.c
    return of.environment == _given("environment"), of.service.in_(_given("services", many=True))


INCIDENTS = _incidents()
_CLAIMS = (
    select(schema.claims.c.service, schema.claims.c.release_key, schema.claims.c.rollback_id)
    .where(*_of_services(schema.claims))
    .order_by(schema.claims.c.at)
)
_FLIGHTS = select(schema.flights.c.service, schema.flights.c.rollback_id).where(*_of_services(schema.flights))
_EXECUTIONS = (
    select(schema.executions.c.rollback_id, schema.executions.c.began_at)
    .distinct()
    .where(
        *_of_services(schema.executions),
        schema.executions.c.began_at >= _given("since"),
        schema.executions.c.level == Level.AUTOMATIC,
    )
    .order_by(schema.executions.c.began_at)
)
_BREAKER = select(func.max(schema.breakers.c.closed_at)).where(
    schema.breakers.c.service.in_(_given("services", many=True))
)
_PAUSES = select(schema.pauses).order_by(schema.pauses.c.service)
_RESOLVED = select(_ROWS.resolved_at).where(_ROWS.id == _given("rollback_id"))


def due(db: Connection, now: float, limit: int, *, ahead: float = 0.0) -> Due:
    """Leases end by the database's clock, which is `ahead` seconds ahead of `now`'s."""
    rows = db.execute(DUE, {"now": now, "ahead": ahead, "limit": limit})
    return Due(
        tuple(DueRow(row.id, row.environment, row.service, row.state in _RUNNING) for row in rows),
        db.execute(NEXT_DUE, {"ahead": ahead}).scalar(),
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


def past(  # noqa: PLR0917
    db: Connection,
    environment: str,
    services: Sequence[str],
    since: float,
    incidents_since: float,
    rollback_id: str | None,
) -> Past:
    of_services = {
        service: tuple(
            deployment_from(row)
            for row in db.execute(DEPLOYMENTS_OF, {"environment": environment, "service": service}).mappings()
        )
        for service in services
    }
    told = [each[-1].started_at for each in of_services.values() if each]
    of_unit = {"environment": environment, "services": list(services)}
    incidents = db.execute(
        INCIDENTS, {**of_unit, "since": incidents_since, "oldest": min(told, default=incidents_since)}
    )
    begun = db.execute(_EXECUTIONS, {**of_unit, "since": since})
    resolved = None if rollback_id is None else db.execute(_RESOLVED, {"rollback_id": rollback_id})
    return Past(
        deployments=of_services,
        claims=tuple(Claim(*row) for row in db.execute(_CLAIMS, of_unit)),
        flights={row.service: row.rollback_id for row in db.execute(_FLIGHTS, of_unit)},
        # One for each rollback, however many of the services it touches.
        executions=tuple(began_at for _, began_at in begun),
        breaker_closed_at=db.execute(_BREAKER, {"services": of_unit["services"]}).scalar(),
        incidents=tuple(Incident(*row) for _, *row in incidents),
        pauses=tuple(one for one in pauses(db) if one.service is None or one.service in services),
        resolved_at=None if resolved is None else resolved.scalar(),
    )


def pauses(db: Connection) -> Sequence[Pause]:
    rows = db.execute(_PAUSES).mappings()
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
