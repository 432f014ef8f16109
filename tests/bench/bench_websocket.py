"""1,000 WebSocket sessions watched by one process: counts equal what was sent, at what CPU per message.

In one run, against a server in another process that sends each session the same known messages of various
sizes, some fragmented: sessions of rollwatch, counting only and with a channel told by a JSON expression;
as a floor a bare asyncio protocol that counts bytes; and aiohttp's WebSocket client. All on uvloop.
CPU is this process's, from the first message to the last, opening the sessions not included.
Run it alone: `python tests/bench/bench_websocket.py`, with PYTHONPATH=tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import psutil
import uvloop

from rollwatch.probers import _ws_metrics as m
from support.ws_feed import feeding
from support.ws_probing import Totals, alive, make_env, make_prober, make_spec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.ws_feed import Sent

__all__ = ["Row", "main", "run"]

SESSIONS = 1000
MESSAGES = 100
PAUSE_S = 0.04
"""Between two messages to one session: 25,000 messages per second in all."""

Received = list[tuple[int, int]]
"""By session: messages (0 if the client doesn't tell them apart) and payload bytes (0 likewise)."""


class Row(NamedTuple):
    """One line of the table. `is_exact` is None for a client that doesn't count messages."""

    what: str
    cpu_per_message_s: float
    ratio_to_floor: float
    is_exact: bool | None
    messages: int
    memory_bytes: int
    """Resident memory gained by the process while the sessions were open."""


class _Bare(asyncio.Protocol):
    """Asks for the upgrade and counts the bytes that come."""

    def __init__(self, index: int) -> None:
        self._index = index
        self.received = 0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        lines = [f"GET /{self._index} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]
        self.transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        self.received += len(data)


class _Clients:
    """Clients of one sort: to be opened, asked what they have received, and closed with the stack."""

    def __init__(self, stack: contextlib.AsyncExitStack, port: int) -> None:
        self._stack = stack
        self._port = port
        self._bare: list[_Bare] = []
        self._totals: list[Totals] = []
        self._aiohttp: list[list[int]] = []

    async def open_bare(self) -> None:
        loop = asyncio.get_running_loop()
        for index in range(SESSIONS):
            _, bare = await loop.create_connection(
                lambda index=index: _Bare(index),  # type: ignore[misc]
                "127.0.0.1",
                self._port,
            )
            self._stack.callback(bare.transport.abort)
            self._bare.append(bare)
        while not all(bare.received for bare in self._bare):
            await asyncio.sleep(0.01)

    async def open_rollwatch(self, **said: object) -> None:
        env = make_env()
        for index in range(SESSIONS):
            url = f"ws://127.0.0.1:{self._port}/{index}"
            prober = make_prober(
                make_spec(0, mode="watch", url=url, interval="60s", timeout="30s", **said), env
            )
            self._totals.append(Totals(prober))
            await self._stack.enter_async_context(alive(prober))
        while not all(each.gauge(m.SESSION_OPEN) for each in self._totals):
            await asyncio.sleep(0.05)

    async def open_aiohttp(self) -> None:
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        )

        async def read(websocket: aiohttp.ClientWebSocketResponse, counts: list[int]) -> None:
            async for message in websocket:
                counts[0] += 1
                counts[1] += len(message.data.encode() if isinstance(message.data, str) else message.data)

        for index in range(SESSIONS):
            websocket = await session.ws_connect(f"ws://127.0.0.1:{self._port}/{index}")
            counts = [0, 0]
            self._aiohttp.append(counts)
            task = asyncio.create_task(read(websocket, counts), name=f"aiohttp {index}")
            self._stack.callback(task.cancel)

    def received(self) -> Received:
        if self._totals:
            counts = [each.refresh().counts for each in self._totals]
            return [
                (int(each.get((m.MESSAGES, ()), 0)), int(each.get((m.RECEIVED_BYTES, ()), 0)))
                for each in counts
            ]
        if self._aiohttp:
            return [(messages, size) for messages, size in self._aiohttp]
        return [(0, bare.received) for bare in self._bare]


async def _measure(
    open_clients: Callable[[_Clients], Awaitable[None]],
) -> tuple[float, bool | None, int, int]:
    memory = psutil.Process().memory_info().rss
    async with (
        feeding(SESSIONS, MESSAGES, pause_s=PAUSE_S) as feed,
        contextlib.AsyncExitStack() as stack,
    ):
        clients = _Clients(stack, feed.port)
        await open_clients(clients)
        began = time.process_time()
        await feed.go()
        sent = await feed.sent()
        received = await _all_of(clients, sent)
        spent = time.process_time() - began
        gained = psutil.Process().memory_info().rss - memory
    total = sum(each.messages for each in sent)
    counts_messages = received[0][0] > 0
    is_exact = [tuple(each) for each in sent] == received if counts_messages else None
    if is_exact is False:
        pairs = enumerate(zip(sent, received, strict=True))
        wrong = [(index, tuple(one), got) for index, (one, got) in pairs if tuple(one) != got]
        print(f"{len(wrong)} sessions differ; (index, sent, received): {wrong[:5]}", flush=True)
    return spent / total, is_exact, total, gained


async def _all_of(clients: _Clients, sent: list[Sent]) -> Received:
    """What the clients received, once it is everything or has not grown for a while."""
    wanted = sum(each.payload_bytes for each in sent)
    before: Received = []
    grew_at = time.monotonic()
    while True:
        received = clients.received()
        if received != before:
            before, grew_at = received, time.monotonic()
        # A busy machine may not let us run for a second.
        if sum(size for _, size in received) >= wanted or time.monotonic() > grew_at + 5:
            return received
        await asyncio.sleep(0.2)


_KINDS: tuple[tuple[str, Callable[[_Clients], Awaitable[None]]], ...] = (
    ("floor: a bare protocol that counts bytes", _Clients.open_bare),
    ("rollwatch, counting", _Clients.open_rollwatch),
    ("rollwatch, and a channel by JSON", lambda c: c.open_rollwatch(channels={"tick": "type == 'tick'"})),
    ("aiohttp's client", _Clients.open_aiohttp),
)


def _measure_alone(kind: int) -> tuple[float, bool | None, int, int]:
    """In a process of its own, so that its memory is its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * SESSIONS)), hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(_KINDS[kind][1]))


def run() -> list[Row]:
    """Measure everything once; about half a minute."""
    rows: list[Row] = []
    for kind, (what, _) in enumerate(_KINDS):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            cpu_s, is_exact, messages, memory = alone.submit(_measure_alone, kind).result()
        floor = rows[0].cpu_per_message_s if rows else cpu_s
        rows.append(Row(what, cpu_s, cpu_s / floor, is_exact, messages, memory))
    return rows


def main() -> None:
    """Print the table; exit 1 if a count was not exact."""
    rows = run()
    print(f"{SESSIONS} sessions, {MESSAGES} messages each")
    for row in rows:
        exact = {None: "", True: "exact", False: "NOT EXACT"}[row.is_exact]
        print(
            f"{row.what:42} {row.cpu_per_message_s * 1e6:7.1f} us/message {row.ratio_to_floor:5.1f}x "
            f"{row.memory_bytes / 2**20:6.0f} MiB gained  {row.messages} messages {exact}"
        )
    if any(row.is_exact is False for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
