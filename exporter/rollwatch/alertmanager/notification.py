"""Alertmanager's webhook, version 4, as 0.25 and newer write it: the document, and fields of alerts. Pure.

Keys nobody here knows are passed over, since each release of Alertmanager adds some
(https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import orjson

from rollwatch.errors import RollwatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ALERTS_MAX",
    "NAME_MAX",
    "NotificationInvalid",
    "Posted",
    "Status",
    "fingerprint_of",
    "microseconds",
    "read_notification",
]

ALERTS_MAX = 5000
"""More in one notification are refused: `max_alerts` of Alertmanager's webhook_config bounds them."""
NAME_MAX = 128
"""Characters of the name of a label or an annotation."""
_FINGERPRINT_MAX = 64
_VERSION = "4"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """What Alertmanager says of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


class NotificationInvalid(RollwatchError):  # noqa: N818  a state of what was posted
    """The document is no notification of version 4. Message and remedy quote nothing of it."""

    def __init__(
        self, message: str, remedy: str = "Send what Alertmanager's webhook_config sends, version 4."
    ) -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(message)


class Posted(NamedTuple):
    """Alerts that came together, not yet looked at, and how many of their group were left out."""

    alerts: list[object]
    truncated: int


def read_notification(body: bytes) -> Posted:
    """Read the document. Raises NotificationInvalid that names what is wrong with it."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotificationInvalid(f"The body is no JSON: {error.msg} at line {error.lineno}.") from None
    if not isinstance(document, dict):
        raise NotificationInvalid("The body is JSON, but no object.")
    if document.get("version") != _VERSION:
        raise NotificationInvalid(
            f"The notification is not of version {_VERSION}, the one that is known here."
        )
    alerts = document.get("alerts")
    if not isinstance(alerts, list):
        raise NotificationInvalid("The notification has no list of alerts.")
    if len(alerts) > ALERTS_MAX:
        raise NotificationInvalid(
            f"The notification has more than {ALERTS_MAX} alerts.", "Set max_alerts on the receiver."
        )
    truncated = document.get("truncatedAlerts")
    # JSON's true is an int of Python's.
    if isinstance(truncated, bool) or not isinstance(truncated, int):
        truncated = 0
    return Posted(alerts, max(truncated, 0))


def microseconds(raw: object) -> int | None:
    """Microseconds since 1970 of RFC 3339 text; None if it is none."""
    if not isinstance(raw, str):
        return None
    try:
        moment = datetime.fromisoformat(raw[:64])
        return None if moment.tzinfo is None else (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def fingerprint_of(raw: object, labels: Mapping[str, str]) -> str:
    """What Alertmanager calls the alert by; where that can't be, a hash of its labels in any order."""
    if isinstance(raw, str) and 0 < len(raw) <= _FINGERPRINT_MAX and raw.isascii() and raw.isalnum():
        return raw
    return hashlib.sha256(orjson.dumps(sorted(labels.items()))).hexdigest()[:16]
