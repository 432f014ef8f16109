"""What an error that a browser reports is: ignored, or of which group."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.ingest.browser.fingerprint import fingerprint, title
from rollwatch.ingest.browser.frames import parse_stack, render
from rollwatch.ingest.browser.privacy import scrub
from rollwatch.ingest.clients import Buckets
from rollwatch.metrics.bounded import OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.fields import Pattern
    from rollwatch.ingest.browser.beacon import ErrorEvent

__all__ = ["Examined", "Examiner"]

_REMEMBERED = 1000
_RATE = 20.0
_BURST = 200.0
_MESSAGE_LIMIT = 1000
_STACK_LIMIT = 2000
"""Characters that are remembered of a stack: what is at the top."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What is known of an error, without anything of a person."""

    fingerprint: str
    """`other` if nobody looked."""
    title: str = ""
    message: str = ""
    stack: str = ""
    """Its first frames as they came, for people."""
    stack_digest: bytes = b""
    """Tells its frames from others."""
    ignored_by: str | None = None
    """The name of the pattern."""

    @property
    def is_grouped(self) -> bool:
        """Whether somebody looked."""
        return self.fingerprint != OTHER


class Examiner:
    """Looks at errors; at those that came before only once.

    Taking a made-up error apart costs milliseconds: of texts that are new, 20 a second are looked at and 200
    at once. The rest have the fingerprint `other`; whether they are ignored is found out for all.
    """

    def __init__(self, clock: Clock, *, secret: bytes, limit: int = _REMEMBERED) -> None:
        self._clock = clock
        self._secret = secret
        self._limit = limit
        self._patterns: Mapping[str, Pattern] = {}
        self._known: OrderedDict[bytes, Examined] = OrderedDict()
        self._budget = Buckets(_RATE, _BURST, limit=1)

    def configure(self, patterns: Mapping[str, Pattern]) -> None:
        """Ignore what these match from now on."""
        if patterns != self._patterns:
            self._known.clear()
        self._patterns = patterns

    def knows(self, event: ErrorEvent) -> bool:
        """Whether these texts came before."""
        return self._key_of(event) in self._known

    def examine(self, event: ErrorEvent) -> Examined:
        """What `event` is; after up to 15 ms where it is new and hostile, else at once."""
        digest = self._key_of(event)
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
            return known
        text = f"{event.name}: {event.message}"
        ignored_by = next((name for name, p in self._patterns.items() if p.search(text) is not None), None)
        if self._budget.wait_s(b"", self._clock.monotonic()) > 0:
            return Examined(OTHER, ignored_by=ignored_by)
        frames = parse_stack(event.stack or "")
        stack = render(frames)
        examined = Examined(
            fingerprint(event.name, event.message, frames),
            title(event.name, event.message),
            scrub(event.message, _MESSAGE_LIMIT),
            stack[:_STACK_LIMIT],
            self._digest_of(stack),
            ignored_by,
        )
        if len(self._known) >= self._limit:
            self._known.popitem(last=False)
        self._known[digest] = examined
        return examined

    def __len__(self) -> int:
        return len(self._known)

    def _key_of(self, event: ErrorEvent) -> bytes:
        # Not the texts themselves: what is in them of a person is not to be kept.
        return self._digest_of("\x00".join((event.name, event.message, event.stack or "")))

    def _digest_of(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=self._secret, person=b"error", digest_size=16).digest()
