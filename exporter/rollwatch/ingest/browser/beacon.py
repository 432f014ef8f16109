"""What a browser sends: the beacon's wire format, version 1, and reading it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter, ValidationError

from rollwatch.ingest.browser.beacon_faults import refusal_of

__all__ = [
    "Beacon",
    "Device",
    "ErrorEvent",
    "Event",
    "GoalEvent",
    "HeapEvent",
    "LoadEvent",
    "Place",
    "SessionStartEvent",
    "ShiftEvent",
    "TimeEvent",
    "ViewEvent",
    "parse_beacon",
]

_MOST_EVENTS = 50
_DAY_S = 86_400

Token = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{8,64}$")]
Place = Annotated[str, Field(min_length=1, max_length=512, pattern="^[^?#]*$")]
"""A path or a route template: nothing of a query or a fragment."""
Milliseconds = Annotated[float, Field(ge=0, le=600_000)]
Device = Literal["mobile", "desktop"]


class _Wire(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class _Placed(_Wire):
    path: Place
    """`location.pathname`."""
    route: Place | None = None
    """The template the application itself knows the path by."""


class SessionStartEvent(_Wire):
    """A visit begins."""

    type: Literal["session_start"]


class ViewEvent(_Placed):
    """A page, or another view of an application in one page, is shown."""

    type: Literal["view"]


class TimeEvent(_Placed):
    """One of the vitals that are times."""

    type: Literal["vital"]
    name: Literal["LCP", "INP", "FCP", "TTFB"]
    value: Milliseconds


class ShiftEvent(_Placed):
    """Cumulative Layout Shift."""

    type: Literal["vital"]
    name: Literal["CLS"]
    value: Annotated[float, Field(ge=0, le=100)]


class LoadEvent(_Placed):
    """From the start of the navigation to the end of the load event."""

    type: Literal["load"]
    value: Milliseconds


class GoalEvent(_Wire):
    """The visitor did what the site is for."""

    type: Literal["goal"]
    name: Annotated[str, Field(min_length=1, max_length=64)]


class ErrorEvent(_Placed):
    """An exception that nobody caught, or a rejection that nobody handled."""

    type: Literal["error"]
    kind: Literal["error", "rejection"]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    message: Annotated[str, Field(max_length=1000)]
    stack: Annotated[str, Field(max_length=16_384)] | None = None
    first: bool
    """Whether it is the first error of this view."""


class HeapEvent(_Placed):
    """Bytes of the JavaScript heap in use."""

    type: Literal["heap"]
    value: Annotated[float, Field(ge=0, le=1e12)]


_Vital = Annotated[TimeEvent | ShiftEvent, Field(discriminator="name")]
Event: TypeAlias = (
    SessionStartEvent | ViewEvent | TimeEvent | ShiftEvent | LoadEvent | GoalEvent | ErrorEvent | HeapEvent
)
_AnyEvent = Annotated[
    SessionStartEvent | ViewEvent | _Vital | LoadEvent | GoalEvent | ErrorEvent | HeapEvent,
    Field(discriminator="type"),
]


class Beacon(_Wire):
    """One request of one tab."""

    # No Literal: to that, true and 1 are the same.
    v: Annotated[int, Field(ge=1, le=1)]
    """The version of this format."""
    id: Token
    """Random, and another one for every beacon."""
    service: Annotated[str, Field(min_length=1, max_length=64)]
    session: Token
    """Random, for the life of the tab."""
    session_age_s: Annotated[float, Field(ge=0, le=30 * _DAY_S)]
    release: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    device: Device
    sent_at: Annotated[float, Field(ge=0, le=1e11)]
    """Unix seconds, by the browser's clock."""
    # At the first fault: thousands of bad events would cost as much as thousands of beacons.
    events: Annotated[tuple[_AnyEvent, ...], Field(min_length=1, max_length=_MOST_EVENTS), FailFast()]


_BEACON = TypeAdapter(Beacon)


def parse_beacon(body: bytes) -> Beacon:
    """The beacon in `body`. Raises Refusal: 400 for what is no JSON, 422 for what is no beacon.

    pydantic reads bytes into checked objects in one go: for five events that is 5 µs.
    """
    try:
        return _BEACON.validate_json(body)
    except ValidationError as error:
        raise refusal_of(error) from None
