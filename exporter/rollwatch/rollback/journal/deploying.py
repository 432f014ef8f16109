"""Deployments as they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from rollwatch.rollback.journal import schema
from rollwatch.rollback.journal.audit import note_act
from rollwatch.rollback.journal.merging import SAME_S, Report, completed, told_before
from rollwatch.rollback.journal.rows import deployment_columns, deployment_from
from rollwatch.rollback.model.release import Deployment
from rollwatch.rollback.model.words import DeploymentState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from rollwatch.rollback.journal.ids import Ids

__all__ = ["mark", "record"]

_COLUMNS = schema.deployments.c
_LOOKED_AT = 100


def record(db: Connection, report: Report, deployment_id: str | None, ids: Ids) -> Deployment:
    """`deployment_id` names the deployment that the report is about, where the reporter knows it."""
    known = None if deployment_id is None else _by_id(db, deployment_id, report)
    if known is None:
        known = told_before(report, _near(db, report))
    if known is None:
        deployment = _new(report, ids)
        db.execute(insert(schema.deployments).values(**deployment_columns(deployment)))
        return deployment
    deployment = completed(known, report)
    if deployment != known:
        db.execute(
            update(schema.deployments)
            .where(_COLUMNS.id == deployment.id)
            .values(**deployment_columns(deployment))
        )
    return deployment


def mark(
    db: Connection, deployment_id: str, *, good: bool | None, actor: str, now: float
) -> Deployment | None:
    done = db.execute(update(schema.deployments).where(_COLUMNS.id == deployment_id).values(marked=good))
    if done.rowcount != 1:
        return None
    word = {True: "mark good", False: "mark bad", None: "unmark"}[good]
    note_act(db, actor, word, deployment_id, at=now)
    return _one(db, deployment_id)


def _new(report: Report, ids: Ids) -> Deployment:
    return Deployment(
        id=ids.new(report.at),
        release=report.release,
        state=report.state,
        source=report.source,
        started_at=report.at,
        ended_at=None if report.state is DeploymentState.STARTED else report.at,
        migration=report.migration,
        committed_at=report.committed_at,
        rollback_id=report.rollback_id,
    )


def _by_id(db: Connection, deployment_id: str, report: Report) -> Deployment | None:
    deployment = _one(db, deployment_id)
    if deployment is None:
        return None
    mine, theirs = report.release, deployment.release
    is_there = (mine.service, mine.environment) == (theirs.service, theirs.environment)
    return deployment if is_there else None


def _one(db: Connection, deployment_id: str) -> Deployment | None:
    row = db.execute(select(schema.deployments).where(_COLUMNS.id == deployment_id)).mappings().one_or_none()
    return None if row is None else deployment_from(row)


def _near(db: Connection, report: Report) -> Sequence[Deployment]:
    """Of the service, newest first: those of the report's time, and the one with the platform's id."""
    release = report.release
    of_service = select(schema.deployments).where(
        _COLUMNS.environment == release.environment, _COLUMNS.service == release.service
    )
    newest = (_COLUMNS.started_at.desc(), _COLUMNS.id.desc())
    near = of_service.where(_COLUMNS.started_at <= report.at + SAME_S).order_by(*newest).limit(_LOOKED_AT)
    found = [deployment_from(row) for row in db.execute(near).mappings()]
    if release.platform_id is not None:
        same = of_service.where(_COLUMNS.platform_id == release.platform_id).order_by(*newest).limit(1)
        known = {deployment.id for deployment in found}
        found += [one for row in db.execute(same).mappings() if (one := deployment_from(row)).id not in known]
    return found
