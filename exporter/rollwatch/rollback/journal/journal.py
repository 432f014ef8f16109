"""The journal, in SQLite or PostgreSQL. What each method promises stands in `journal_port.Journal`."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from rollwatch.clock import Clock, SystemClock
from rollwatch.rollback.journal import (
    deploying,
    measuring,
    moving,
    reading,
    retention,
    stepping,
    switches,
    taking,
)
from rollwatch.rollback.journal.address import Address
from rollwatch.rollback.journal.ahead import ahead_s
from rollwatch.rollback.journal.database import Database
from rollwatch.rollback.journal.engines import Waits
from rollwatch.rollback.journal.ids import Ids
from rollwatch.rollback.journal.merging import Report
from rollwatch.rollback.journal_port import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from rollwatch.rollback.journal_port import Busy, CarriedOut, Due, NewRollback, Past, Reply, Taken
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.record import Pause, Rollback, Step, Transition
    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.model.words import (
        DeploymentSource,
        DeploymentState,
        State,
        StepKind,
        StepState,
    )

__all__ = ["SqlJournal", "open_journal"]


async def open_journal(
    url: str,
    *,
    rng: Callable[[int], bytes] = os.urandom,
    clock: Clock | None = None,
    waits: Waits | None = None,
) -> SqlJournal:
    """The journal at `url`: the path of an SQLite file, or `postgresql://user:password@host/database`.

    Raises CantStart when a person must do something first (it says what), JournalFailed when it may go later.
    """
    # It looks where it stands.
    address = await asyncio.to_thread(Address.parsed, url)
    database = await Database.opened(address, waits or Waits())
    return SqlJournal(database, rng, clock or SystemClock())


class SqlJournal(Journal):
    """Made by `open_journal`, ended by `close`."""

    def __init__(self, database: Database, rng: Callable[[int], bytes], clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rollback_ids = Ids("rb", rng)
        self._deployment_ids = Ids("dp", rng)
        # Who of this process has which row: a step doesn't say by whom it is written.
        self._owners: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database!r})"

    async def take(self, alerts: Sequence[tuple[RollbackAlert, str]], now: float) -> Taken:
        return await self._database.write(lambda db: taking.take(db, alerts, now, self._rollback_ids))

    async def create(self, wanted: NewRollback, now: float) -> Rollback:
        return await self._database.write(lambda db: taking.create(db, wanted, now, self._rollback_ids))

    async def due(self, now: float, *, limit: int = 100) -> Due:
        return await self._database.read(
            lambda db: reading.due(db, now, limit, ahead=ahead_s(db, self._clock))
        )

    async def lease(self, rollback_id: str, owner: str, now: float, until: float) -> Rollback | None:
        def take(db: Connection) -> Rollback | None:
            ahead = ahead_s(db, self._clock)
            return moving.lease(db, rollback_id, owner, now + ahead, until + ahead)

        rollback = await self._database.write(take)
        if rollback is not None:
            self._owners[rollback_id] = owner
        return rollback

    async def renew(self, rollback_id: str, owner: str, until: float) -> bool:
        return await self._database.write(
            lambda db: moving.renew(db, rollback_id, owner, until + ahead_s(db, self._clock))
        )

    async def release(self, rollback_id: str, owner: str) -> None:
        await self._database.write(lambda db: moving.release(db, rollback_id, owner))
        self._owners.pop(rollback_id, None)

    async def move(
        self, rollback: Rollback, after: State, *, now: float, by: str, why: str, **changes: Any
    ) -> Rollback:
        moving.assert_moves(rollback.state, after, changes)
        moved = await self._database.write(
            lambda db: moving.move(db, rollback, after, changes, now=now, by=by, why=why)
        )
        if moved.lease_owner is None:
            self._owners.pop(rollback.id, None)
        return moved

    async def begin(self, rollback: Rollback, *, now: float, by: str, why: str) -> Rollback | Busy:
        moving.assert_begins(rollback)
        return await self._database.write(lambda db: moving.begin(db, rollback, now=now, by=by, why=why))

    async def drop_claims(self, rollback: Rollback) -> None:
        await self._database.write(lambda db: moving.drop_claims(db, rollback.id))

    async def approve(self, rollback_id: str, actor: str, now: float) -> Rollback | None:
        return await self._database.write(lambda db: moving.approve(db, rollback_id, actor, now))

    async def cancel(self, rollback_id: str, actor: str, reason: str, now: float) -> Rollback | None:
        return await self._database.write(lambda db: moving.cancel(db, rollback_id, actor, reason, now))

    async def step_started(self, rollback: Rollback, kind: StepKind, name: str, now: float) -> Step:
        return await self._database.write(lambda db: stepping.started(db, rollback, kind, name, now))

    async def step_noted(self, step: Step, memo: Mapping[str, Any]) -> Step:
        owner = self._owners.get(step.rollback_id)
        return await self._database.write(lambda db: stepping.noted(db, step, memo, owner))

    async def step_ended(
        self, step: Step, state: StepState, now: float, *, detail: str = "", output: str = ""
    ) -> Step:
        owner = self._owners.get(step.rollback_id)
        return await self._database.write(
            lambda db: stepping.ended(db, step, owner, state=state, now=now, detail=detail, output=output)
        )

    async def get(self, rollback_id: str) -> Rollback | None:
        return await self._database.read(lambda db: moving.found(db, rollback_id))

    async def steps(self, rollback_id: str) -> Sequence[Step]:
        return await self._database.read(lambda db: stepping.steps_of(db, rollback_id))

    async def transitions(self, rollback_id: str) -> Sequence[Transition]:
        return await self._database.read(lambda db: reading.transitions_of(db, rollback_id))

    async def history(
        self,
        *,
        limit: int = 50,
        before: str | None = None,
        service: str | None = None,
        state: State | None = None,
    ) -> Sequence[Rollback]:
        return await self._database.read(
            lambda db: reading.history(db, limit=limit, before=before, service=service, state=state)
        )

    async def open_rollbacks(self) -> Sequence[Rollback]:
        return await self._database.read(reading.open_rollbacks)

    async def past(
        self,
        environment: str,
        services: Sequence[str],
        *,
        since: float,
        incidents_since: float | None = None,
        rollback_id: str | None = None,
    ) -> Past:
        from_then = since if incidents_since is None else incidents_since
        return await self._database.read(
            lambda db: reading.past(db, environment, services, since, from_then, rollback_id)
        )

    async def record_deployment(
        self,
        release: Release,
        state: DeploymentState,
        source: DeploymentSource,
        *,
        at: float,
        migration: bool = False,
        committed_at: float | None = None,
        rollback_id: str | None = None,
        deployment_id: str | None = None,
    ) -> Deployment:
        report = Report(release, state, source, at, migration, committed_at, rollback_id)
        return await self._database.write(
            lambda db: deploying.record(db, report, deployment_id, self._deployment_ids)
        )

    async def deployments(
        self, *, service: str | None = None, limit: int = 50, before: float | None = None
    ) -> Sequence[Deployment]:
        return await self._database.read(
            lambda db: reading.deployments(db, service=service, limit=limit, before=before)
        )

    async def deployed(
        self, environment: str, service: str, *, since: float, limit: int
    ) -> Sequence[Deployment]:
        return await self._database.read(
            lambda db: measuring.deployed(db, environment, service, since, limit)
        )

    async def carried_out(
        self, environment: str, states: Sequence[State], *, since: float, limit: int
    ) -> Sequence[CarriedOut]:
        return await self._database.read(
            lambda db: measuring.carried_out(db, environment, states, since, limit)
        )

    async def mark(
        self, deployment_id: str, *, good: bool | None, actor: str, now: float
    ) -> Deployment | None:
        return await self._database.write(
            lambda db: deploying.mark(db, deployment_id, good=good, actor=actor, now=now)
        )

    async def pause(self, service: str | None, actor: str, reason: str, now: float) -> None:
        await self._database.write(lambda db: switches.pause(db, service, actor, reason, now))

    async def resume(self, service: str | None, actor: str, now: float) -> bool:
        return await self._database.write(lambda db: switches.resume(db, service, actor, now))

    async def pauses(self) -> Sequence[Pause]:
        return await self._database.read(reading.pauses)

    async def close_breaker(self, service: str, actor: str, now: float) -> None:
        await self._database.write(lambda db: switches.close_breaker(db, service, actor, now))

    async def reply(self, key: str) -> Reply | None:
        now = self._clock.wall()
        return await self._database.read(lambda db: switches.reply_of(db, key, now))

    async def keep_reply(self, key: str, reply: Reply, now: float) -> Reply:
        return await self._database.write(lambda db: switches.keep_reply(db, key, reply, now))

    async def figures(self) -> Mapping[str, float]:
        return await self._database.read(reading.figures)

    async def prune(self, before: float, *, limit: int = 1000) -> int:
        return await self._database.write(lambda db: retention.prune(db, before, limit))

    async def check(self) -> None:
        now = self._clock.wall()
        await self._database.write(lambda db: switches.touch(db, now))

    async def close(self) -> None:
        await self._database.close()
