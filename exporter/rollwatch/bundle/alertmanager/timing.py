"""How long messages wait for company, and when they are said again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BY_PRIORITY",
    "EACH",
    "ESCALATED",
    "EVENTS",
    "FAILING",
    "ROLLBACK",
    "TOGETHER",
    "WATCHDOG",
    "Timing",
]

TOGETHER = ("environment", "service")
"""What one message is about."""
EACH = ("...",)
"""Every alert by itself, so that each of its changes is sent once and nothing is sent again with it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Of one route. `group_interval` is also how long a receiver may take, and when it is asked again."""

    group_wait: str
    group_interval: str
    repeat_interval: str
    """Shorter than the 120 h that Alertmanager remembers what it has sent."""
    group_by: tuple[str, ...] = TOGETHER

    def entries(self) -> dict[str, Any]:
        """As a route has them; `group_by` only where it differs from the root's."""
        entries: dict[str, Any] = {} if self.group_by == TOGETHER else {"group_by": list(self.group_by)}
        return entries | {
            "group_wait": self.group_wait,
            "group_interval": self.group_interval,
            "repeat_interval": self.repeat_interval,
        }


# 30 s: an alert that joins others is told within a minute, and a receiver that takes 20 s still gets it.
BY_PRIORITY: Mapping[Priority, Timing] = {
    Priority.P0: Timing("5s", "30s", "1h"),
    Priority.P1: Timing("10s", "30s", "4h"),
    Priority.P2: Timing("15s", "30s", "24h"),
    # Batched over services. Below the hour that the news of a release lasts, else it could go unsent.
    Priority.P3: Timing("5m", "30m", "24h", ("environment",)),
}
ESCALATED = Timing("5s", "30s", "1h")
FAILING = Timing("10s", "30s", "4h", ("alertname", "integration", "channel"))
# Said again while it lasts: what the handler refused, because a deployment ran, it may allow later.
ROLLBACK = Timing("0s", "30s", "5m", EACH)
EVENTS = Timing("5s", "30s", "24h", EACH)
# Less than a multiple of the interval: one that falls due just after a look would wait for the next.
WATCHDOG = Timing("0s", "20s", "55s")
