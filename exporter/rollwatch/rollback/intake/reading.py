"""A notification, sorted into what the handler is for and what it is not. Pure.

Each alert is judged by its own status and labels: a group may mix those that fire with those that are over.
One that can't be used does not take the others down with it: it is refused by its number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.alertmanager.notification import (
    NAME_MAX,
    Status,
    fingerprint_of,
    microseconds,
    read_notification,
)
from rollwatch.rollback.model.alert import RollbackAlert

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Delivered", "Unusable", "read_delivery"]

_PAIRS_MAX = 64
_LABEL_MAX = 1024
_ANNOTATION_MAX = 4096
_WORD = re.compile(r"[A-Za-z0-9._/-]{1,128}")
_TIMELINE = frozenset({"P0", "P1"})
_MICROSECONDS = 1_000_000


class Unusable(NamedTuple):
    """An alert that is not taken: its number in the notification, from 1, and why, without remote text."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one notification held."""

    rollback: tuple[RollbackAlert, ...] = ()
    """Marked rollback="auto", firing or resolved."""
    timeline: int = 0
    """P0 and P1 without that mark: what happened meanwhile, never a reason to act."""
    ignored: int = 0
    """All others."""
    unusable: tuple[Unusable, ...] = ()
    truncated: int = 0
    """How many of the group Alertmanager left out; `max_alerts` of the receiver does that."""


class _Bad(Exception):  # noqa: N818  it never leaves this module
    pass


def read_delivery(body: bytes) -> Delivered:
    """Read and sort. Raises NotificationInvalid if the document as a whole is none."""
    posted = read_notification(body)
    rollback: list[RollbackAlert] = []
    unusable: list[Unusable] = []
    timeline = ignored = 0
    for number, raw in enumerate(posted.alerts, 1):
        try:
            alert = _alert(raw)
        except _Bad as bad:
            unusable.append(Unusable(number, str(bad)))
            continue
        if alert.is_for_rollback:
            rollback.append(alert)
        elif alert.labels.get("priority") in _TIMELINE:
            timeline += 1
        else:
            ignored += 1
    return Delivered(tuple(rollback), timeline, ignored, tuple(unusable), posted.truncated)


def _alert(raw: object) -> RollbackAlert:
    if not isinstance(raw, dict):
        raise _Bad("it is no object")
    status = raw.get("status")
    if status not in {Status.FIRING.value, Status.RESOLVED.value}:
        raise _Bad("it is neither firing nor resolved")
    labels = _labels(raw.get("labels"))
    annotations = _annotations(raw.get("annotations"))
    starts_at = microseconds(raw.get("startsAt"))
    if starts_at is None:
        raise _Bad("it does not say when it began (startsAt, RFC 3339)")
    ends_at = microseconds(raw.get("endsAt")) if status == Status.RESOLVED else None
    if status == Status.RESOLVED:
        # An end before the beginning, or in the year 1, is none.
        ends_at = starts_at if ends_at is None else max(ends_at, starts_at)
    alert = RollbackAlert(
        fingerprint_of(raw.get("fingerprint"), labels),
        starts_at / _MICROSECONDS,
        status == Status.FIRING,
        MappingProxyType(labels),
        MappingProxyType(annotations),
        None if ends_at is None else ends_at / _MICROSECONDS,
    )
    if alert.is_for_rollback:
        _check_words(alert)
    return alert


def _check_words(alert: RollbackAlert) -> None:
    """What names things must be a plain word; everything else is only ever shown."""
    words: Mapping[str, str | None] = {
        "the label alertname": alert.name,
        "the label service": alert.service,
        "the label environment": alert.environment or None,
        "the annotation paging_twin": alert.paging_twin,
    }
    for what, word in words.items():
        if word is not None and _WORD.fullmatch(word) is None:
            raise _Bad(f"{what} is missing, or is not 1 to 128 of letters, digits and ._/-")


def _labels(raw: object) -> dict[str, str]:
    """All of them, since what they are known by must not be cut."""
    if not isinstance(raw, dict) or not raw:
        raise _Bad("it has no labels")
    if len(raw) > _PAIRS_MAX:
        raise _Bad(f"it has more than {_PAIRS_MAX} labels")
    for name, value in raw.items():
        if not isinstance(value, str):
            raise _Bad("a label is no text")
        if len(name) > NAME_MAX or len(value) > _LABEL_MAX:
            raise _Bad(f"a label is longer than {_LABEL_MAX} characters, or its name than {NAME_MAX}")
        if "\0" in name or "\0" in value:
            raise _Bad("a label holds a NUL")
    return dict(sorted(raw.items()))


def _annotations(raw: Any) -> dict[str, str]:
    """Texts for people, cut to bounds; what is no text is left out."""
    if not isinstance(raw, dict):
        return {}
    texts = [(name, value) for name, value in raw.items() if isinstance(value, str) and len(name) <= NAME_MAX]
    return {
        name.replace("\0", "?"): value[:_ANNOTATION_MAX].replace("\0", "?")
        for name, value in sorted(texts)[:_PAIRS_MAX]
    }
