"""What Alertmanager's metrics say of sending, by integration."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Counts", "read_counts"]

_TRIED = "alertmanager_notification_requests_total"
_FAILED = "alertmanager_notification_requests_failed_total"


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests to receivers since Alertmanager started."""

    tried: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def since(self, before: Counts) -> Counts:
        """What was added to `before`."""
        return Counts(
            Counter({name: self.tried[name] - before.tried[name] for name in self.tried}),
            Counter({name: self.failed[name] - before.failed[name] for name in self.failed}),
        )

    def taken(self, integration: str) -> int:
        """Requests that were answered well."""
        return self.tried[integration] - self.failed[integration]


def read_counts(exposition: str) -> Counts:
    """From the text of `/metrics`. Raises ValueError if it is no exposition."""
    counts = Counts()
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            counter = {_TRIED: counts.tried, _FAILED: counts.failed}.get(sample.name)
            if counter is not None:
                counter[sample.labels["integration"]] += int(sample.value)
    return counts
