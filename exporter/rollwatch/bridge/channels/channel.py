"""What a channel is: how fast it may send, how long it tries, and one way to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rollwatch.bridge.words import ChannelName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.bridge.storage.records import Delivery

__all__ = ["Channel", "LaneKey", "Pace"]


@dataclass(frozen=True, slots=True, order=True)
class LaneKey:
    """One channel to one target: what is sent one after the other, and held up by nothing else.

    `target` is a phone number, the name of a webhook, or empty where a channel has one target only.
    """

    channel: ChannelName
    target: str = ""

    @property
    def shown(self) -> str:
        """For logs and JSON: of a phone number the last four digits."""
        if self.channel is ChannelName.SMS and self.target:
            return f"…{self.target[-4:]}"
        return self.target


@dataclass(frozen=True, slots=True)
class Pace:
    """How a channel is used. Seconds."""

    burst: int
    every_s: float
    """After a burst, one each such time."""
    give_up_s: float
    """What is older is not sent any more."""
    longest_wait_s: float = 300.0
    """Between two attempts."""
    at_once: int = 1
    """How many alerts one sending may take."""
    gather_s: float = 0.0
    """How long the first alert waits for others that come with it."""


class Channel(Protocol):
    """A way to somebody who is told of alerts."""

    @property
    def pace(self) -> Pace: ...

    async def send(self, batch: Sequence[Delivery]) -> None:
        """Hand over all of `batch`, 1 to `pace.at_once` deliveries. Raises SendFailed, SecretUnavailable."""
        ...
