"""Takes a program's output where the handler dies before it: else its next line would end it (SIGPIPE)."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Heir"]

# It waits until nobody has the other end of what it got as stdout, which is when the handler has ended in
# whichever way; then it throws away what comes, until the program has ended.
_WAITS = "read -r _ <&1; exec cat >/dev/null"


class Heir:
    """A process that waits for the handler's death beside a pipe, for as long as the context lasts.

    Where none can be started (an image without a shell) the program runs without one.
    """

    def __init__(self, output: int, path: str) -> None:
        """`output` is the end of the pipe that is read; `path` is where `cat` is looked for."""
        ours, self._life = os.pipe2(os.O_CLOEXEC)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603  nothing of anybody else's is in it
                ("/bin/sh", "-c", _WAITS),
                # Nothing of ours: it may live longer than we do.
                cwd="/",
                env={"PATH": path},
                stdin=output,
                stdout=ours,
                stderr=subprocess.DEVNULL,
                # A Ctrl-C that ends the handler must not end it.
                start_new_session=True,
            )
        except OSError:
            return
        finally:
            os.close(ours)

    def __enter__(self) -> Heir:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        os.close(self._life)
