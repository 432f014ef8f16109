"""What Alertmanager posts to the rollback handler."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["alert", "notification"]

LABELS = {
    "alertname": "RollbackHttpErrorRatio",
    "service": "api",
    "environment": "production",
    "severity": "critical",
    "rollback": "auto",
}


def alert(labels: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A rollback alert that fires; a label of None is left out."""
    merged = {**LABELS, **(labels or {})}
    return {
        "status": "firing",
        "labels": {name: value for name, value in merged.items() if value is not None},
        "annotations": {"summary": "14 % of requests fail", "paging_twin": "HttpErrorRatio"},
        "startsAt": "2025-11-26T08:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": "9f86d081884c7d65",
        **changes,
    }


def notification(*alerts: Any, **changes: Any) -> bytes:
    """As 0.25 writes it, with what newer ones add."""
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": '{}/{rollback="auto"}:{}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "rollback",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "routeLabels": {},
            "externalURL": "http://alertmanager:9093",
            "notification_reason": "first notification",
            "alerts": list(alerts),
            **changes,
        }
    )
