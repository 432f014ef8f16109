"""The errors that browsers reported of one service, in groups; bounded, and gone with the process."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TypedDict

__all__ = ["ErrorGroups", "ErrorSeen", "GroupView"]

_BITS = 8192
"""Of the map that affected sessions are estimated from; 1 KiB a group."""
_DISTINCT = 8
_WORD_LIMIT = 64
_TITLE_LIMIT = 256
_MESSAGE_LIMIT = 1000
_STACK_LIMIT = 16_384
_PATH_LIMIT = 512


@dataclass(frozen=True, slots=True)
class ErrorSeen:
    """One error that one browser reported. Its texts are free of personal data already."""

    fingerprint: str
    title: str
    kind: str
    """`error` or `rejection`."""
    message: str
    stack: str
    """For people; empty if there is none."""
    release: str | None
    browser: str
    session: str
    """Only counted, and not kept."""
    path: str
    route: str | None
    at: float
    """Unix seconds."""
    ignored_by: str | None = None
    """The name of the declared pattern that this error is ignored by."""


class GroupView(TypedDict):
    """A group of errors as plain values. Its texts come from browsers: escape them where they are shown."""

    fingerprint: str
    title: str
    count: int
    first_seen: float
    last_seen: float
    sessions: int
    """Affected ones, about: see ErrorGroups."""
    releases: list[str]
    """Newest last, at most 8; so are the browsers."""
    browsers: list[str]
    kind: str
    """As the message, the stack, the place and the pattern of the newest error."""
    message: str
    stack: str
    path: str
    route: str | None
    ignored_by: str | None


class ErrorGroups:
    """The groups that an error was seen of last; a new group takes the place of the one unseen for longest.

    Affected sessions are estimated by linear counting (Whang, Vander-Zanden, Taylor 1990) in a map of 8,192
    bits, so that no session's id is kept. Up to 100 sessions the estimate is rarely off by more than one; the
    standard error is 0.9 % at 8,000 sessions and 4 % at 50,000; it ends at 73,817.

    `key` is random, of this process, at most 64 bytes: nobody can choose sessions that fall on the same bit.
    """

    def __init__(self, limit: int = 200, *, key: bytes) -> None:
        self._limit = limit
        self._key = key
        self._groups: dict[str, _Group] = {}
        """In the order they were last seen: the wall clock may jump."""

    def __len__(self) -> int:
        return len(self._groups)

    def record(self, error: ErrorSeen) -> None:
        """Count one error. Every text is cut to a limit."""
        fingerprint = error.fingerprint[:_WORD_LIMIT]
        group = self._groups.pop(fingerprint, None)
        if group is None:
            if len(self._groups) >= self._limit:
                del self._groups[next(iter(self._groups))]
            group = _Group(error.at)
        self._groups[fingerprint] = group
        group.take(error, self._bit_of(error.session))

    def view(self) -> list[GroupView]:
        """All groups, the newest first."""
        return [group.view(fingerprint) for fingerprint, group in reversed(self._groups.items())]

    def _bit_of(self, session: str) -> int:
        text = session.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(text, digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big") % _BITS


@dataclass(slots=True)
class _Group:
    first_seen: float
    last_seen: float = 0.0
    count: int = 0
    bits: bytearray = field(default_factory=lambda: bytearray(_BITS // 8))
    bits_set: int = 0
    releases: dict[str, None] = field(default_factory=dict)
    browsers: dict[str, None] = field(default_factory=dict)
    title: str = ""
    kind: str = ""
    message: str = ""
    stack: str = ""
    path: str = ""
    route: str | None = None
    ignored_by: str | None = None

    def take(self, error: ErrorSeen, bit: int) -> None:
        self.count += 1
        self.last_seen = error.at
        mask = 1 << (bit & 7)
        if not self.bits[bit >> 3] & mask:
            self.bits[bit >> 3] |= mask
            self.bits_set += 1
        if error.release is not None:
            _note(self.releases, error.release)
        _note(self.browsers, error.browser)
        self.title = error.title[:_TITLE_LIMIT]
        self.kind = error.kind[:_WORD_LIMIT]
        self.message = error.message[:_MESSAGE_LIMIT]
        # An error without a stack tells less than the one before it.
        self.stack = error.stack[:_STACK_LIMIT] or self.stack
        self.path = error.path[:_PATH_LIMIT]
        self.route = None if error.route is None else error.route[:_PATH_LIMIT]
        self.ignored_by = None if error.ignored_by is None else error.ignored_by[:_WORD_LIMIT]

    def view(self, fingerprint: str) -> GroupView:
        return GroupView(
            fingerprint=fingerprint,
            title=self.title,
            count=self.count,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            sessions=_estimate(self.bits_set),
            releases=list(self.releases),
            browsers=list(self.browsers),
            kind=self.kind,
            message=self.message,
            stack=self.stack,
            path=self.path,
            route=self.route,
            ignored_by=self.ignored_by,
        )


def _note(seen: dict[str, None], word: str) -> None:
    """Make `word` the newest of the few that are kept."""
    word = word[:_WORD_LIMIT]
    seen.pop(word, None)
    if len(seen) >= _DISTINCT:
        del seen[next(iter(seen))]
    seen[word] = None


def _estimate(bits_set: int) -> int:
    # With every bit set there may be any number: what is told is the estimate for one bit less.
    return round(_BITS * math.log(_BITS / max(_BITS - bits_set, 1)))
