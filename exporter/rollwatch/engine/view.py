"""What the engine knows, as plain values: the status page, the JSON and the CLI are drawn from these.

Times named `_at` are Unix seconds; durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rollwatch.errors import RollwatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.model import Component, Phase, Reason, Role, Verdict

__all__ = [
    "Explained",
    "Monitor",
    "ProbeView",
    "ProductionView",
    "RunRecord",
    "RunRefused",
    "ServiceView",
]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One finished run."""

    started_at: float
    duration_s: float
    verdict: Verdict
    reason: Reason
    detail: str
    """One sentence for a person; remote text in it is bounded but not escaped. Empty when UP."""
    phases: Mapping[Phase, float]


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One configured probe and how it stands."""

    id: str
    """`service/probe`."""
    service: str
    name: str
    kind: str
    role: Role
    target: str
    """What is asked, for people; free of secrets."""
    interval_s: float
    timeout_s: float
    verdict: Verdict
    """The last decided verdict while it is held, else UNKNOWN."""
    since_at: float | None
    """When `verdict` last changed; None before the first run."""
    last: RunRecord | None
    last_success_at: float | None
    next_run_at: float | None
    recent: tuple[RunRecord, ...]
    """Oldest first, at most 60."""
    skipped_runs: int
    components: tuple[Component, ...]
    status_page: str | None = None
    """Where the provider itself says how it is, for people; free of secrets."""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service: DOWN if a probe of it is DOWN, else UNKNOWN if one is undecided, else UP."""

    name: str
    owner: str | None
    verdict: Verdict
    version: str | None
    version_changed_at: float | None
    """None while only one version has ever been seen by this process."""
    probes: tuple[ProbeView, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses for people by the configuration's word for them (`logs_url`); free of secrets."""


@dataclass(frozen=True, slots=True)
class ProductionView:
    """Everything, at one moment."""

    environment: str
    location: str
    generated_at: float
    started_at: float
    config_loaded_at: float
    config_problem: str | None
    """Why the newest configuration was refused, if it was; the one in force is older then."""
    loop_lag_s: float
    services: tuple[ServiceView, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A run made on demand: its record, and every fact the prober noted, in order."""

    probe_id: str
    target: str
    record: RunRecord
    notes: tuple[tuple[str, str], ...]


class RunRefused(RollwatchError):  # noqa: N818  an answer, not a fault
    """A run on demand is not possible now. `retry_after_s` is None when asking again never helps."""

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class Monitor(Protocol):
    """What pages and routes need of the engine."""

    def view(self) -> ProductionView:
        """The state now; cheap enough for every page view."""
        ...

    async def run_now(self, probe_id: str) -> Explained:
        """Run one probe out of turn. Raises RunRefused: unknown probe, already running, too soon."""
        ...
