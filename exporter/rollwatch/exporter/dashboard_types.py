"""The shape of `GET /api/monitoring/dashboard`: the contract that later parts rely on.

The published schema is made from these types; the documents are made without them, for speed, and held
to the schema by a test. `schema_version` grows only when something is removed or changes its meaning;
members may be added at any time.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from rollwatch.model import Phase, Reason, Role, Verdict

__all__ = [
    "SCHEMA_VERSION",
    "ComponentJson",
    "ConfigJson",
    "DashboardJson",
    "LastRunJson",
    "ProbeJson",
    "RunJson",
    "ServiceJson",
    "SummaryJson",
]

SCHEMA_VERSION = 1


class _Json(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class RunJson(_Json):
    """One finished run."""

    started_at: float
    """When it began, Unix seconds."""
    duration_seconds: float
    """How long it took."""
    verdict: Verdict
    """What it said about its target."""
    reason: Reason
    """Why."""


class LastRunJson(RunJson):
    """The newest run, in full."""

    detail: str
    """One sentence for a person; empty when up. May hold remote text: escape it where it is shown."""
    phases: dict[Phase, float]
    """Seconds in each phase that was entered."""


class ComponentJson(_Json):
    """One part that the newest health body reported."""

    name: str
    """As the body calls it; remote text."""
    is_up: bool
    """Whether it works."""
    is_critical: bool
    """Whether the configuration calls it critical."""
    word: str
    """What the body said of it; remote text."""


class ProbeJson(_Json):
    """One probe."""

    id: str
    """service/probe."""
    service: str
    """The service it belongs to."""
    name: str
    """Its name within the service."""
    kind: str
    """http, websocket, provider, …"""
    role: Role
    """What a provider is for; none for everything else."""
    target: str
    """What is asked, without anything secret."""
    status_page: str | None
    """Where a provider itself says how it is, for people; null where the configuration names none."""
    interval_seconds: float
    """Between the starts of two runs."""
    timeout_seconds: float
    """After which a run is given up."""
    verdict: Verdict
    """The last decided verdict while it is held (three intervals), else unknown."""
    reason: Reason
    """The reason of the newest run; not_started before the first. It can be newer than `verdict`."""
    verdict_since: float | None
    """When `verdict` last changed, Unix seconds; null before the first run."""
    last_run: LastRunJson | None
    """Null before the first run."""
    last_success_at: float | None
    """When the newest run that was up began, Unix seconds."""
    next_run_at: float | None
    """When the next run is due, Unix seconds."""
    skipped_runs: int
    """Ticks that were missed because a run was still under way."""
    recent: list[RunJson]
    """Oldest first, at most 60, the newest included."""
    components: list[ComponentJson]
    """Of the newest body that reported any."""


class ServiceJson(_Json):
    """One service: down if a probe of it is down, else unknown if one is, else up."""

    name: str
    """Its name in the configuration."""
    owner: str | None
    """Who answers for it."""
    verdict: Verdict
    """The worst of its probes."""
    version: str | None
    """The version it reports now; null where no probe reads one."""
    version_changed_at: float | None
    """When that was first seen, Unix seconds; null while this process has seen only one."""
    links: dict[Literal["logs_url", "dashboard_url", "runbook_url", "status_page"], str]
    """Where people look next, as far as the configuration names it."""
    probes: list[ProbeJson]
    """By name."""


class ConfigJson(_Json):
    """The configuration in force."""

    loaded_at: float
    """When it was loaded, Unix seconds."""
    problem: str | None
    """Why a newer one was refused; null when the newest is in force."""


class SummaryJson(_Json):
    """How many probes there are, by verdict."""

    probes: int
    """All of them."""
    up: int
    """Those that are up."""
    down: int
    """Those that are down."""
    unknown: int
    """Those that are undecided."""


class DashboardJson(_Json):
    """The state of everything one exporter watches, at one moment."""

    schema_version: Literal[1]
    """Grows when something is removed or changes its meaning."""
    environment: str
    """Which production."""
    location: str
    """Where it is watched from."""
    generated_at: float
    """The moment, Unix seconds."""
    started_at: float
    """When this process began, Unix seconds; `recent` and `version_changed_at` reach back no further."""
    config: ConfigJson
    """The configuration in force."""
    loop_lag_seconds: float
    """How late the exporter's own loop ran in the last minute, at worst."""
    summary: SummaryJson
    """How many probes there are, by verdict."""
    services: list[ServiceJson]
    """By name."""
