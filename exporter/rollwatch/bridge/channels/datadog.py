"""Events in Datadog, one per alert, by its Events API, v1 (https://docs.datadoghq.com/api/latest/events/)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from rollwatch.bridge.alert import MICROSECONDS, iso
from rollwatch.bridge.channels.channel import Pace
from rollwatch.bridge.channels.texts import body, headline
from rollwatch.bridge.failures import SendFailed
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.bridge.alert import Alert
    from rollwatch.bridge.http_client import HttpClient
    from rollwatch.bridge.storage.records import Delivery
    from rollwatch.clock import Clock
    from rollwatch.config.bridge import DatadogSpec

__all__ = ["DATADOG_PACE", "DatadogChannel", "datadog_event"]

DATADOG_PACE = Pace(burst=50, every_s=0.1, give_up_s=24 * 3600.0)
_TYPES = {"P0": "error", "P1": "error", "P2": "warning"}
_TITLE_MAX = 100
_TEXT_MAX = 4000
_TAGS_MAX = 50
_TAG = re.compile(r"[^\w.:/-]+")
_TAG_MAX = 200
_TOO_OLD_S = 17 * 3600
"""Datadog takes no event older than 18 hours."""


class DatadogChannel:
    """One organisation."""

    def __init__(self, spec: DatadogSpec, http: HttpClient, clock: Clock, pace: Pace) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._pace = pace

    @property
    def pace(self) -> Pace:
        return self._pace

    async def send(self, batch: Sequence[Delivery]) -> None:
        """One event per alert. Raises SendFailed, SecretUnavailable."""
        base = (
            f"https://api.{self._spec.site}"
            if self._spec.url is None
            else self._spec.url.render().rstrip("/")
        )
        for delivery in batch:
            answer = await self._http.call(
                "POST",
                f"{base}/api/v1/events",
                headers={
                    "Content-Type": "application/json",
                    "DD-API-KEY": self._spec.api_key.render_header(),
                },
                body=orjson.dumps(datadog_event(delivery.alert, self._clock.wall())),
                explain=("errors",),
            )
            if not answer.json_object():
                raise SendFailed(f"it answered {answer.status} without JSON: is that Datadog?")


def datadog_event(alert: Alert, now: float) -> dict[str, Any]:
    """The event; what belongs to one alert is aggregated by its fingerprint."""
    happened_at = alert.happened_at // MICROSECONDS
    text = body(alert)
    event: dict[str, Any] = {
        "title": clean(headline(alert), _TITLE_MAX),
        "alert_type": _TYPES.get(alert.priority, "info") if alert.is_firing else "success",
        "priority": "low" if alert.priority == "P3" else "normal",
        "aggregation_key": clean(f"rollwatch:{alert.fingerprint}", 100),
        "source_type_name": "prometheus",
        "tags": _tags(alert),
    }
    if now - _TOO_OLD_S < happened_at <= now:
        event["date_happened"] = happened_at
    else:
        text = f"{text}\nHappened at {iso(alert.happened_at)}."
    # A text that begins with %%% would be taken for Markdown.
    event["text"] = (text.replace("%%%", "%") or alert.summary)[:_TEXT_MAX]
    return event


def _tags(alert: Alert) -> list[str]:
    tags = {"status": alert.status.value, **alert.labels}
    return [_TAG.sub("_", f"{name}:{value}")[:_TAG_MAX] for name, value in tags.items() if value][:_TAGS_MAX]
