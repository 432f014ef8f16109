"""One alert as Alertmanager told it, bounded, and what it is known by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import orjson

from rollwatch.alertmanager.notification import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MICROSECONDS", "Alert", "Identity", "from_stored", "iso"]

MICROSECONDS = 1_000_000
_EPOCH_ISO = "%Y-%m-%dT%H:%M:%SZ"


class Identity(NamedTuple):
    """What tells two things said of an alert apart: Alertmanager's repeats have the same."""

    fingerprint: str
    status: str
    starts_at: int
    """Microseconds since 1970."""

    @property
    def digest(self) -> str:
        """The same as 32 hexadecimal digits, for receivers that know what they have by an id."""
        text = f"{self.fingerprint}\n{self.status}\n{self.starts_at}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Alert:
    """Times are in microseconds since 1970. Labels and annotations are remote text, bounded in length."""

    status: Status
    fingerprint: str
    starts_at: int
    ends_at: int | None
    """None while it fires."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(self.fingerprint, self.status.value, self.starts_at)

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def service(self) -> str:
        return self.labels.get("service", "")

    @property
    def environment(self) -> str:
        return self.labels.get("environment", "")

    @property
    def priority(self) -> str:
        return self.labels.get("priority", "")

    @property
    def is_firing(self) -> bool:
        return self.status is Status.FIRING

    @property
    def is_test(self) -> bool:
        """Whether somebody tries out the routes (`rollwatch notify test`)."""
        return self.labels.get("test") == "true"

    @property
    def summary(self) -> str:
        """One line for people; an alert without one is known by its name."""
        return self.annotations.get("summary") or self.name or "an alert without a name"

    @property
    def happened_at(self) -> int:
        """When what is told happened: the beginning, or of what is over the end."""
        return self.starts_at if self.ends_at is None else self.ends_at

    def stored(self) -> bytes:
        """What `from_stored` reads, beside the identity."""
        return orjson.dumps(
            {
                "ends_at": self.ends_at,
                "labels": dict(self.labels),
                "annotations": dict(self.annotations),
                "generator_url": self.generator_url,
            }
        )


def from_stored(identity: Identity, content: bytes) -> Alert:
    """The alert that was written. Raises ValueError if it is none."""
    said = orjson.loads(content)
    return Alert(
        Status(identity.status),
        identity.fingerprint,
        identity.starts_at,
        said["ends_at"],
        said["labels"],
        said["annotations"],
        said["generator_url"],
    )


def iso(microseconds: int) -> str:
    """`2025-11-26T08:00:00Z`; times that no calendar has are the nearest it has."""
    seconds = min(max(microseconds // MICROSECONDS, -62_135_596_800), 253_402_300_799)
    return datetime.fromtimestamp(seconds, UTC).strftime(_EPOCH_ISO)
