"""Events in Sentry, one per alert, by the envelope endpoint of a project.

https://develop.sentry.dev/sdk/foundations/transport/envelopes/ and .../event-payloads/. The id of an event is
made from the alert's identity, so that Sentry itself drops one that comes twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

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
    from rollwatch.config.bridge import SentrySpec

__all__ = ["SENTRY_PACE", "Dsn", "SentryChannel", "parse_dsn", "sentry_event"]

SENTRY_PACE = Pace(burst=50, every_s=0.1, give_up_s=24 * 3600.0)
_LEVELS = {"P0": "fatal", "P1": "error", "P2": "warning"}
_TAG = re.compile(r"[^A-Za-z0-9_.:-]")
_TAG_NAME_MAX = 32
_TAG_VALUE_MAX = 200
_ENVIRONMENT = re.compile(r"[\s/]")
_MESSAGE_MAX = 4000


class Dsn(NamedTuple):
    """Where a project takes events, and the key that lets us."""

    url: str
    key: str


def parse_dsn(text: str) -> Dsn:
    """From `https://KEY@HOST[/PATH]/PROJECT`. Raises SendFailed: a secret may have changed to anything."""
    try:
        parts = urlsplit(text.strip())
        key, host, port = parts.username, parts.hostname, parts.port
    except ValueError:
        raise _no_dsn() from None
    path, _, project = parts.path.rstrip("/").rpartition("/")
    if parts.scheme not in {"http", "https"} or not key or not host or not project.isdigit():
        raise _no_dsn()
    authority = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return Dsn(f"{parts.scheme}://{authority}{path}/api/{project}/envelope/", key)


class SentryChannel:
    """One project."""

    def __init__(self, spec: SentrySpec, http: HttpClient, clock: Clock, user_agent: str, pace: Pace) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._user_agent = user_agent
        self._pace = pace

    @property
    def pace(self) -> Pace:
        return self._pace

    async def send(self, batch: Sequence[Delivery]) -> None:
        """One envelope per alert. Raises SendFailed, SecretUnavailable."""
        dsn = parse_dsn(self._spec.dsn.render())
        who = f"Sentry sentry_version=7, sentry_client={self._user_agent}, sentry_key={dsn.key}"
        for delivery in batch:
            answer = await self._http.call(
                "POST",
                dsn.url,
                headers={"Content-Type": "application/x-sentry-envelope", "X-Sentry-Auth": who},
                body=_envelope(delivery.alert, self._clock.wall()),
                explain=("detail",),
            )
            if "id" not in (answer.json_object() or {}):
                raise SendFailed(f"it answered {answer.status} without the id of an event: is that Sentry?")


def sentry_event(alert: Alert) -> dict[str, Any]:
    """The event: grouped by alert, service and environment; what is over has a group of its own."""
    event: dict[str, Any] = {
        "event_id": alert.identity.digest,
        "timestamp": alert.happened_at / MICROSECONDS,
        "platform": "other",
        "logger": "rollwatch",
        "level": _LEVELS.get(alert.priority, "info") if alert.is_firing else "info",
        "message": {"formatted": f"{headline(alert)}\n{body(alert)}".strip()[:_MESSAGE_MAX]},
        "fingerprint": ["rollwatch", alert.name, alert.service, alert.environment, alert.status.value],
        "tags": _tags(alert),
        "extra": {name: value for name, value in alert.annotations.items() if value},
    }
    if environment := _ENVIRONMENT.sub("_", clean(alert.environment, 64)):
        event["environment"] = environment
    return event


def _tags(alert: Alert) -> dict[str, str]:
    tags = {"status": alert.status.value}
    for name, value in alert.labels.items():
        if name != "environment" and (text := clean(value, _TAG_VALUE_MAX).strip()):
            tags[_TAG.sub("_", name)[:_TAG_NAME_MAX]] = text
    return tags


def _envelope(alert: Alert, now: float) -> bytes:
    event = orjson.dumps(sentry_event(alert))
    head = orjson.dumps({"event_id": alert.identity.digest, "sent_at": iso(int(now * MICROSECONDS))})
    item = orjson.dumps({"type": "event", "content_type": "application/json", "length": len(event)})
    return b"\n".join((head, item, event, b""))


def _no_dsn() -> SendFailed:
    return SendFailed("its DSN is not like https://KEY@HOST/PROJECT", permanent=True)
