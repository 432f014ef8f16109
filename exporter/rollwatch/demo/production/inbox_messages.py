"""What would have gone to people: the last messages, by whichever channel they came."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollwatch.clock import Clock

__all__ = ["Channel", "Draft", "Inbox", "Message"]

_KEPT = 200
_LONGEST_LINE = 300
_LONGEST_TEXT = 8000
_MOST_LINES = 200
_MOST_FACTS = 50
_MOST_LINKS = 20


class Channel(StrEnum):
    """The ways by which people are told."""

    SLACK = "slack"
    SMS = "sms"
    PAGER = "pager"
    EMAIL = "email"
    WEBHOOK = "webhook"
    SENTRY = "sentry"
    DATADOG = "datadog"


@dataclass(frozen=True, slots=True)
class Draft:
    """One message as it was sent. What a page shows of it is bounded, `payload` is all of it."""

    channel: Channel
    to: str
    title: str
    text: str
    payload: Any
    """JSON as it came; of a form or a mail an object with its parts."""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """What is written on it, and the address."""

    def bounded(self) -> Draft:
        """The same, fit to be shown: lines printable and of bounded number, links only to web pages."""
        return Draft(
            self.channel,
            clean(self.to, _LONGEST_LINE),
            clean(self.title, _LONGEST_LINE),
            _lines(self.text),
            self.payload,
            tuple((clean(name, 100), clean(value, 1000)) for name, value in self.facts[:_MOST_FACTS]),
            tuple(
                (clean(words, 100), url)
                for words, url in self.links[:_MOST_LINKS]
                if url.startswith(("http://", "https://")) and url.isprintable()
            ),
        )


@dataclass(frozen=True, slots=True)
class Message:
    """A draft that came: the how-manieth it is, counted from 1, and when, in Unix seconds."""

    number: int
    at: float
    draft: Draft


class Inbox:
    """Keeps the last 200 messages, and when the outside watchdog was last heard of."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: deque[Message] = deque(maxlen=_KEPT)
        self.taken = 0
        """How many came since the start."""
        self.heartbeats = 0
        self.heartbeat_at: float | None = None

    def take(self, draft: Draft) -> Message:
        """Keep a message."""
        self.taken += 1
        message = Message(self.taken, self._clock.wall(), draft.bounded())
        self._kept.append(message)
        return message

    def beat(self) -> None:
        """The monitoring says that it is alive."""
        self.heartbeats += 1
        self.heartbeat_at = self._clock.wall()

    def since(self, number: int) -> list[Message]:
        """What came after the message of this number, the oldest first."""
        return [message for message in self._kept if message.number > number]

    def newest_first(self, channel: Channel | None = None) -> Iterator[Message]:
        """All that are kept, or those of one channel."""
        return (m for m in reversed(self._kept) if channel is None or m.draft.channel is channel)

    def counts(self) -> dict[Channel, int]:
        """How many are kept of each channel, in the order of `Channel`."""
        return {channel: _count(self.newest_first(channel)) for channel in Channel}


def _lines(text: str) -> str:
    lines = text[:_LONGEST_TEXT].splitlines()[:_MOST_LINES]
    return "\n".join(clean(line, _LONGEST_TEXT) for line in lines)


def _count(messages: Iterable[Message]) -> int:
    return sum(1 for _ in messages)
