"""What goes into the database and what comes out: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.bridge.alert import Alert, Identity, from_stored

if TYPE_CHECKING:
    from rollwatch.bridge.channels.channel import LaneKey
    from rollwatch.bridge.words import ChannelName, State

__all__ = ["ChannelState", "Delivery", "Seen", "Taken", "Told", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An alert that arrived, and what is to become of it."""

    alert: Alert
    lanes: tuple[LaneKey, ...] = ()
    is_summarized: bool = False
    """Whether the daily summary tells of it."""
    refused: tuple[tuple[LaneKey, str], ...] = ()
    """Where it can't be sent, and why: written down as given up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one notification came to, by channel."""

    queued: dict[ChannelName, int]
    duplicates: dict[ChannelName, int]
    refused: dict[ChannelName, int]
    lanes: set[LaneKey]
    """Those that have something to do now."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to be sent to one target."""

    id: int
    identity: Identity
    content: bytes
    attempts: int
    """The one about to be made included."""
    queued_at: float
    """Seconds since 1970."""

    @property
    def alert(self) -> Alert:
        """What is told, where it is an alert."""
        return from_stored(self.identity, self.content)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How one channel stood when a process ended."""

    last_success_at: float | None
    is_failing: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert of the daily summary, and when it was taken (seconds since 1970)."""

    alert: Alert
    taken_at: float


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one alert on one channel."""

    alert: Alert
    lane: LaneKey
    state: State | None
    """None: kept for the daily summary."""
    attempts: int
    queued_at: float
    done_at: float | None
    detail: str
