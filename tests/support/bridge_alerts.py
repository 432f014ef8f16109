"""Alerts as Alertmanager tells them, for tests of the bridge."""

from __future__ import annotations

from typing import Any

import orjson

from rollwatch.bridge.alert import Alert
from rollwatch.bridge.notification import parse

__all__ = ["STARTS_AT", "alert", "notification", "raw_alert"]

STARTS_AT = "2025-11-26T01:02:03.123Z"


def raw_alert(
    name: str = "HealthDown",
    service: str = "api",
    priority: str = "P0",
    *,
    status: str = "firing",
    starts_at: str = STARTS_AT,
    ends_at: str = "2025-11-26T01:12:03Z",
    fingerprint: str | None = None,
    annotations: dict[str, str] | None = None,
    **labels: str,
) -> dict[str, Any]:
    """One alert of a notification; the same labels have the same fingerprint."""
    said = {
        "alertname": name,
        "service": service,
        "environment": "production",
        "priority": priority,
        **labels,
    }
    texts = {
        "summary": f"{service} is in trouble: {name}",
        "description": "It is.",
        "runbook_url": "http://r",
    }
    return {
        "status": status,
        "labels": {label: value for label, value in said.items() if value},
        "annotations": texts if annotations is None else annotations,
        "startsAt": starts_at,
        "endsAt": ends_at if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph?g0.expr=up",
        **({} if fingerprint is None else {"fingerprint": fingerprint}),
    }


def notification(*alerts: dict[str, Any]) -> bytes:
    """What Alertmanager posts."""
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": '{}:{alertname="x"}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "bridge",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager",
            "alerts": list(alerts),
        }
    )


def alert(*args: Any, **options: Any) -> Alert:
    """One alert, read."""
    return parse(notification(raw_alert(*args, **options))).alerts[0]
