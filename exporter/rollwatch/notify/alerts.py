"""The test alerts: as real ones to every route, marked for every reader, harmless to every other alert."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rollwatch.bundle.rules import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.config.thresholds import Priority

__all__ = ["LASTS_S", "TestAlert", "test_alerts"]

LASTS_S = 300.0
"""How long one fires if nobody ends it: the command ends them itself, unless it is killed."""


@dataclass(frozen=True, slots=True)
class TestAlert:
    """One alert of one priority for one service. `run` tells the alerts of one command from others'."""

    __test__ = False

    service: str
    priority: Priority
    run: str

    @property
    def labels(self) -> dict[str, str]:
        """No `environment`: inhibition asks for one, so this neither silences an alert nor is silenced."""
        return {
            "alertname": "NotificationTest",
            "service": self.service,
            "priority": self.priority.value,
            "severity": Severity.of(self.priority).value,
            "test": "true",
            "run": self.run,
        }

    def posted(self, now: float, *, ends_in_s: float) -> dict[str, Any]:
        """What Alertmanager's API v2 takes; it has ended if `ends_in_s` is not positive."""
        return {
            "labels": self.labels,
            "annotations": {
                "summary": f"TEST, nothing is wrong: a {self.priority} of {self.service}",
                "description": (
                    "Somebody runs `rollwatch notify test` to see whether this reaches you. "
                    "There is nothing to do."
                ),
                "metric": "none",
                "value": "a test",
                "threshold": "none",
                "runbook_url": "",
                "dashboard_url": "",
                "logs_url": "",
            },
            "startsAt": _moment(now),
            "endsAt": _moment(now + ends_in_s),
        }


def test_alerts(services: Iterable[str], priority: Priority, run: str) -> list[TestAlert]:
    """One for each service."""
    return [TestAlert(service, priority, run) for service in services]


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
