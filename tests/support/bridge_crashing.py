"""`python -m support.bridge_crashing STEP ARGS...`: `rollwatch bridge ARGS...` that dies at a step.

It dies as with kill -9, the first time it comes to STEP: `before_take` (nothing written), `after_take`
(written, not answered), `before_claim`, `after_claim` (marked, nothing sent), `after_send` (sent, not
marked), `after_settle` (marked as sent).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STEPS"]

STEPS = ("before_take", "after_take", "before_claim", "after_claim", "after_send", "after_settle")


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead processes say nothing")


def _breaking(method: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
    async def broken(*args: Any, **options: Any) -> Any:
        if before:
            _die()
        found = await method(*args, **options)
        # A lane also asks when there is nothing to do; that is no step of a send.
        return _die() if found != [] else found

    return broken


def main() -> None:
    from rollwatch.bridge.storage.queue import Queue
    from rollwatch.cli import main as rollwatch

    step = sys.argv.pop(1)
    when, _, what = step.partition("_")
    is_before = when == "before" or what == "send"
    name = "settle" if what == "send" else what
    setattr(Queue, name, _breaking(getattr(Queue, name), before=is_before))
    rollwatch()


if __name__ == "__main__":
    main()
