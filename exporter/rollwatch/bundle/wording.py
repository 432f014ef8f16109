"""What people are told of an alert: annotations, as templates that Prometheus fills in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollwatch.bundle.durations import spoken
from rollwatch.config.thresholds import THRESHOLDS, Unit

if TYPE_CHECKING:
    from rollwatch.bundle.rules import Alert
    from rollwatch.bundle.settings import Settings

__all__ = ["told"]

_PLACE = re.compile(r"\[([a-z_0-9]+)\]")
_FORMATS = {
    Unit.RATIO: "{{ %s | humanizePercentage }}",
    Unit.SECONDS: "{{ %s | humanizeDuration }}",
    Unit.BYTES: "{{ %s | humanize }}B",
    Unit.FACTOR: '{{ printf "%%.2f" (%s) }} times',
    Unit.SCORE: '{{ printf "%%.3g" (%s) }}',
    Unit.POINTS: '{{ printf "%%.1f" (%s) }} points',
    Unit.PER_MINUTE: '{{ printf "%%.1f" (%s) }} per minute',
    Unit.PER_HOUR: '{{ printf "%%.1f" (%s) }} per hour',
}


def told(alert: Alert, settings: Settings) -> dict[str, str]:
    """By name, in the order people read them. Raises KeyError if the alert names no row of the table."""
    row = None if alert.threshold is None else THRESHOLDS[alert.threshold]
    threshold = alert.limit_in_force or alert.limit
    shows = alert.shows
    if row is not None:
        threshold = _effective(alert, row.unit)
        shows = row.unit if shows is None else shows
    value = _FORMATS[shows] % "$value" if isinstance(shows, Unit) else _filled(shows or "", {})
    known = {"value": value, "threshold": threshold, "for": spoken(settings.hold(alert.name, alert.hold))}
    texts = {
        "summary": _filled(alert.summary, known),
        "description": _filled(alert.description, known),
        "metric": alert.metric,
        "value": value,
        "threshold": threshold,
        "runbook_url": _link("runbook", f"{settings.runbooks_url}/{alert.name}.md"),
        "dashboard_url": _link("dashboard", _dashboard(alert, settings)),
        "logs_url": _link("logs", ""),
    }
    if alert.twin is not None:
        texts["paging_twin"] = alert.twin
    return texts


def _filled(text: str, known: dict[str, str]) -> str:
    return _PLACE.sub(lambda match: known.get(match[1], f"{{{{ $labels.{match[1]} }}}}"), text)


def _effective(alert: Alert, unit: Unit) -> str:
    """The limit in force for the alert's service, asked of Prometheus when the alert is written."""
    priority = "" if alert.priority is None else alert.priority.value
    selector = (
        f'rollwatch:threshold{{threshold=\\"{alert.threshold}\\",priority=\\"{priority}\\",'
        "service=%q,environment=%q}"
    )
    found = f'query (printf "{selector}" $labels.service $labels.environment)'
    return f"{{{{ with {found} }}}}{_FORMATS[unit] % '. | first | value'}{{{{ end }}}}"


def _link(name: str, otherwise: str) -> str:
    """Where the service's own configuration leads, else `otherwise`."""
    selector = f'rollwatch_service_link_info{{service=%q,environment=%q,link=\\"{name}\\"}}'
    found = f'query (printf "{selector}" $labels.service $labels.environment)'
    other = f"{{{{ else }}}}{otherwise}" if otherwise else ""
    return f'{{{{ with {found} }}}}{{{{ . | first | label "url" }}}}{other}{{{{ end }}}}'


def _dashboard(alert: Alert, settings: Settings) -> str:
    chosen = "&".join(
        f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in ("service", "environment")
    )
    return f"{settings.grafana_url}/d/{alert.dashboard}?{chosen}"
