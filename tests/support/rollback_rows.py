"""Alerts, releases and rollbacks for tests, and short ways through the journal to any state."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from rollwatch.rollback.journal.journal import SqlJournal
from rollwatch.rollback.journal_port import Busy, NewRollback
from rollwatch.rollback.model.alert import RollbackAlert
from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.record import Rollback
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import Level, State

__all__ = [
    "NOW",
    "alert_of",
    "brought_to",
    "due",
    "going_of",
    "memory_directory",
    "next_due_at",
    "release_of",
    "taken",
    "wish_of",
]

NOW = 1_800_000_000.0
_WAYS: dict[State, tuple[State, ...]] = {
    State.RECEIVED: (),
    State.DENIED: (State.DENIED,),
    State.DRY_RUN: (State.DRY_RUN,),
    State.AWAITING_APPROVAL: (State.AWAITING_APPROVAL,),
    State.EXPIRED: (State.AWAITING_APPROVAL, State.EXPIRED),
    State.SETTLING: (State.SETTLING,),
    State.PREPARING: (State.SETTLING, State.PREPARING),
    State.EXECUTING: (State.SETTLING, State.PREPARING, State.EXECUTING),
    State.VERIFYING: (State.SETTLING, State.PREPARING, State.EXECUTING, State.VERIFYING),
    State.FINISHING: (State.SETTLING, State.PREPARING, State.EXECUTING, State.FINISHING),
}


def memory_directory() -> str | None:
    """Where files cost no disk, if there is such a place: for tests that ask for no durability."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None


def alert_of(
    number: int = 1,
    *,
    service: str = "api",
    starts_at: float = NOW - 60,
    is_firing: bool = True,
    environment: str = "production",
    **annotations: str,
) -> RollbackAlert:
    """The incident is named by `number` and `starts_at`."""
    return RollbackAlert(
        fingerprint=f"{number:016x}",
        starts_at=starts_at,
        is_firing=is_firing,
        labels={
            "alertname": "RollbackHttpErrorRatio",
            "service": service,
            "environment": environment,
            "rollback": "auto",
        },
        annotations=annotations,
        ends_at=None if is_firing else starts_at + 60,
    )


def release_of(digit: str = "a", *, service: str = "api", **more: Any) -> Release:
    return Release(service, "production", commit=digit * 40, **more)


def going_of(bad: str = "b", target: str = "a", *, service: str = "api") -> Going:
    return Going(service, release_of(bad, service=service), release_of(target, service=service), "dp-1")


def wish_of(level: Level = Level.MANUAL, *, service: str = "api", **more: Any) -> NewRollback:
    return NewRollback(level, "production", service, service, "jane", "5xx since the release", **more)


async def taken(journal: SqlJournal, number: int = 1, *, service: str = "api", now: float = NOW) -> str:
    """The id of a row RECEIVED."""
    found = await journal.take([(alert_of(number, service=service), service)], now)
    assert len(found.new) == 1
    return found.new[0]


async def due(journal: SqlJournal, now: float, *, limit: int = 100) -> list[str]:
    """The ids of what somebody must work on."""
    return [row.id for row in (await journal.due(now, limit=limit)).rows]


async def next_due_at(journal: SqlJournal) -> float | None:
    """When something is due that is not now."""
    return (await journal.due(NOW)).next_at


async def brought_to(
    journal: SqlJournal,
    state: State,
    *,
    number: int = 1,
    service: str = "api",
    going: tuple[Going, ...] | None = None,
    owner: str = "one",
    now: float = NOW,
    wanted: NewRollback | None = None,
) -> Rollback:
    """A rollback in `state`, leased by `owner` for 30 s unless it is over."""
    rollback_id = (
        await taken(journal, number, service=service, now=now)
        if wanted is None
        else (await journal.create(wanted, now)).id
    )
    rollback = await journal.lease(rollback_id, owner, now, now + 30)
    assert rollback is not None
    going = going or (going_of(service=service),)
    for after in _WAYS[state]:
        if after is State.PREPARING:
            begun = await journal.begin(
                dataclasses.replace(rollback, going=going), now=now, by=owner, why="the guards are met"
            )
            assert not isinstance(begun, Busy), begun
            rollback = begun
            continue
        changes: dict[str, Any] = {}
        if after is State.SETTLING:
            changes["settle_until"] = now + 20
        if after is State.AWAITING_APPROVAL:
            changes["expires_at"] = now + 1800
        if after is State.FINISHING:
            changes |= {"outcome": State.FAILED, "outcome_why": "the command ended with 1"}
        rollback = await journal.move(rollback, after, now=now, by=owner, why=f"to {after}", **changes)
    return rollback
