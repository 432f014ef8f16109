"""What Alertmanager posts: its webhook, version 4, as 0.25 and newer write it. Pure.

Keys nobody here knows are passed over, since each release of Alertmanager adds some
(https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import orjson

from rollwatch.bridge.alert import Alert
from rollwatch.bridge.words import Status
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ALERTS_MAX", "Notification", "parse"]

ALERTS_MAX = 5000
"""More in one notification are refused: `max_alerts` of Alertmanager's webhook_config bounds them."""
_PAIRS_MAX = 64
_NAME_MAX = 128
_LABEL_MAX = 1024
_ANNOTATION_MAX = 4096
_URL_MAX = 2048
_FINGERPRINT_MAX = 64
_VERSION = "4"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Notification(NamedTuple):
    """Alerts that came together, and how many of their group were left out."""

    alerts: tuple[Alert, ...]
    truncated: int


def parse(body: bytes) -> Notification:
    """Read the document. Raises Refusal 400 that names what is wrong with it."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refused(f"The body is no JSON: {error.msg} at line {error.lineno}.") from None
    if not isinstance(document, dict):
        raise _refused("The body is JSON, but no object.")
    if document.get("version") != _VERSION:
        raise _refused(f"The notification is not of version {_VERSION}, the one that is known here.")
    alerts = document.get("alerts")
    if not isinstance(alerts, list):
        raise _refused("The notification has no list of alerts.")
    if len(alerts) > ALERTS_MAX:
        raise _refused(
            f"The notification has more than {ALERTS_MAX} alerts.", "Set max_alerts on the receiver."
        )
    truncated = document.get("truncatedAlerts")
    return Notification(
        tuple(_alert(raw, number) for number, raw in enumerate(alerts, 1)),
        truncated if isinstance(truncated, int) and truncated > 0 else 0,
    )


def _alert(raw: object, number: int) -> Alert:
    if not isinstance(raw, dict):
        raise _refused(f"Alert {number} is no object.")
    status = raw.get("status")
    if status not in {Status.FIRING.value, Status.RESOLVED.value}:
        raise _refused(f"Alert {number} is neither firing nor resolved.")
    labels = _pairs(raw.get("labels"), _LABEL_MAX)
    if not labels:
        raise _refused(f"Alert {number} has no labels.")
    starts_at = _time(raw.get("startsAt"))
    if starts_at is None:
        raise _refused(f"Alert {number} does not say when it began (startsAt, RFC 3339).")
    ends_at = _time(raw.get("endsAt")) if status == Status.RESOLVED else None
    url = raw.get("generatorURL")
    return Alert(
        Status(status),
        _fingerprint(raw.get("fingerprint"), labels),
        starts_at,
        # Of an alert that is over, no end is no evidence of a long life.
        max(ends_at, starts_at) if ends_at is not None else starts_at if status == Status.RESOLVED else None,
        labels,
        _pairs(raw.get("annotations"), _ANNOTATION_MAX),
        url[:_URL_MAX] if isinstance(url, str) else "",
    )


def _pairs(raw: object, value_max: int) -> dict[str, str]:
    """Names and values, bounded in number and length; what is no text is left out."""
    if not isinstance(raw, dict):
        return {}
    texts = [
        (name, value) for name, value in raw.items() if isinstance(value, str) and len(name) <= _NAME_MAX
    ]
    # What is sent of an alert must not depend on the order of its labels.
    return {name: value[:value_max] for name, value in sorted(texts)[:_PAIRS_MAX]}


def _time(raw: object) -> int | None:
    """Microseconds since 1970 of RFC 3339 text; None if it is none."""
    if not isinstance(raw, str):
        return None
    try:
        moment = datetime.fromisoformat(raw[:64])
        return None if moment.tzinfo is None else (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def _fingerprint(raw: object, labels: Mapping[str, str]) -> str:
    if isinstance(raw, str) and 0 < len(raw) <= _FINGERPRINT_MAX and raw.isascii() and raw.isalnum():
        return raw
    return hashlib.sha256(orjson.dumps(sorted(labels.items()))).hexdigest()[:16]


def _refused(
    message: str, remedy: str = "Send what Alertmanager's webhook_config sends, version 4."
) -> Refusal:
    return Refusal(400, "notification_invalid", message, remedy)
