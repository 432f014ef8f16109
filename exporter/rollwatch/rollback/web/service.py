"""What people may have the handler do; REST, and the page, call the same functions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from rollwatch.rollback.journal_port import NewRollback
from rollwatch.rollback.model.words import Level, State
from rollwatch.rollback.web.declined import Declined
from rollwatch.text import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.record import Pause, Rollback, Step, Transition
    from rollwatch.rollback.policy.facts import Incident

__all__ = ["ActiveTrigger", "Overview", "RollbackService", "Running", "Whole", "Wish"]

_log = structlog.get_logger(__name__)

_LAST = 10
_SHOWN = 100
"""Of each kind of open rollback; a storm of alerts is not shown whole."""
_ACTIVE_S = 3600.0
_NAMED_FROM = 100
_LOOK_FIRST_S, _LOOK_LAST_S = 0.01, 0.25


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants rolled back."""

    service: str
    reason: str
    actor: str
    level: Level = Level.MANUAL
    target: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A rollback at work, and its steps so far."""

    rollback: Rollback
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything that is known of a rollback."""

    rollback: Rollback
    steps: tuple[Step, ...]
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class ActiveTrigger:
    """A rollback alert that fires, as far as Alertmanager has said."""

    incident: Incident
    alert: str | None
    """Its name, where the rollback it belongs to is among the newest."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How things stand."""

    now: float
    environment: str
    pauses: tuple[Pause, ...]
    running: tuple[Running, ...]
    awaiting_approval: tuple[Rollback, ...]
    open: tuple[Rollback, ...]
    """Those that wait to be judged, or settle."""
    last: tuple[Rollback, ...]
    active_triggers: tuple[ActiveTrigger, ...]


