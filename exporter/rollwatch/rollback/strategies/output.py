"""What a program says, kept within bounds: its beginning and its end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollwatch.rollback.strategies.redaction import Redaction

__all__ = ["KEPT_BYTES", "Output"]

KEPT_BYTES = 65_536
"""Half of it from the beginning, half from the end."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_ENDS = re.compile(r"\r\n?")


class Output:
    """Takes bytes for ever, in bounded memory."""

    __slots__ = ("_half", "_head", "_tail", "total")

    def __init__(self, kept: int = KEPT_BYTES) -> None:
        self._half = kept // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0
        """Bytes that came."""

    def take(self, data: bytes) -> None:
        """More of it."""
        self.total += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data[-self._half :]
        if len(self._tail) > 4 * self._half:
            del self._tail[: -self._half]

    def whole(self) -> bytes | None:
        """All of it as it came; None where something was left out."""
        data = bytes(self._head) + bytes(self._tail[-self._half :])
        return data if len(data) == self.total else None

    def text(self, redaction: Redaction) -> str:
        """All of it as lines of printable text without secrets; what was left out is counted in its place."""
        tail = bytes(self._tail[-self._half :])
        omitted = self.total - len(self._head) - len(tail)
        if omitted <= 0:
            return _printable(redaction.redact(_plain(bytes(self._head) + tail)))
        # A secret that lies across an edge is not whole, hence not found: what may be a piece of it goes.
        margin = redaction.longest
        first = redaction.redact(_plain(bytes(self._head)))
        last = redaction.redact(_plain(tail))
        first, last = first[: max(0, len(first) - margin)], last[margin:]
        return f"{_printable(first)}\n[... {omitted} bytes left out ...]\n{_printable(last)}"


def _plain(data: bytes) -> str:
    return _LINE_ENDS.sub("\n", _ANSI.sub("", data.decode("utf-8", "replace")))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
