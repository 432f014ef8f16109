"""Clients that scrape without end, read nothing, say nothing, or say it a byte at a time: probing goes on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

from support.processes import fetch, running_exporter, wait_for
from support.siege import (
    Targets,
    descriptors,
    ends_cleanly,
    figures,
    http_probe,
    memory_mib,
    more_runs,
    results,
    targets,
    write_config,
)

PROBES = 50
IDLE = 700
SCRAPERS = 50
SILENT = 100
SLOW_READERS = 40
DRIPPING = 40
GROWTH_MIB = 120


class Attackers:
    """Clients on the targets' loop, until closed."""

    def __init__(self, them: Targets, port: int) -> None:
        self._them = them
        self._port = port
        self._tasks: list[asyncio.Task[None]] = []
        self.scrapes: dict[int, int] = {}

    def start(self) -> None:
        self._them.run(self._start())

    def close(self) -> None:
        self._them.run(self._close())

    async def _start(self) -> None:
        for work, times in (
            (self._scrape, SCRAPERS),
            (self._read_nothing, SLOW_READERS),
            (self._say_nothing, SILENT),
            (self._drip, DRIPPING),
        ):
            self._tasks += [asyncio.create_task(self._again(work)) for _ in range(times)]

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        # Transports close a turn later.
        await asyncio.sleep(0.1)

    async def _again(self, work) -> None:
        while True:
            try:
                await work()
            except ConnectionRefusedError:
                # The exporter has ended: its port may be somebody else's in a moment.
                return
            except (OSError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def _connection(self, **options):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, **options)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def _scrape(self) -> None:
        async with self._connection() as (reader, writer):
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            status = int(answer[9:12] or b"0")
            self.scrapes[status] = self.scrapes.get(status, 0) + 1

    async def _read_nothing(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            await loop.sock_sendall(sock, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
            await asyncio.sleep(60)

    async def _say_nothing(self) -> None:
        async with self._connection() as (reader, _):
            await reader.read()

    async def _drip(self) -> None:
        async with self._connection() as (_, writer):
            for byte in b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 99:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.2)


def test_a_flood_of_clients_does_not_disturb_probes(tmp_path: Path) -> None:
    with targets() as production, targets() as elsewhere:
        urls = [production.serve().url() for _ in range(4)]
        probes = {f"p{n}": http_probe(urls[n % 4], interval="2s", timeout="2s") for n in range(PROBES)}
        # So that an answer is more than a socket takes from us at once.
        probes |= {f"idle{n}": http_probe(urls[0], interval="1h", timeout="2s") for n in range(IDLE)}
        with running_exporter(write_config(tmp_path / "rollwatch.yml", probes)) as exporter:
            pid = exporter.process.popen.pid
            wait_for(lambda: results(exporter).reasons(f"p{PROBES - 1}"), "runs")
            fds, memory = descriptors(pid), memory_mib(pid)
            attackers = Attackers(elsewhere, int(exporter.url.rpartition(":")[2]))
            attackers.start()
            # Among all of them one Prometheus that behaves gets through, and so does a check of liveness.
            for _ in range(2):
                wait_for(lambda: _answers(exporter.url + "/metrics"), "a scrape to get through", 20)
                wait_for(lambda: _answers(exporter.url + "/-/healthy"), "a liveness check to get through", 20)
            wait_for(lambda: sum(attackers.scrapes.values()) > 3 * SCRAPERS, "the flood")
            peak = memory_mib(pid)
            attackers.close()
            more_runs(exporter, "p0", "ok", runs=1)
            after = figures(exporter)
            for probe in probes:
                assert set(after.reasons(probe)) <= {"ok", "overloaded"}, (probe, after.reasons(probe))
            if not any("overloaded" in after.reasons(probe) for probe in probes):
                assert sum(after.by_probe("rollwatch_probe_skipped_runs_total").values()) == 0
            assert peak - memory < GROWTH_MIB
            wait_for(lambda: descriptors(pid) <= fds + 4, "the connections to be closed", 20)
            attackers = Attackers(elsewhere, int(exporter.url.rpartition(":")[2]))
            attackers.start()
            try:
                wait_for(lambda: attackers.scrapes, "the flood again")
                ends_cleanly(exporter)
            finally:
                attackers.close()


def _answers(url: str) -> bool:
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False
