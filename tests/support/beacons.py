"""What a browser may send: the beacon's wire format, version 1, as strict as a reader can be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["BROWSER_BEACON_BYTES_MAX", "Beacon", "Event"]

BROWSER_BEACON_BYTES_MAX = 60_000

Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
# The path alone: nothing of a query or a fragment.
Place = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^?#]+$")]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Duration = Annotated[float, Field(ge=0, le=600_000, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Placed(_Strict):
    path: Place
    route: Place | None = None


class SessionStart(_Strict):
    type: Literal["session_start"]


class View(_Placed):
    type: Literal["view"]


class Vital(_Placed):
    type: Literal["vital"]
    name: Literal["LCP", "INP", "CLS", "FCP", "TTFB"]
    value: Duration


class Load(_Placed):
    type: Literal["load"]
    value: Duration


class Goal(_Strict):
    type: Literal["goal"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ScriptError(_Placed):
    type: Literal["error"]
    kind: Literal["error", "rejection"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    message: Annotated[str, StringConstraints(max_length=1000)]
    stack: Annotated[str, StringConstraints(max_length=16384)] | None = None
    first: bool


class Heap(_Placed):
    type: Literal["heap"]
    value: Annotated[int, Field(ge=0)]


Event = Annotated[
    SessionStart | View | Vital | Load | Goal | ScriptError | Heap,
    Field(discriminator="type"),
]


class Beacon(_Strict):
    """One POST of a browser."""

    v: Literal[1]
    id: Token
    service: str
    session: Token
    session_age_s: Annotated[float, Field(ge=0, le=30 * 86400)]
    release: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    device: Literal["mobile", "desktop"]
    sent_at: Amount
    events: Annotated[list[Event], Field(min_length=1, max_length=50)]
