"""Panels that stand on more than one dashboard, and say the same on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.colours import ANY_IS_BAD, ORANGE, PLAIN, RED
from rollwatch_dashboards.links import to_dashboard, to_rollbacks, to_runbook
from rollwatch_dashboards.panels import figure
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["EVERY_PRIORITY", "alerts_firing", "firing", "probes_down", "rollback_state", "versions"]

EVERY_PRIORITY = "P0|P1|P2|P3"
"""Of alerts that people are told of."""
_SERVICE = "${__data.fields.Service}"


def firing(priorities: str) -> str:
    """Alerts of these priorities: of what is chosen, and of the monitoring itself whatever is chosen.

    A part that watches and is dead must not look like a production that is well.
    """
    return _alerts("ALERTS", 'alertstate="firing"', f'priority=~"{priorities}"')


def alerts_firing(title: str) -> Panel:
    """What is wrong now, worst first."""
    since = _alerts("ALERTS_FOR_STATE", f'priority=~"{EVERY_PRIORITY}"')
    return listing(
        title,
        "What is wrong by the rules, worst first, and since when its condition holds. The alert's name "
        "leads to its runbook.",
        Column(heading="Priority", label="priority", width=90),
        Column(heading="Alert", label="alertname", links=[to_runbook(alert="${__data.fields.Alert}")]),
        Column(
            heading="Service",
            label="service",
            links=[to_dashboard("Application", Dashboard.APPLICATION, service=_SERVICE)],
        ),
        Column(heading="Environment", label="environment"),
        Column(
            heading="Since",
            expr=f"min by (priority, alertname, service, environment) ({since} "
            f"and ignoring (alertstate) {firing(EVERY_PRIORITY)}) * 1000",
            unit="dateTimeFromNow",
        ),
        empty="no alert is firing",
        sort="Priority",
        ascending=True,
    )


def probes_down(*matchers: str, empty: str = "no probes are configured, or none are scraped") -> Panel:
    """How many probes found their target DOWN; 0 only where there are probes."""
    every = where("rollwatch_probe_info", *matchers, located=True)
    return figure(
        "Probes down",
        "Probes that found their target DOWN at their last run that could decide.",
        Query(
            f"count({where('probe_success', *matchers, located=True)} == 0) or count({every}) * 0",
            instant=True,
        ),
        unit="short",
        empty=empty,
        steps=ANY_IS_BAD,
    )


def rollback_state() -> Panel:
    """Whether the handler is at work now."""
    return figure(
        "Rollback",
        "Whether a rollback runs now, or waits for somebody to approve it.",
        Query(
            f"max({where('rollwatch_rollback_in_progress')}) "
            f"+ 2 * max({where('rollwatch_rollback_awaiting_approval')} > bool 0)",
            instant=True,
        ),
        unit="short",
        empty="no rollback handler is scraped",
        words={
            0: ("none", PLAIN),
            1: ("running", ORANGE),
            2: ("waits for approval", RED),
            3: ("running, another waits", RED),
        },
        links=[to_rollbacks(), to_dashboard("Releases", Dashboard.RELEASES, service="")],
    )


def versions() -> Panel:
    """What is in production, and since when."""
    return listing(
        "What runs",
        "Versions as health probes see them, and since when.",
        Column(
            heading="Service",
            label="service",
            links=[
                to_dashboard("Releases", Dashboard.RELEASES, service=_SERVICE),
                to_dashboard("Application", Dashboard.APPLICATION, service=_SERVICE),
            ],
        ),
        Column(heading="Environment", label="environment"),
        Column(heading="Version", label="version"),
        Column(
            heading="Since",
            expr="max by (service, environment, version) "
            f"({where('version:release_changed:timestamp_seconds')}) * 1000",
            unit="dateTimeFromNow",
        ),
        empty="no service tells its version in /health",
        sort="Since",
    )


def _alerts(metric: str, *matchers: str) -> str:
    ours = ",".join(('service="rollwatch"', *matchers))
    return f"({where(metric, *matchers)} or {metric}{{{ours}}})"
