"""What the handler's parts ask of the journal; `journal/journal.py` keeps it in a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.record import Pause, Rollback, Step, Transition
    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.model.words import (
        DeploymentSource,
        DeploymentState,
        Level,
        State,
        StepKind,
        StepState,
    )
    from rollwatch.rollback.policy.facts import Claim, Incident

__all__ = ["Busy", "CarriedOut", "Due", "DueRow", "Journal", "NewRollback", "Past", "Reply", "Taken"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the alerts of one notification."""

    new: tuple[str, ...] = ()
    """Ids of rollbacks that now wait to be judged: a new incident, or one that is asked again."""
    repeated: int = 0
    """Already known, and nothing to ask again."""
    resolved: int = 0


@dataclass(frozen=True, slots=True)
class DueRow:
    """What must be known of a row before it is leased."""

    id: str
    environment: str
    service: str
    is_running: bool


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to do, now and later."""

    rows: tuple[DueRow, ...] = ()
    """Open ones that somebody must work on and nobody has leased: RECEIVED; SETTLING whose time is up;
    AWAITING_APPROVAL that expired or was approved; every running one. Oldest first."""
    next_at: float | None = None
    """When the next SETTLING or AWAITING_APPROVAL becomes due, or a lease of an open row ends. What is due
    for anybody at once (RECEIVED, running without a lease) does not count."""


@dataclass(frozen=True, slots=True)
class Busy:
    """`begin` found that another rollback holds the flight of a service, or that a release was taken back."""

    rollback_id: str
    service: str
    is_running: bool
    """False: the bad release was taken back once before, by `rollback_id`."""


@dataclass(frozen=True, slots=True)
class NewRollback:
    """What a person wants."""

    level: Level
    environment: str
    unit: str
    service: str
    actor: str
    reason: str
    wanted_target: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is kept for whoever asks again with the same Idempotency-Key."""

    request_sha256: str
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Past:
    """What the policy needs of the past of one release unit."""

    deployments: Mapping[str, tuple[Deployment, ...]]
    """By service, newest first, at most 100 each."""
    claims: tuple[Claim, ...] = ()
    flights: Mapping[str, str] = field(default_factory=dict)
    executions: tuple[float, ...] = ()
    """When automatic rollbacks that touch a service of the unit began, since `since`."""
    breaker_closed_at: float | None = None
    incidents: tuple[Incident, ...] = ()
    """Of every unit of the environment, last delivered since `incidents_since`; and all of this unit's
    services that began after the oldest of `deployments`."""
    pauses: tuple[Pause, ...] = ()
    resolved_at: float | None = None
    """When the incident of the row that asks was reported as resolved."""


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """A rollback that took something back, or may have: as much of it as figures need."""

    id: str
    environment: str
    state: State
    updated_at: float
    going: tuple[Going, ...]


