"""The head of the answer to an upgrade request (RFC 6455 4.2.2, RFC 9112): read as soon as it is whole.

The body of a refusal is never waited for: a server that says 403 and then nothing has said 403.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEAD_LIMIT", "BadHeadError", "Head", "find_head"]

HEAD_LIMIT = 32 * 1024
"""A head must end within this many bytes."""

_START = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_LONGEST_WAIT_S = 86_400.0


class BadHeadError(Exception):
    """What the server sent is no head of an HTTP answer; the message says why, without remote text."""


class Head(NamedTuple):
    """Status and header fields; names in lower case, of repeated fields the first."""

    status: int
    fields: Mapping[str, str]

    def retry_after_s(self, wall_s: float) -> float | None:
        """Seconds to wait by Retry-After (RFC 9110 10.2.3), at most a day; None if it says nothing usable."""
        value = self.fields.get("retry-after", "")
        if value.isascii() and value.isdigit() and len(value) < 10:
            return min(float(value), _LONGEST_WAIT_S)
        try:
            at = parsedate_to_datetime(value).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
        return min(max(0.0, at - wall_s), _LONGEST_WAIT_S)


def find_head(received: bytes | bytearray) -> tuple[Head, int] | None:
    """The head and its length in bytes; None while it has not ended. Raises BadHeadError."""
    begin = bytes(received[: len(_START)])
    if not _START.startswith(begin) and not begin.startswith(_START):
        raise BadHeadError("the server did not answer the upgrade request with HTTP/1.1")
    end = received.find(b"\r\n\r\n", 0, HEAD_LIMIT)
    if end < 0:
        if len(received) >= HEAD_LIMIT:
            raise BadHeadError(f"the head of the answer is longer than {HEAD_LIMIT // 1024} KiB")
        return None
    head = bytes(received[: end + 2])
    line = _STATUS_LINE.match(head)
    if line is None:
        raise BadHeadError("the answer to the upgrade request has a malformed status line")
    fields: dict[str, str] = {}
    for raw in head[line.end() :].split(b"\r\n"):
        name, colon, value = raw.decode("latin-1").partition(":")
        if colon:
            fields.setdefault(name.lower(), value.strip(" \t"))
    return Head(int(line[1]), fields), end + 4
