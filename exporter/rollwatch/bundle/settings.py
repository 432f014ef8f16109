"""What one installation may choose of the bundle: windows, durations, intervals, addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations are written as Prometheus has them (`5m`, `1h30m`)."""

    window: str = "5m"
    """What ratios, rates and percentiles are taken over, where a rule does not name its own."""
    scrape_interval: str = "15s"
    evaluation_interval: str = "15s"
    exporter_job: str = "rollwatch"
    """The scrape job of `rollwatch exporter`."""
    grafana_url: str = "http://127.0.0.1:3000"
    """Where dashboards are, without a slash at its end."""
    runbooks_url: str = "https://github.com/rollwatch/rollwatch/blob/main/docs/runbooks"
    """Where runbooks are, one `<Alert>.md` each, without a slash at its end."""
    exporter_url: str = "http://127.0.0.1:9717"
    """Where people see the exporter's pages, without a slash at its end: dashboards lead there."""
    rollback_url: str = "http://127.0.0.1:9718"
    """The same of the rollback handler's page."""
    business_hours_from: int = 8
    """When a business day begins, Monday to Friday, as an hour in UTC: a P2 that lasts into it is
    escalated."""
    business_hours_to: int = 17
    """When it ends; later than it begins."""
    holds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By alert, its `for` where it differs from the shipped one."""

    def hold(self, alert: str, shipped: str) -> str:
        """The `for` of an alert; empty if it fires at once."""
        hold = self.holds.get(alert, shipped)
        return "" if hold in {"0", "0s"} else hold