class Journal(Protocol):
    """Every method is one transaction, durable when it returns; raises JournalFailed. Times are Unix seconds.

    Moves are compare-and-set: they need the row's `version` and the lease, and raise LostLease without. Steps
    need the lease, taken through this journal. After JournalFailed because the database went away or was
    slow, a write may have been done all the same: look before it is done again. A lease, its renewal, repeats
    of the alert, its resolution, and a wish to cancel leave `version` as it is.
    """

    async def take(self, alerts: Sequence[tuple[RollbackAlert, str]], now: float) -> Taken:
        """Alerts with the name of their release unit. A firing one becomes a row RECEIVED, once per incident;
        a repeat of one DENIED, DRY_RUN or EXPIRED makes it RECEIVED again (at most once a minute, and not
        after it was resolved); other repeats are counted. A resolved one sets `resolved_at`, and changes no
        state; it is remembered even when it comes before its firing one. Which alerts are for rollback is
        intake's matter.
        """
        ...

    async def create(self, wanted: NewRollback, now: float) -> Rollback:
        """A row RECEIVED for a person."""
        ...

    async def due(self, now: float, *, limit: int = 100) -> Due:
        """At most `limit` rows; `next_at` is of all of them."""
        ...

    async def lease(self, rollback_id: str, owner: str, now: float, until: float) -> Rollback | None:
        """Take the row, if it is open and free, ours, or its lease has ended; else None."""
        ...

    async def renew(self, rollback_id: str, owner: str, until: float) -> bool:
        """Keep the lease. False: it is lost."""
        ...

    async def release(self, rollback_id: str, owner: str) -> None:
        """Give the lease back, if it is ours."""
        ...

    async def move(
        self, rollback: Rollback, after: State, *, now: float, by: str, why: str, **changes: Any
    ) -> Rollback:
        """To another state (by TRANSITIONS, else AssertionError) or, with the same state, only `changes` of
        fields. Writes the transition. PREPARING is reached by `begin` alone; EXECUTING is refused (LostLease)
        once somebody asked to cancel. A state that is not open ends the lease. A final state ends flights as
        well, and claims if EXECUTING was never reached; else they stay, unless `drop_claims` is called."""
        ...

    async def begin(self, rollback: Rollback, *, now: float, by: str, why: str) -> Rollback | Busy:
        """SETTLING -> PREPARING: in one transaction, a flight for each service of `rollback.going` and a
        claim for each bad release; or Busy, and nothing is changed. Two handlers can't both succeed. At level
        EMERGENCY an older claim is not in the way, and stays as it is. `rollback.going` is written down."""
        ...

    async def drop_claims(self, rollback: Rollback) -> None:
        """Nothing was executed, for certain: the bad releases may be taken back another time."""
        ...

    async def approve(self, rollback_id: str, actor: str, now: float) -> Rollback | None:
        """AWAITING_APPROVAL and not expired: note who approved, and make it due now. Approved twice: the
        first one stays. None: not in that state."""
        ...

    async def cancel(self, rollback_id: str, actor: str, reason: str, now: float) -> Rollback | None:
        """Before PREPARING: CANCELLED at once. In PREPARING: `cancel_by` is set, the runner stops before
        EXECUTE. None: too late, or over."""
        ...

    async def step_started(self, rollback: Rollback, kind: StepKind, name: str, now: float) -> Step:
        """The next step, before it is taken."""
        ...

    async def step_noted(self, step: Step, memo: Mapping[str, Any]) -> Step:
        """The strategy's memo, replaced."""
        ...

    async def step_ended(
        self, step: Step, state: StepState, now: float, *, detail: str = "", output: str = ""
    ) -> Step: ...

    async def get(self, rollback_id: str) -> Rollback | None: ...

    async def steps(self, rollback_id: str) -> Sequence[Step]: ...

    async def transitions(self, rollback_id: str) -> Sequence[Transition]: ...

    async def history(
        self,
        *,
        limit: int = 50,
        before: str | None = None,
        service: str | None = None,
        state: State | None = None,
    ) -> Sequence[Rollback]:
        """Newest first; `before` is the id of the last one of the page before. Ids sort by time."""
        ...

    async def open_rollbacks(self) -> Sequence[Rollback]:
        """Every open row, oldest first."""
        ...

    async def past(
        self,
        environment: str,
        services: Sequence[str],
        *,
        since: float,
        incidents_since: float | None = None,
        rollback_id: str | None = None,
    ) -> Past:
        """What `policy` needs; one read. Without `incidents_since` incidents are since `since`, too;
        `rollback_id` is the row that asks."""
        ...

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
        """STARTED opens one; FINISHED and FAILED end the open one of the same release, else make one that
        took no time. What was already told of the same release within 30 min is completed instead of making a
        second one (a version beside its commit), unless another release came between. `deployment_id` names
        the one that is meant, where the caller knows it; an unknown id counts as none."""
        ...

    async def deployments(
        self, *, service: str | None = None, limit: int = 50, before: float | None = None
    ) -> Sequence[Deployment]:
        """Newest first."""
        ...

    async def deployed(
        self, environment: str, service: str, *, since: float, limit: int
    ) -> Sequence[Deployment]:
        """The newest that began since then, newest first; where none did, the last one before, if any."""
        ...

    async def carried_out(
        self, environment: str, states: Sequence[State], *, since: float, limit: int
    ) -> Sequence[CarriedOut]:
        """Rollbacks with something to take back, last moved since then; the newest `limit` in each state."""
        ...

    async def mark(
        self, deployment_id: str, *, good: bool | None, actor: str, now: float
    ) -> Deployment | None:
        """A person says that a release is good, bad, or nothing."""
        ...

    async def pause(self, service: str | None, actor: str, reason: str, now: float) -> None: ...

    async def resume(self, service: str | None, actor: str, now: float) -> bool:
        """False: it was not paused."""
        ...

    async def pauses(self) -> Sequence[Pause]: ...

    async def close_breaker(self, service: str, actor: str, now: float) -> None:
        """Count automatic rollbacks anew."""
        ...

    async def reply(self, key: str) -> Reply | None:
        """What was answered under an Idempotency-Key, in the last 24 h."""
        ...

    async def keep_reply(self, key: str, reply: Reply, now: float) -> Reply:
        """Keep it, unless another was kept meanwhile: that one is returned."""
        ...

    async def figures(self) -> Mapping[str, float]:
        """Counts for /metrics: `open`, `running`, `oldest_received_at`, `rows`."""
        ...

    async def prune(self, before: float, *, limit: int = 1000) -> int:
        """Forget what ended before; never claims, nor the newest 100 deployments of a service. How many rows
        it was, at most `limit`: call again while it is that many."""
        ...

    async def check(self) -> None:
        """Write and read back; raises JournalFailed."""
        ...

    async def close(self) -> None: ...
