"""Ways to people, which priority uses which, and whose a service's are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rollwatch.config.notifications import Audience, Channels, NotificationsSpec

__all__ = ["BY_PRIORITY", "Channel", "Reach", "chosen", "contacts", "reach"]


class Channel(StrEnum):
    """A way to people, as the configuration names it; the loudest first."""

    PAGERDUTY = "pagerduty"
    SMS = "sms"
    SLACK = "slack"
    EMAIL = "email"


_LOUD = (Channel.PAGERDUTY, Channel.SMS)
_QUIET = (Channel.SLACK, Channel.EMAIL)

BY_PRIORITY: Mapping[Priority, tuple[tuple[Channel, ...], ...]] = {
    Priority.P0: ((*_LOUD, *_QUIET),),
    Priority.P1: (_QUIET, _LOUD),
    Priority.P2: ((Channel.SLACK,), (Channel.EMAIL,)),
    Priority.P3: ((Channel.SLACK,), (Channel.EMAIL,)),
}
"""All of the first set that are there; where none of it is, all of the next."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How one service's people are reached: receivers, by channel."""

    usual: Mapping[Channel, str]
    batched: Mapping[Channel, str]
    """The same people, for what is sent in batches: by a name of its own it can be led elsewhere."""
    escalation: Mapping[Channel, str]
    """Empty: a P1 that lasts is told as a P0 is."""


def reach(everybody: NotificationsSpec, own: Audience | None = None, service: str = "") -> Reach:
    """Channel by channel the service's own, else everybody's; an escalation of its own replaces theirs."""
    usual = _receivers(everybody)
    batched = _receivers(everybody, "-batched")
    escalation = _receivers(everybody.escalation, "-escalation")
    if own is not None:
        usual |= _receivers(own, f"/{service}")
        batched |= _receivers(own, f"-batched/{service}")
        if own.escalation is not None:
            escalation = _receivers(own.escalation, f"-escalation/{service}")
    return Reach(*(_loudest_first(receivers) for receivers in (usual, batched, escalation)))


def chosen(
    there: Mapping[Channel, str], sets: Iterable[Iterable[Channel]], without: Channel | None = None
) -> tuple[str, ...]:
    """The receivers of the first set that has any."""
    for wanted in sets:
        found = tuple(there[each] for each in wanted if each in there and each is not without)
        if found:
            return found
    return ()


def contacts(channels: Channels | None) -> Iterator[tuple[Channel, object]]:
    """What a mapping of the file says, channel by channel."""
    for channel in Channel:
        spec = None if channels is None else getattr(channels, channel)
        if spec is not None:
            yield channel, spec


def _receivers(channels: Channels | None, suffix: str = "") -> dict[Channel, str]:
    return {channel: f"{channel}{suffix}" for channel, _ in contacts(channels)}


def _loudest_first(receivers: Mapping[Channel, str]) -> dict[Channel, str]:
    return {channel: receivers[channel] for channel in Channel if channel in receivers}
