"""Where log lines go: a bounded queue, and a thread that writes them.

Whoever reads our log may stop reading, go away, or run out of disk. A write made where the event happens
would then stop the event loop, or end the process; here such lines are dropped and counted.
"""

from __future__ import annotations

import atexit
import os
import select
import threading
from queue import SimpleQueue

__all__ = ["LogSink"]

_LINES_MAX = 4096
_DRAIN_S = 1.0


class LogSink:
    """A text stream that never blocks and never fails, onto a file descriptor; None throws all away.

    At the end of the process it waits up to one second for what is still queued.
    """

    def __init__(self, fd: int | None, *, lines_max: int = _LINES_MAX, drain_s: float = _DRAIN_S) -> None:
        self._fd = fd
        self._lines_max = lines_max
        self._drain_s = drain_s
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._refused = 0
        self._failed = 0
        self._writer: threading.Thread | None = None
        if fd is not None:
            self._writer = threading.Thread(target=self._write_all, name="log", daemon=True)
            self._writer.start()
            atexit.register(self.close)

    @property
    def dropped(self) -> int:
        """Lines that nobody will see."""
        return self._refused + self._failed

    def write(self, text: str) -> None:
        """Queue one event, its newline included."""
        if self._writer is None or self._lines.qsize() >= self._lines_max:
            self._refused += 1
        else:
            self._lines.put(text)

    def flush(self) -> None:
        """Nothing: a stream has this."""

    def close(self) -> None:
        """Write what is queued, for as long as the reader lets us and no longer than the bound."""
        if self._writer is not None:
            self._lines.put(None)
            self._writer.join(self._drain_s)
            atexit.unregister(self.close)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._write(line.encode("utf-8", "backslashreplace"))
            except OSError:
                # The reader has gone, or the disk is full: it may come back, so the next line is tried.
                self._failed += 1

    def _write(self, data: bytes) -> None:
        fd = self._fd
        assert fd is not None  # noqa: S101  there is no thread without one
        while data:
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:
                # Somebody who shares this descriptor made it non-blocking.
                poll = select.poll()
                poll.register(fd, select.POLLOUT)
                poll.poll()
