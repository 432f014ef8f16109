"""What `rollwatch rollback serve` needs beside the services: whom it asks and tells, when it does nothing."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from rollwatch.config.clock_fields import Moment, TimeOfDay, TimeZone, Weekday
from rollwatch.config.document_text import Line
from rollwatch.config.fields import Headers, HttpUrl, Name, Seconds, SecretText, mistake
from rollwatch.config.secret_url import SecretUrl
from rollwatch.config.spec import Spec

__all__ = ["FallbackSpec", "FreezeSpec", "HandlerSpec", "PeerSpec", "SystemicSpec", "WeeklyFreezeSpec"]


def _shown(url: HttpUrl) -> HttpUrl:
    if url.has_secret or url.masked != url.render():
        raise mistake("is shown to everybody and has credentials in it", "Write it without them.")
    return url


PublicUrl = Annotated[
    HttpUrl,
    AfterValidator(_shown),
    WithJsonSchema({"type": "string", "title": "address for people", "pattern": "^https?://"}),
]
"""Where people reach a page; without credentials."""


class PeerSpec(Spec):
    """A program that the handler asks."""

    url: HttpUrl
    """Where it is."""
    token: SecretText | None = None
    """Sent as Authorization: Bearer."""
    headers: Headers = Field(default_factory=dict)
    """Header fields of each request."""
    timeout: Annotated[Seconds, Field(gt=0, le=60)] = 5.0
    """How long an answer may take."""


class FallbackSpec(Spec):
    """Who is told when Alertmanager can't be."""

    url: SecretUrl
    """Posted to, with a JSON document: `text`, `timestamp`, `service`, `environment`."""
    headers: Headers = Field(default_factory=dict)
    """Header fields of the request."""


class FreezeSpec(Spec):
    """A time in which nothing is rolled back, but by a person as an emergency."""

    from_: Annotated[Moment, Field(alias="from")]
    """When it begins: `"2026-12-24T18:00:00+01:00"`, in quotes."""
    to: Moment
    """When it ends."""
    reason: Line
    """Why; people see it."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.from_ >= self.to:
            raise mistake("is not after its beginning", "Write a later time, or swap the two.", at=("to",))
        return self


class WeeklyFreezeSpec(Spec):
    """A freeze of every week, which may run over the end of the week: only an emergency passes it."""

    from_day: Weekday
    """The day on which it begins."""
    from_time: TimeOfDay
    """When on that day."""
    to_day: Weekday
    """The day on which it ends."""
    to_time: TimeOfDay
    """When on that day."""
    time_zone: TimeZone
    """By whose clocks."""
    reason: Line
    """Why; people see it."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if (self.from_day, self.from_time) == (self.to_day, self.to_time):
            raise mistake(
                "is when it begins, too: nothing or everything would be frozen",
                "Write another time; mode: dry-run takes nothing back at all.",
                at=("to_time",),
            )
        return self


class SystemicSpec(Spec):
    """So many release units that fail at once are no matter of one release."""

    units: Annotated[int, Field(ge=2, le=1000)] = 3
    """From so many on."""
    within: Annotated[Seconds, Field(ge=60, le=86_400)] = 600.0
    """In so long a time."""


class HandlerSpec(Spec):
    """The rollback handler; only `rollwatch rollback serve` reads its secrets."""

    prometheus: PeerSpec
    """Prometheus, where `ALERTS` is asked."""
    exporter: PeerSpec
    """The exporter of this production: its view of probes and versions. Keys as of `prometheus`."""
    alertmanager: PeerSpec
    """Alertmanager: the handler's own events go there, and silences are asked. Keys as of `prometheus`."""
    fallback: FallbackSpec | None = None
    """Who is told when Alertmanager can't be."""
    public_url: PublicUrl | None = None
    """Under which people reach its page: for links in messages. Else the address it listens on."""
    units: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)]],
        Field(default_factory=dict),
    ]
    """Services that are released together, in the order in which they are taken back, by name of the unit."""
    freezes: Annotated[tuple[FreezeSpec, ...], Field(max_length=200)] = ()
    """Times in which nothing is rolled back, neither by an alert nor by hand; only an emergency is."""
    weekly_freezes: Annotated[tuple[WeeklyFreezeSpec, ...], Field(max_length=50)] = ()
    """The same, every week."""
    systemic: SystemicSpec = SystemicSpec()
    """When it is no matter of one release."""
    fault_window: Annotated[Seconds, Field(ge=60, le=86_400)] = 900.0
    """How long before a deployment Prometheus must have seen no trace of the fault: else the release is not
    to blame. Longer than five scrape intervals."""
    journal: SecretText | None = None
    """Address of a PostgreSQL database for the journal (`postgresql://user:password@host/name`), never the
    one of the production that is watched; without it, SQLite in `--storage.path`. A change needs a
    restart."""
    keep: Annotated[Seconds, Field(ge=86_400, le=315_360_000)] = 34_560_000.0
    """How long the journal remembers what has ended; which releases were taken back is never forgotten."""
