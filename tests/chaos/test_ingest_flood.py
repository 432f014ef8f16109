"""Whoever may reach the ingest listener does its worst: probes, operators, the well-behaved get through."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.arrivals import BEACON_PATH, ORIGIN, PUSH_PATH, Sender, beacon, config_text, receiving, request
from support.processes import wait_for
from support.siege import Targets, descriptors, ends_cleanly, http_probe, memory_mib, more_runs, targets

PROBES = 20
MANY = {
    "idle": 1000,
    "slow_head": 150,
    "slow_body": 300,
    "reads_nothing": 30,
    "one_client": 10,
    "many_clients": 10,
    "wrong_tokens": 10,
    "huge": 10,
    "endless": 5,
}
GROWTH_MIB = 60


class Attackers:
    """Clients of every kind on the targets' loop, until closed."""

    def __init__(self, them: Targets, port: int) -> None:
        self._them = them
        self._port = port
        self._tasks: list[asyncio.Task[None]] = []
        self._addresses = itertools.count()
        self.answers: Counter[tuple[str, int]] = Counter()

    def __enter__(self) -> Attackers:
        self._them.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._them.run(self._close())

    async def _start(self) -> None:
        for kind, times in MANY.items():
            self._tasks += [asyncio.create_task(self._again(kind)) for _ in range(times)]

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        # Transports close a turn later.
        await asyncio.sleep(0.1)

    async def _again(self, kind: str) -> None:
        while True:
            try:
                await getattr(self, f"_{kind}")()
            except ConnectionRefusedError:
                # The exporter has ended: its port may be somebody else's in a moment.
                return
            except (OSError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(2 if kind == "idle" else 0.05)

    @contextlib.asynccontextmanager
    async def _connection(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def _another(self) -> dict[str, str]:
        number = next(self._addresses)
        return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}

    async def _ask(self, kind: str, data: bytes) -> None:
        async with self._connection() as (reader, writer):
            writer.write(data)
            answer = await reader.read()
            self.answers[kind, int(answer[9:12] or b"0")] += 1

    async def _one_client(self) -> None:
        await self._ask("one_client", request(BEACON_PATH, beacon(), headers={"Origin": ORIGIN}))

    async def _many_clients(self) -> None:
        headers = {"Origin": ORIGIN, **self._another()}
        await self._ask("many_clients", request(BEACON_PATH, beacon(), headers=headers))

    async def _wrong_tokens(self) -> None:
        headers = {"Authorization": "Bearer guess", **self._another()}
        await self._ask("wrong_tokens", request(PUSH_PATH, b"{}", headers=headers))

    async def _huge(self) -> None:
        headers = {"Origin": ORIGIN, "Content-Length": "100000000", **self._another()}
        await self._ask("huge", request(BEACON_PATH, b"x" * 10_000, headers=headers))

    async def _endless(self) -> None:
        headers = {"Origin": ORIGIN, "Transfer-Encoding": "chunked", **self._another()}
        head = request(PUSH_PATH, headers=headers).replace(b"Content-Length: 0\r\n", b"")
        async with self._connection() as (_, writer):
            writer.write(head)
            while not writer.is_closing():
                writer.write(b"400\r\n" + b" " * 1024 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)

    async def _idle(self) -> None:
        async with self._connection() as (reader, _):
            await reader.read()

    async def _drip(self, data: bytes, *, first: bytes = b"") -> None:
        async with self._connection() as (_, writer):
            writer.write(first)
            for byte in data:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.3)

    async def _slow_head(self) -> None:
        await self._drip(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 99)

    async def _slow_body(self) -> None:
        headers = {"Origin": ORIGIN, "Content-Length": "1000", **self._another()}
        await self._drip(b" " * 999, first=request(BEACON_PATH, headers=headers))

    async def _reads_nothing(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            asks = request("/openapi.json", method="GET", headers={"Connection": "keep-alive"})
            await loop.sock_sendall(sock, asks * 300)
            await asyncio.sleep(60)


@pytest.fixture
def _many_files() -> Iterator[None]:
    """The attackers' connections are ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192) if hard > 0 else 8192, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_files")
def test_a_flood_of_everything_locks_nobody_out(tmp_path: Path) -> None:
    with targets() as production, targets() as elsewhere:
        urls = [production.serve().url() for _ in range(4)]
        probes = {f"p{n}": http_probe(urls[n % 4], timeout="1s") for n in range(PROBES)}
        with receiving(tmp_path, config_text(probes)) as here:
            more_runs(here.exporter, f"p{PROBES - 1}", "ok", runs=1)
            assert (here.push({"name": "jobs_total", "add": 1}), here.visit()) == (200, 204)
            fds, memory = descriptors(here.pid), memory_mib(here.pid)
            with Attackers(elsewhere, here.ingest) as attackers, Sender(here) as sender:
                wait_for(lambda: len({kind for kind, _ in attackers.answers}) >= 4, "every kind of flood")
                # A fresh connection each: from another client, the application and the browser get through.
                wait_for(lambda: sender.of("add").get(200, 0) >= 10, "pushes to get through")
                wait_for(lambda: sender.of("beacon").get(204, 0) >= 5, "beacons to get through")
                assert "web_requests_total" in here.exporter.get("/metrics")
                assert "healthy" in here.exporter.get("/-/healthy")
                wait_for(lambda: attackers.answers["one_client", 429] > 100, "the flood to be turned away")
                wait_for(lambda: attackers.answers["wrong_tokens", 401] > 100, "guesses to be refused")
                more_runs(here.exporter, "p0", "ok", runs=1)
                peak = memory_mib(here.pid)
            assert attackers.answers["huge", 413] > 0
            assert {status for _, status in attackers.answers} <= {0, 204, 401, 413, 429, 503}
            assert (here.push({"name": "jobs_total", "add": 1}), here.visit(client="192.0.2.9")) == (200, 204)
            after = more_runs(here.exporter, "p0", "ok", runs=1)
            reasons = {probe: set(after.reasons(probe)) for probe in probes}
            assert {probe: said for probe, said in reasons.items() if not said <= {"ok", "overloaded"}} == {}
            if not any("overloaded" in said for said in reasons.values()):
                assert sum(after.by_probe("rollwatch_probe_skipped_runs_total").values()) == 0
            # What was taken is counted, to the last one.
            taken = sender.of("add").get(200, 0)
            assert taken <= after.total("orders_total") <= taken + sender.of("add").get(0, 0)
            assert peak - memory < GROWTH_MIB
            wait_for(lambda: descriptors(here.pid) <= fds + 4, "the connections to be closed", 20)
            with Attackers(elsewhere, here.ingest) as attackers:
                wait_for(lambda: attackers.answers["many_clients", 204] > 10, "the flood again")
                ends_cleanly(here.exporter)
