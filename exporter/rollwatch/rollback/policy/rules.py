"""What the operators allow, as the policy needs it: one release unit's rules, made from the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.model.words import Mode

__all__ = ["Freeze", "UnitRules", "Weekly"]


@dataclass(frozen=True, slots=True)
class Weekly:
    """A time of every week, in minutes since Monday 00:00 by `time_zone`; it may run over the week's end."""

    from_minute: int
    to_minute: int
    time_zone: str
    """As IANA names it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing is rolled back automatically, in Unix seconds."""

    from_at: float
    to_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class UnitRules:
    """Of one release unit in one environment; durations in seconds. A service alone is a unit as well."""

    unit: str
    environment: str
    services: tuple[str, ...]
    """In the order in which they are taken back."""
    mode: Mode
    """The most careful of its services' modes."""
    triggers: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: MappingProxyType({}))
    """Service -> name of an alert -> how long after a deployment the alert may blame it."""
    window_s: float = 1800.0
    """The longest of those, and what a unit's other members are looked at by."""
    alert_age_max_s: float = 1800.0
    """An alert that has been firing for longer when it is first judged is stale: a person decides."""
    settle_s: float = 20.0
    approval_ttl_s: float = 1800.0
    healthy_after_s: float = 1800.0
    """A release that ran for so long without a rollback alert is healthy."""
    deployment_stale_s: float = 1800.0
    """A deployment that was started and not ended blocks for so long."""
    skew_s: float = 60.0
    """How far a time may lie in the future before it is not believed."""
    allow_migration: bool = False
    limit_count: int = 2
    """Automatic rollbacks of one service within `limit_window_s`; then a person decides."""
    limit_window_s: float = 86_400.0
    systemic_units: int = 3
    """So many release units with rollback alerts within `systemic_window_s` are no matter of one release."""
    systemic_window_s: float = 600.0
    freezes: tuple[Freeze, ...] = ()
    weekly: tuple[Weekly, ...] = ()
