"""What the handler's parts need of each other, as protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rollwatch.errors import RollwatchError

if TYPE_CHECKING:
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.model.words import State
    from rollwatch.rollback.policy.facts import Known

__all__ = ["Events", "Evidence", "JournalFailed", "LostLease", "ProbeNow", "ServiceNow"]


class JournalFailed(RollwatchError):  # noqa: N818  a state of the disk or of the database
    """The journal can't be read or written now. `why` is one sentence, free of secrets."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the journal can't be used: {why}")


class LostLease(RollwatchError):  # noqa: N818
    """The row is another handler's now, or has moved: stop touching it."""


@dataclass(frozen=True, slots=True)
class ProbeNow:
    """A probe as the exporter sees it. Times are Unix seconds."""

    id: str
    verdict: str
    """`up`, `down`, `unknown`, by its last run."""
    reason: str
    started_at: float | None
    """When its last run began; None before the first."""
    critical: bool
    """Whether it counts for the health of the service (priority P0, or named in `verify.probes`)."""


@dataclass(frozen=True, slots=True)
class ServiceNow:
    """A service as the exporter sees it."""

    version: str | None
    version_changed_at: float | None
    probes: tuple[ProbeNow, ...]
    ahead_s: float = 0.0
    """How far the clock that these times are by is ahead of ours; never negative."""


class Evidence(Protocol):
    """Prometheus and the exporter, asked within bounded time. What can't be learnt is Unanswered."""

    async def fault_before(self, alert: RollbackAlert, deployed_at: float) -> Known[bool]:
        """Whether the alert or its paging twin was pending or firing in the 15 min before `deployed_at`."""
        ...

    async def still_firing(self, alert: RollbackAlert) -> Known[bool]:
        """Whether Prometheus has the alert firing now."""
        ...

    async def recovered(self, alert: RollbackAlert) -> Known[bool]:
        """Whether neither the alert nor its twin is pending or firing, and Prometheus has data to say so."""
        ...

    async def service_now(self, service: str) -> Known[ServiceNow]:
        """What the exporter's dashboard document says of a service."""
        ...

    async def silenced(self, alert: RollbackAlert) -> Known[bool]:
        """Whether an active silence in Alertmanager matches the alert."""
        ...


class Events(Protocol):
    """Tells people, by Alertmanager. Never waits for the network, and never raises."""

    def changed(self, rollback: Rollback, before: State | None) -> None:
        """A rollback has moved, and the journal has it."""
        ...

    def needs_person(self, rollback: Rollback, why: str) -> None:
        """Somebody must look now."""
        ...

    def proposed(self, rollback: Rollback, url: str) -> None:
        """A revert pull request is open."""
        ...

    def bad_release_again(self, service: str, environment: str, release: str, rollback_id: str) -> None:
        """A release that was taken back is deployed again."""
        ...
