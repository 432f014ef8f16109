"""Processes that bench_http measures beside the exporter, or that drive one: at a fixed rate, until ended.

http_peers.py bare|aiohttp HOST PORT RATE      a fresh connection, the whole answer, the same pattern
http_peers.py scrape HOST PORT RATE PATH       GET PATH over kept connections, as Prometheus scrapes
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import aiohttp
import uvloop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATTERN = re.compile(rb'"status": ?"ok"')


class _Bare(asyncio.Protocol):
    """The floor: send, gather until the end, look. No deadline, no phases, no HTTP."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]  a stream transport

    def data_received(self, data: bytes) -> None:
        self._received.append(data)

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None or PATTERN.search(b"".join(self._received)) is None:
            sys.exit("the bare protocol did not get what it asked for")


async def _paced(rate: float, ask: Callable[[], Awaitable[object]]) -> None:
    """Start `ask` `rate` times a second on a grid that does not drift."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    running: set[asyncio.Task[object]] = set()
    number = 0
    while True:
        number += 1
        await asyncio.sleep(began + number / rate - loop.time())
        task = asyncio.ensure_future(ask())
        running.add(task)
        task.add_done_callback(running.discard)


async def _run(mode: str, host: str, port: int, rate: float, path: str) -> None:
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    if mode == "bare":
        request = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
        await _paced(rate, lambda: loop.create_connection(lambda: _Bare(request), host, port))
        return
    connector = aiohttp.TCPConnector(force_close=mode == "aiohttp", limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        wanted = PATTERN if mode == "aiohttp" else re.compile(rb"^probe_success 1$", re.MULTILINE)

        async def ask() -> None:
            async with session.get(f"http://{host}:{port}{path}") as response:
                if wanted.search(await response.read()) is None:
                    sys.exit(f"{mode} did not get what it asked for")

        await _paced(rate, ask)


def main() -> None:
    """Run until SIGTERM."""
    mode, host, port, rate, *rest = sys.argv[1:]
    uvloop.run(_run(mode, host, int(port), float(rate), rest[0] if rest else "/"))


if __name__ == "__main__":
    main()
