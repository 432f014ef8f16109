"""What Alertmanager posts, as far as the bridge sends it on. Pure."""

from __future__ import annotations

from typing import NamedTuple

from rollwatch.alertmanager.notification import (
    NAME_MAX,
    NotificationInvalid,
    Status,
    fingerprint_of,
    microseconds,
    read_notification,
)
from rollwatch.bridge.alert import Alert
from rollwatch.serving.refusal import Refusal

__all__ = ["Notification", "parse"]

_PAIRS_MAX = 64
_LABEL_MAX = 1024
_ANNOTATION_MAX = 4096
_URL_MAX = 2048


class Notification(NamedTuple):
    """Alerts that came together, and how many of their group were left out."""

    alerts: tuple[Alert, ...]
    truncated: int


def parse(body: bytes) -> Notification:
    """Read the document. Raises Refusal 400 that names what is wrong with it."""
    try:
        posted = read_notification(body)
        alerts = tuple(_alert(raw, number) for number, raw in enumerate(posted.alerts, 1))
    except NotificationInvalid as invalid:
        raise Refusal(400, "notification_invalid", invalid.message, invalid.remedy) from None
    return Notification(alerts, posted.truncated)


def _alert(raw: object, number: int) -> Alert:
    if not isinstance(raw, dict):
        raise NotificationInvalid(f"Alert {number} is no object.")
    status = raw.get("status")
    if status not in {Status.FIRING.value, Status.RESOLVED.value}:
        raise NotificationInvalid(f"Alert {number} is neither firing nor resolved.")
    labels = _pairs(raw.get("labels"), _LABEL_MAX)
    if not labels:
        raise NotificationInvalid(f"Alert {number} has no labels.")
    starts_at = microseconds(raw.get("startsAt"))
    if starts_at is None:
        raise NotificationInvalid(f"Alert {number} does not say when it began (startsAt, RFC 3339).")
    ends_at = microseconds(raw.get("endsAt")) if status == Status.RESOLVED else None
    url = raw.get("generatorURL")
    return Alert(
        Status(status),
        fingerprint_of(raw.get("fingerprint"), labels),
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
    texts = [(name, value) for name, value in raw.items() if isinstance(value, str) and len(name) <= NAME_MAX]
    # What is sent of an alert must not depend on the order of its labels.
    return {name: value[:value_max] for name, value in sorted(texts)[:_PAIRS_MAX]}
