"""Sends beacons that differ in everything, as fast as they are answered: `PORT FIRST COUNT`.

Each has a route, an error text, a session, a client and a user agent that never came before. Prints one line
of JSON: answers by status and how long it took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from functools import partial

import uvloop

CONNECTIONS = 50


def request(number: int) -> bytes:
    """The one and only request of its kind."""
    body = (
        b'{"v":1,"id":"flood-%08d","service":"web","session":"session-%08d","session_age_s":1,"device":"desktop",'
        b'"sent_at":%.3f,"events":[{"type":"view","path":"/w%dx/page%dy"},{"type":"error","kind":"error",'
        b'"name":"E%dx","message":"lost w%dx of word%dy","first":true,"path":"/w%dx",'
        b'"stack":"E: x\\n    at f%dx (https://www.example.com/f%dx.js:1:2)"}]}'
        % (number, number, time.time(), *(number,) * 8)
    )
    return (
        b"POST /ingest/browser HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://www.example.com\r\n"
        b"User-Agent: Mozilla/5.0 (Machine %d) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0\r\n"
        b"X-Forwarded-For: 198.%d.%d.%d\r\nContent-Length: %d\r\n\r\n%s"
        % (number, number, 18 + number % 2, number // 251 % 251, number % 251, len(body), body)
    )


class Client(asyncio.Protocol):
    """One kept connection: the next request when the one before is answered."""

    def __init__(self, numbers: range, answers: Counter[str], done: asyncio.Event) -> None:
        self._numbers = iter(numbers)
        self._answers = answers
        self._done = done
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection has no other
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answers[data[9:12].decode()] += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done.set()

    def _next(self) -> None:
        number = next(self._numbers, None)
        if self._transport is None:
            return
        if number is None:
            self._transport.close()
        else:
            self._transport.write(request(number))


async def load(port: int, start: int, count: int) -> dict[str, object]:
    """Send those from number `start` on."""
    loop = asyncio.get_running_loop()
    answers: Counter[str] = Counter()
    began = time.monotonic()
    ends = []
    for first in range(CONNECTIONS):
        done = asyncio.Event()
        ends.append(done)
        numbers = range(start + first, start + count, CONNECTIONS)
        await loop.create_connection(partial(Client, numbers, answers, done), "127.0.0.1", port)
    for done in ends:
        await done.wait()
    return {"answers": dict(answers), "took_s": time.monotonic() - began}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(load(*map(int, sys.argv[1:])))))
