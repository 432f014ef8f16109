"""A journal of years, in seconds: for measuring, and for looking at how questions are answered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Table, create_engine, insert

from rollwatch.rollback.journal import codec, schema
from rollwatch.rollback.journal.address import Address
from rollwatch.rollback.journal.journal import open_journal
from rollwatch.rollback.model.decision import Decision, GuardAnswer
from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    GuardResult,
    Level,
    State,
    Verdict,
)
from support.rollback_rows import NOW, alert_of, release_of

__all__ = ["SERVICES", "fill"]

SERVICES = tuple(f"service-{number}" for number in range(20))
_APART_S = 300.0
_AT_ONCE = 2000
_STATES = (State.DENIED, State.DENIED, State.DENIED, State.DRY_RUN, State.SUCCEEDED, State.FAILED)


async def fill(url: str, *, rollbacks: int = 100_000, deployments: int = 20_000, until: float = NOW) -> None:
    """Adds so many, all over, the newest a little before `until`; each rollback with three moves."""
    await (await open_journal(url)).close()
    engine = create_engine(Address.parsed(url).url)
    try:
        with engine.begin() as connection:
            for table, rows in (
                (schema.rollbacks, _rollbacks(rollbacks, until)),
                (schema.transitions, _transitions(rollbacks, until)),
                (schema.deployments, _deployments(deployments, until)),
            ):
                _insert(connection, table, rows)
    finally:
        engine.dispose()


def _insert(connection: Any, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while piece := list(islice(rows, _AT_ONCE)):
        connection.execute(insert(table), piece)


def _at(number: int, count: int, until: float) -> float:
    return until - (count - number) * _APART_S


def _name(number: int) -> str:
    return f"rb-{number:020x}"


def _rollbacks(count: int, until: float) -> Iterator[dict[str, Any]]:
    decision = codec.decision_text(
        Decision(
            Verdict.DENY,
            "no release within the window",
            tuple(GuardAnswer(f"guard-{each}", GuardResult.PASS, "it is so") for each in range(15)),
        )
    )
    for number in range(count):
        at = _at(number, count, until)
        service = SERVICES[number % len(SERVICES)]
        alert = alert_of(number, service=service, starts_at=at - 60, summary="5xx ratio above 10 %")
        yield {
            "id": _name(number),
            "version": 3,
            "state": _STATES[number % len(_STATES)],
            "level": Level.AUTOMATIC,
            "environment": "production",
            "unit": service,
            "service": service,
            "created_at": at,
            "updated_at": at + 60,
            "incident": alert.incident,
            "starts_at": alert.starts_at,
            "last_at": at + 30,
            "alert": codec.alert_text(alert),
            "decision": decision,
        }


def _transitions(count: int, until: float) -> Iterator[dict[str, Any]]:
    moves = ((None, State.RECEIVED), (State.RECEIVED, State.SETTLING), (State.SETTLING, State.DENIED))
    for number in range(count):
        for before, after in moves:
            yield {
                "rollback_id": _name(number),
                "at": _at(number, count, until),
                "before": before,
                "after": after,
                "by": "handler",
                "why": "the guards were asked",
            }


def _deployments(count: int, until: float) -> Iterator[dict[str, Any]]:
    for number in range(count):
        at = _at(number, count, until)
        release = release_of(service=SERVICES[number % len(SERVICES)])
        yield {
            "id": f"dp-{number:020x}",
            "environment": release.environment,
            "service": release.service,
            "commit_sha": f"{number:040x}",
            "state": DeploymentState.FINISHED,
            "source": DeploymentSource.REPORTED,
            "started_at": at,
            "ended_at": at + 60,
            "migration": False,
        }
