"""A loop that only has timers: how late this machine lets anything be.

idle_loop.py RATE FILE      at SIGTERM writes FILE: how late each timer was, in seconds, a line each
"""

from __future__ import annotations

import asyncio
import signal
import sys
from functools import partial
from pathlib import Path

import uvloop


async def _tick(rate: int, lateness: list[float]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def fire(due: float) -> None:
        lateness.append(loop.time() - due)
        loop.call_at(due + 1, fire, due + 1)

    began = loop.time() + 0.1
    for number in range(rate):
        loop.call_at(began + number / rate, partial(fire, began + number / rate))
    print("ready", flush=True)
    await stop.wait()


def main() -> None:
    """Tick until SIGTERM, then write down the lateness."""
    rate, path = int(sys.argv[1]), Path(sys.argv[2])
    lateness: list[float] = []
    uvloop.run(_tick(rate, lateness))
    path.write_text("".join(f"{late!r}\n" for late in lateness))


if __name__ == "__main__":
    main()
