"""Sends beacons over kept connections at a fixed rate, and says what came back: `PORT PATH RATE SECONDS`.

Prints one line of JSON: sent, answers by status, and how far the last send was behind its time.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter, deque

CONNECTIONS = 40
CLIENTS = 500
BROWSER = (
    b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
EVENTS = (
    b'[{"type":"view","path":"/stocks/AAPL"},{"type":"vital","name":"LCP","value":1234.5,"path":"/stocks/AAPL"},'
    b'{"type":"vital","name":"CLS","value":0.04,"path":"/stocks/AAPL"},'
    b'{"type":"vital","name":"INP","value":96,"path":"/stocks/AAPL"},'
    b'{"type":"load","value":1820.2,"path":"/stocks/AAPL"}]'
)


class Client(asyncio.Protocol):
    """One kept connection: requests in order, answers counted."""

    def __init__(self, answers: Counter[str]) -> None:
        self.answers = answers
        self.waiting: deque[None] = deque()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP connection has no other

    def data_received(self, data: bytes) -> None:
        for part in data.split(b"HTTP/1.1 ")[1:]:
            self.answers[part[:3].decode()] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.answers["lost"] += 1


def request(path: str, number: int) -> bytes:
    """The request of beacon `number`: one of so many clients and sessions, an id of its own."""
    who = number % CLIENTS
    body = (
        b'{"v":1,"id":"b%08d%s","service":"web","session":"session-%04d","session_age_s":%d,"device":"desktop",'
        b'"release":"2.8.1","sent_at":%.3f,"events":%s}'
        % (number, RUN, who, number // CLIENTS, time.time(), EVENTS)
    )
    return (
        b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://www.example.com\r\nUser-Agent: %s\r\n"
        b"Content-Type: text/plain;charset=UTF-8\r\nX-Forwarded-For: 198.51.%d.%d\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (path.encode(), BROWSER, who // 250, who % 250 + 1, len(body), body)
    )


async def load(port: int, path: str, rate: float, seconds: float) -> dict[str, object]:
    """Send at `rate` for `seconds`; wait for what is still to be answered."""
    loop = asyncio.get_running_loop()
    answers: Counter[str] = Counter()
    clients = [
        (await loop.create_connection(lambda: Client(answers), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    total = int(rate * seconds)
    began = time.monotonic()
    late = 0.0
    sent = 0
    while sent < total:
        now = time.monotonic() - began
        due = min(total, int(now * rate) + 1)
        for number in range(sent, due):
            transport = clients[number % CONNECTIONS].transport
            assert transport is not None
            transport.write(request(path, number))
        late = max(late, now - sent / rate)
        sent = due
        await asyncio.sleep(0.002)
    deadline = time.monotonic() + 20
    while sum(answers.values()) < total and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    took = time.monotonic() - began
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
    return {"sent": sent, "answers": dict(answers), "took_s": took, "late_s": late}


RUN = os.urandom(4).hex().encode()

if __name__ == "__main__":
    port, path, rate, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(load(int(port), path, float(rate), float(seconds)))))
