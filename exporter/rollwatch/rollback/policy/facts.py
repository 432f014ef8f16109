"""What is known when a decision is made. Gathered beforehand, so that the policy needs to ask nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.record import Pause
    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.model.words import Level
    from rollwatch.rollback.strategies.strategy import Eligibility

__all__ = ["Claim", "Facts", "Incident", "Known", "Question", "Unanswered"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that got no answer. `why` is one sentence, free of secrets."""

    why: str


Known: TypeAlias = _T | Unanswered


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: is taking the release of `service` back right, now?"""

    level: Level
    environment: str
    service: str
    alert: RollbackAlert | None = None
    """Set at level AUTOMATIC."""
    first_asked_at: float | None = None
    """When this incident was first judged; None the first time."""
    is_asked_anew: bool = False
    """It was refused before, maybe for long, and the alert still fires."""
    expected: tuple[str, ...] = ()
    """The keys of the bad releases that it was about before; empty the first time."""
    approved: bool = False
    """A person has approved it."""
    wanted_target: str | None = None
    """Commit, version or platform id that a person named."""
    dry_run: bool = False
    rollback_id: str | None = None
    """The row that asks: its own flight and claim are not in its way."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A release that was taken back once, or is being taken back."""

    service: str
    release_key: str
    rollback_id: str


@dataclass(frozen=True, slots=True)
class Incident:
    """A rollback alert that was seen: for what is healthy, and for what is systemic."""

    unit: str
    service: str
    starts_at: float
    last_at: float
    """When it was last delivered as firing."""
    resolved_at: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All of one release unit, but for `incidents`, which are of every unit. Times are Unix seconds.

    What depends on which release is bad, and on its target, is asked for the answer that `select` gives.
    """

    now: float
    deployments: Mapping[str, tuple[Deployment, ...]]
    """By service, the newest first."""
    current: Mapping[str, Known[Release | None]] = field(default_factory=dict)
    """What the platform says runs; None where it can't know by design."""
    reported: Mapping[str, Known[str | None]] = field(default_factory=dict)
    """The version that health endpoints report; None where none does."""
    claims: tuple[Claim, ...] = ()
    flights: Mapping[str, str] = field(default_factory=dict)
    """Service -> id of the rollback that is running."""
    executions: tuple[float, ...] = ()
    """When automatic rollbacks of a service of this unit began, within the limit's window."""
    breaker_closed_at: float | None = None
    """Since when they are counted anew: a person said so, or a release was healthy."""
    incidents: tuple[Incident, ...] = ()
    pauses: tuple[Pause, ...] = ()
    fault_before: Known[bool] = field(default_factory=lambda: Unanswered("nobody was asked"))
    """Whether this alert or its twin was pending or firing in the 15 min before the deployment started."""
    still_firing: Known[bool] = field(default_factory=lambda: Unanswered("nobody was asked"))
    """Whether Prometheus says that the alert fires now."""
    resolved_at: float | None = None
    """When this incident was reported as resolved."""
    eligible: Mapping[str, Known[Eligibility]] = field(default_factory=dict)
    """By service: whether the platform can go back to the target."""
    silenced: Known[bool] = False
    """Whether somebody silenced the alert, or the rollback of this service, in Alertmanager."""