class RollbackService:
    """Every method raises JournalFailed; those that change something raise Declined.

    `units` says which release unit each declared service belongs to, now. `wake` tells the worker to look at
    the journal. `judge_within_s` is how long `trigger` waits for the decision.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        environment: str,
        units: Callable[[], Mapping[str, str]],
        wake: Callable[[], None],
        judge_within_s: float = 15.0,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._environment = environment
        self._units = units
        self._wake = wake
        self._judge_within_s = judge_within_s

    async def overview(self) -> Overview:
        now = self._clock.wall()
        rows = await self._journal.open_rollbacks()
        running = [
            Running(row, tuple(await self._journal.steps(row.id)))
            for row in [row for row in rows if row.state.is_running][:_SHOWN]
        ]
        awaiting = tuple(row for row in rows if row.state is State.AWAITING_APPROVAL)
        waiting = tuple(row for row in rows if row.state in {State.RECEIVED, State.SETTLING})
        newest = await self._journal.history(limit=_NAMED_FROM)
        past = await self._journal.past(self._environment, (), since=now - _ACTIVE_S)
        names = {
            (row.service, row.alert.starts_at): row.alert.name for row in newest if row.alert is not None
        }
        active = tuple(
            ActiveTrigger(incident, names.get((incident.service, incident.starts_at)))
            for incident in past.incidents
            if incident.resolved_at is None and incident.last_at >= now - _ACTIVE_S
        )
        return Overview(
            now=now,
            environment=self._environment,
            pauses=tuple(await self._journal.pauses()),
            running=tuple(running),
            awaiting_approval=awaiting[:_SHOWN],
            open=waiting[:_SHOWN],
            last=tuple(newest[:_LAST]),
            active_triggers=active[:_SHOWN],
        )

    async def history(
        self, *, limit: int, before: str | None = None, service: str | None = None, state: State | None = None
    ) -> Sequence[Rollback]:
        """Newest first; `before` is the id of the last one of the page before."""
        return await self._journal.history(limit=limit, before=before, service=service, state=state)

    async def whole(self, rollback_id: str) -> Whole:
        """Raises Declined 404."""
        row = await self._row(rollback_id)
        return Whole(
            row,
            tuple(await self._journal.steps(rollback_id)),
            tuple(await self._journal.transitions(rollback_id)),
        )

    async def trigger(self, wish: Wish) -> Rollback:
        """Written down, and judged if that did not take too long: then the state is no longer RECEIVED.

        Raises Declined 404 for a service that is not declared, 409 while a rollback of its unit runs.
        """
        unit = self._unit(wish.service)
        if not wish.dry_run:
            await self._check_free(wish.service, unit)
        wanted = NewRollback(
            wish.level,
            self._environment,
            unit,
            wish.service,
            wish.actor,
            wish.reason,
            wish.target,
            wish.dry_run,
        )
        row = await self._journal.create(wanted, self._clock.wall())
        _log.info(
            "rollback_wanted",
            rollback=row.id,
            service=wish.service,
            level=wish.level,
            actor=wish.actor,
            dry_run=wish.dry_run,
        )
        self._wake()
        return await self._judged(row)

    async def approve(self, rollback_id: str, actor: str) -> Rollback:
        """Raises Declined 404, or 409 where there is nothing to approve (any more)."""
        row = await self._journal.approve(rollback_id, actor, self._clock.wall())
        if row is None:
            found = await self._row(rollback_id)
            raise Declined(
                409,
                "not_awaiting_approval",
                f"{found.id} is {_said(found.state)}: there is nothing to approve.",
                "If it expired, wait for the alert to come again, or trigger a rollback.",
                rollback_id=found.id,
            )
        _log.info("rollback_approved", rollback=row.id, actor=actor)
        self._wake()
        return row

    async def cancel(self, rollback_id: str, actor: str, reason: str) -> Rollback:
        """Raises Declined 404, or 409 past the point of no return.

        A row that is PREPARING is not over yet: the runner stops before it executes.
        """
        row = await self._journal.cancel(rollback_id, actor, reason, self._clock.wall())
        if row is None:
            found = await self._row(rollback_id)
            over = not found.state.is_open
            raise Declined(
                409,
                "is_over" if over else "too_late_to_cancel",
                f"{found.id} is {_said(found.state)}: it can't be cancelled{'' if over else ' any more'}.",
                "There is nothing left to cancel."
                if over
                else "The production is being changed: let it end, then look at its outcome.",
                rollback_id=found.id,
            )
        _log.info("rollback_cancelled", rollback=row.id, actor=actor, reason=reason, state=row.state)
        self._wake()
        return row

    async def pause(self, service: str | None, actor: str, reason: str) -> tuple[Pause, ...]:
        """No new rollback of `service`, or of any. The pauses in force then. Raises Declined 404."""
        if service is not None:
            self._unit(service)
        await self._journal.pause(service, actor, reason, self._clock.wall())
        _log.warning("rollbacks_paused", service=service or "all", actor=actor, reason=reason)
        return tuple(await self._journal.pauses())

    async def resume(self, service: str | None, actor: str) -> tuple[tuple[Pause, ...], bool]:
        """The pauses that are left, and whether there was one to end."""
        was_paused = await self._journal.resume(service, actor, self._clock.wall())
        if was_paused:
            _log.warning("rollbacks_resumed", service=service or "all", actor=actor)
            self._wake()
        return tuple(await self._journal.pauses()), was_paused

    async def close_breaker(self, service: str, actor: str) -> None:
        """Count the automatic rollbacks of `service` anew. Raises Declined 404."""
        self._unit(service)
        await self._journal.close_breaker(service, actor, self._clock.wall())
        _log.warning("breaker_closed", service=service, actor=actor)
        self._wake()

    def _unit(self, service: str) -> str:
        units = self._units()
        if service not in units:
            known = listed(sorted(units), 10) or "none"
            raise Declined(
                404,
                "unknown_service",
                "No service of this name can be rolled back.",
                f"Declared with a section rollback: {known}.",
            )
        return units[service]

    async def _row(self, rollback_id: str) -> Rollback:
        row = await self._journal.get(rollback_id)
        if row is None:
            raise Declined(
                404,
                "unknown_rollback",
                "There is no rollback of this id.",
                "GET /api/monitoring/rollback/history lists them; the journal forgets old ones.",
            )
        return row

    async def _check_free(self, service: str, unit: str) -> None:
        for row in await self._journal.open_rollbacks():
            touched = {row.service, *(going.service for going in row.going)}
            if row.state.is_running and (row.unit == unit or service in touched):
                raise Declined(
                    409,
                    "already_running",
                    f"{row.id} is rolling {row.service} back now.",
                    f"Follow it: rollwatch rollback show {row.id}. Trigger again when it has ended.",
                    rollback_id=row.id,
                )

    async def _judged(self, row: Rollback) -> Rollback:
        """The row once the worker has judged it, or as it is when that takes too long."""
        ends_at = self._clock.monotonic() + self._judge_within_s
        pause_s = _LOOK_FIRST_S
        while True:
            found = await self._journal.get(row.id) or row
            if found.state is not State.RECEIVED or self._clock.monotonic() >= ends_at:
                return found
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LOOK_LAST_S)


def _said(state: State) -> str:
    return state.value.replace("_", " ")
