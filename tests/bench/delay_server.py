"""A server that answers after a known delay and remembers how long each answer really took.

    delay_server.py PORT DELAY_S FILE      at SIGTERM writes FILE: a line "path began delay_s" per answer

`began` is Unix time when the connection was accepted; `delay_s` runs from then until the answer was written.
The delay runs from the request, so that what is compared is what a client can see.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import uvloop

_BODY = b'{"status": "ok"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
)

Answers = list[tuple[bytes, float, float]]


class _Delayed(asyncio.Protocol):
    def __init__(self, delay_s: float, answers: Answers) -> None:
        self._delay_s = delay_s
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._began = time.perf_counter()
        self._began_at = time.time()

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1]
        asyncio.get_running_loop().call_later(self._delay_s, self._answer, path)

    def _answer(self, path: bytes) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        transport.write(_ANSWER % (len(_BODY), _BODY))  # type: ignore[attr-defined]  a stream transport
        self._answers.append((path, self._began_at, time.perf_counter() - self._began))
        transport.close()


async def _serve(port: int, delay_s: float, answers: Answers) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: _Delayed(delay_s, answers), "127.0.0.1", port, backlog=4096)
    print("ready", flush=True)
    await stop.wait()
    server.close()


def main() -> None:
    """Serve until SIGTERM, then write down what was measured."""
    port, delay_s, path = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    answers: Answers = []
    uvloop.run(_serve(port, delay_s, answers))
    path.write_text("".join(f"{asked.decode()} {at!r} {took!r}\n" for asked, at, took in answers))


if __name__ == "__main__":
    main()
