"""A generic webhook: one JSON document per alert, for chats and programs of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from rollwatch.bridge.alert import iso
from rollwatch.bridge.channels.channel import Pace
from rollwatch.bridge.channels.texts import LINKS, body, headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.bridge.alert import Alert
    from rollwatch.bridge.http_client import HttpClient
    from rollwatch.bridge.storage.records import Delivery
    from rollwatch.config.bridge import WebhookSpec

__all__ = ["WEBHOOK_PACE", "WebhookChannel", "webhook_document"]

WEBHOOK_PACE = Pace(burst=50, every_s=0.1, give_up_s=24 * 3600.0)


class WebhookChannel:
    """One address."""

    def __init__(self, spec: WebhookSpec, http: HttpClient, pace: Pace) -> None:
        self._spec = spec
        self._http = http
        self._pace = pace

    @property
    def pace(self) -> Pace:
        return self._pace

    async def send(self, batch: Sequence[Delivery]) -> None:
        """One request per alert. Raises SendFailed, SecretUnavailable."""
        headers = {name: value.render_header() for name, value in self._spec.headers.items()}
        for delivery in batch:
            await self._http.call(
                "POST",
                self._spec.url.render(),
                headers={"Content-Type": "application/json", **headers},
                body=orjson.dumps(webhook_document(delivery.alert)),
            )


def webhook_document(alert: Alert) -> dict[str, Any]:
    """What is posted; docs/bridge.md describes it. `id` is the same whenever the same is sent again."""
    notes = alert.annotations
    return {
        "text": "\n".join(part for part in (headline(alert), body(alert)) if part),
        "timestamp": iso(alert.happened_at),
        "service": alert.service,
        "environment": alert.environment,
        "id": alert.identity.digest,
        "status": alert.status.value,
        "alert": alert.name,
        "priority": alert.priority,
        "severity": alert.labels.get("severity", ""),
        "summary": alert.summary,
        "description": notes.get("description", ""),
        "metric": notes.get("metric", ""),
        "value": notes.get("value", ""),
        "threshold": notes.get("threshold", ""),
        "starts_at": iso(alert.starts_at),
        "ends_at": None if alert.ends_at is None else iso(alert.ends_at),
        "fingerprint": alert.fingerprint,
        "test": alert.is_test,
        "links": {name.removesuffix("_url"): notes[name] for name in LINKS if notes.get(name)},
        "labels": dict(alert.labels),
    }
