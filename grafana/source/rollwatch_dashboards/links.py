"""Where a click leads: another dashboard with the same time and choice, a probe, a runbook, a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

if TYPE_CHECKING:
    from rollwatch.bundle.rules import Dashboard

__all__ = ["TAG", "all_dashboards", "home", "to_dashboard", "to_probe", "to_rollbacks", "to_runbook"]

TAG = "rollwatch"
"""Every dashboard has it; the list of dashboards goes by it."""
_KEPT = "${datasource:queryparam}&${environment:queryparam}&${__url_time_range}"


def to_dashboard(title: str, uid: Dashboard, *, service: str = "${__field.labels.service}") -> DashboardLink:
    """The dashboard for the service of what is clicked; `service` says where that is read.

    In a table `${__data.fields.Service}`. Empty: the services that are chosen now.
    """
    chosen = f"var-service={service}" if service else "${service:queryparam}"
    return _link(title, f"/d/{uid}?{chosen}&{_KEPT}")


def to_probe(
    title: str = "Its last runs",
    *,
    service: str = "${__field.labels.service}",
    probe: str = "${__field.labels.probe}",
) -> DashboardLink:
    """The exporter's own page of a probe."""
    return _link(title, f"${{exporter_url}}/probe?id={service}/{probe}", elsewhere=True)


def to_rollbacks(title: str = "Rollback handler") -> DashboardLink:
    """The rollback handler's page."""
    return _link(title, "${rollback_url}/", elsewhere=True)


def to_runbook(title: str = "Runbook", *, alert: str = "${__field.labels.alertname}") -> DashboardLink:
    """What to do about an alert."""
    return _link(title, f"${{runbooks_url}}/{alert}.md", elsewhere=True)


def all_dashboards() -> DashboardLink:
    """At the top of each dashboard: the others."""
    link = DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    return link.include_vars(True).keep_time(True)


def home(uid: Dashboard) -> DashboardLink:
    """At the top of each dashboard: back to the start."""
    link = DashboardLink("Home").type(DashboardLinkType.LINK).icon("dashboard").url(f"/d/{uid}")
    return link.include_vars(True).keep_time(True)


def _link(title: str, url: str, *, elsewhere: bool = False) -> DashboardLink:
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(elsewhere)
