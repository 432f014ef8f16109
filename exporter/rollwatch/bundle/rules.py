"""What a rule file is made of, before it is YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.config.thresholds import Priority, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOTHING", "Alert", "Dashboard", "Judged", "Recording", "Severity", "Topic"]

NOTHING: Mapping[str, str] = MappingProxyType({})


class Severity(StrEnum):
    """What existing routing trees of the ecosystem go by."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    NONE = "none"

    @classmethod
    def of(cls, priority: Priority) -> Severity:
        """The one that goes with a priority; what only a machine hears has none."""
        match priority:
            case Priority.P0:
                return cls.CRITICAL
            case Priority.P1 | Priority.P2:
                return cls.WARNING
            case Priority.P3:
                return cls.INFO
            case Priority.ROLLBACK:
                return cls.NONE


class Dashboard(StrEnum):
    """The uid of a shipped dashboard."""

    HOME = "rollwatch-home"
    APPLICATION = "rollwatch-application"
    DATABASE = "rollwatch-database"
    BUSINESS = "rollwatch-business"
    INFRASTRUCTURE = "rollwatch-infrastructure"
    PROVIDERS = "rollwatch-providers"
    TRADING = "rollwatch-trading"
    WEBSOCKET = "rollwatch-websocket"
    BROWSER = "rollwatch-browser"
    SLO = "rollwatch-slo"
    RELEASES = "rollwatch-releases"
    ALERTS = "rollwatch-alerts"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a row of the table of thresholds judges: the threshold exists wherever this series does."""

    threshold: str
    """The row's id."""
    sli: str
    """A recorded series, or several joined by `or`, with `service` and `environment` among the labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alerting rule, and everything people are told of it.

    In `summary`, `description` and a text for `shows`, `[value]` and `[threshold]` stand for what the alert
    found and for the limit in force, `[for]` for its `for`, `[probe]` for the label of that name.
    """

    name: str
    """CamelCase; also the name of its runbook."""
    priority: Priority | None
    """None: `labels` say it, or nobody is told (Watchdog)."""
    expr: str
    hold: str = "0s"
    """Its `for`: how long `expr` must have held."""
    metric: str
    """What is looked at: the name of the series."""
    condition: str
    """When it fires, for people, without the duration: a phrase."""
    threshold: str | None = None
    """The row of the table it judges by."""
    limit: str = ""
    """Where no row of the table has it: what is normal, for people."""
    limit_in_force: str = ""
    """A template that shows the limit, where `limit` can only say what it is in general."""
    shows: Unit | str | None = None
    """How its value is written: in a unit, or as this text; None: in the unit of its row."""
    summary: str
    """One line: what is wrong, where."""
    description: str
    """Whole sentences: what was found, what that means to users, with value and limit."""
    dashboard: Dashboard
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Beside those it has from `expr`, `priority` and `severity`."""
    twin: str | None = None
    """Of a rollback alert: the alert that people get for the same trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """All rules of one subject; its alerts become `alerts-<name>.yml` unless `file` says otherwise."""

    name: str
    title: str
    """As a heading."""
    recordings: tuple[Recording, ...] = ()
    judged: tuple[Judged, ...] = ()
    alerts: tuple[Alert, ...] = ()
    file: str = ""
