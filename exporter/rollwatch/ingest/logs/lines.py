"""Bytes in, complete lines out, whole chunks at a time."""

from __future__ import annotations

__all__ = ["LINE_BYTES", "LineSplitter"]

LINE_BYTES = 1024 * 1024


class LineSplitter:
    """Cuts a stream of bytes at newlines; how the stream is cut into chunks makes no difference.

    Lines come without their `\\n` or `\\r\\n`. One longer than `limit` bytes is left out whole and counted
    once. `limit` + 1 bytes are held at most. `rest` and `is_skipping` go on where another splitter ended;
    `is_skipping` alone begins in the middle of a line, which is left out without being counted.
    """

    __slots__ = ("_is_skipping", "_limit", "_rest", "_too_long")

    def __init__(self, limit: int = LINE_BYTES, *, rest: bytes = b"", is_skipping: bool = False) -> None:
        self._limit = limit
        self._rest = bytearray(rest)
        self._is_skipping = is_skipping
        self._too_long = 0

    @property
    def rest(self) -> bytes:
        """The beginning of a line whose end has not come yet."""
        return bytes(self._rest)

    @property
    def is_skipping(self) -> bool:
        """Whether everything up to the next newline is left out."""
        return self._is_skipping

    def take_too_long(self) -> int:
        """How many lines were too long since this was last asked."""
        count, self._too_long = self._too_long, 0
        return count

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines:
            # Looking for one byte in a chunk costs nothing beside a look at each line.
            has_returns = b"\r" in data or self._rest.endswith(b"\r")
            if self._is_skipping:
                self._is_skipping = False
                del lines[0]
            elif self._rest:
                lines[0] = bytes(self._rest + lines[0])
                self._rest.clear()
            if has_returns:
                lines = [line.removesuffix(b"\r") for line in lines]
            lines = self._without_too_long(lines, len(data))
        self._keep(rest)
        return lines

    def flush(self) -> list[bytes]:
        """What is left when nothing more will come, as a line; empty if there is nothing."""
        rest = self.rest
        self._rest.clear()
        self._is_skipping = False
        if len(rest) > self._limit:
            self._too_long += 1
            return []
        return [rest] if rest else []

    def _without_too_long(self, lines: list[bytes], chunk_bytes: int) -> list[bytes]:
        # Only the first can be longer than the chunk it ended in.
        suspects = lines if chunk_bytes > self._limit else lines[:1]
        if all(len(line) <= self._limit for line in suspects):
            return lines
        fitting = [line for line in lines if len(line) <= self._limit]
        self._too_long += len(lines) - len(fitting)
        return fitting

    def _keep(self, rest: bytes) -> None:
        if self._is_skipping:
            return
        # One byte more than the limit may yet turn out to be the \r of a line that is just short enough.
        if len(self._rest) + len(rest) > self._limit + 1:
            self._rest.clear()
            self._is_skipping = True
            self._too_long += 1
        else:
            self._rest += rest
