"""What `rollwatch rollback serve` needs beside the services: whom it asks and tells, when it does nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rollwatch.config.clock_fields import TimeOfDay, TimeZone, Weekday
from rollwatch.config.document_text import Line
from rollwatch.config.fields import Headers, HttpUrl, Name, Seconds, SecretText
from rollwatch.config.secret_url import SecretUrl
from rollwatch.config.spec import Spec

__all__ = ["FallbackSpec", "FreezeSpec", "HandlerSpec", "PeerSpec", "SystemicSpec", "WeeklyFreezeSpec"]


class PeerSpec(Spec):
    """A program that the handler asks."""

    url: HttpUrl
    token: SecretText | None = None
    """Sent as Authorization: Bearer."""
    headers: Headers = Field(default_factory=dict)
    timeout: Annotated[Seconds, Field(gt=0, le=60)] = 5.0


class FallbackSpec(Spec):
    """Who is told when Alertmanager can't be."""

    url: SecretUrl
    headers: Headers = Field(default_factory=dict)


class FreezeSpec(Spec):
    """A time in which nothing is rolled back automatically."""

    from_: Annotated[Line, Field(alias="from")]
    """RFC 3339, as 2026-12-24T18:00:00+01:00."""
    to: Line
    reason: Line


class WeeklyFreezeSpec(Spec):
    """The same every week; it may run over the end of the week."""

    from_day: Weekday
    from_time: TimeOfDay
    to_day: Weekday
    to_time: TimeOfDay
    time_zone: TimeZone
    reason: Line


class SystemicSpec(Spec):
    """So many release units that fail at once are no matter of one release."""

    units: Annotated[int, Field(ge=2, le=1000)] = 3
    within: Annotated[Seconds, Field(ge=60, le=86_400)] = 600.0


class HandlerSpec(Spec):
    """The rollback handler."""

    prometheus: PeerSpec
    """Where `ALERTS` is asked."""
    exporter: PeerSpec
    """The exporter of this production: its view of probes and versions."""
    alertmanager: PeerSpec
    """Where the handler's own events go, and where silences are asked."""
    fallback: FallbackSpec | None = None
    """Who is told when Alertmanager can't be."""
    public_url: HttpUrl | None = None
    """Under which people reach its page: for links in messages. Else the address it listens on."""
    units: Annotated[dict[Name, tuple[Name, ...]], Field(default_factory=dict)]
    """Services that are released together, in the order in which they are taken back."""
    freezes: tuple[FreezeSpec, ...] = ()
    weekly_freezes: tuple[WeeklyFreezeSpec, ...] = ()
    systemic: SystemicSpec = SystemicSpec()
    keep: Annotated[Seconds, Field(ge=86_400, le=315_360_000)] = 34_560_000.0
    """How long the journal remembers what has ended; claims are never forgotten."""
