"""Thousands of beacons, pushes and lines that are almost right: a 4xx each, and nobody notices."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from support.arrivals import (
    BEACON_PATH,
    ORIGIN,
    PUSH_PATH,
    TOKEN,
    Reception,
    Sender,
    config_text,
    receiving,
    statuses,
)
from support.mutations import hostile_request, mutated
from support.processes import wait_for
from support.siege import ends_cleanly, http_probe, memory_mib, more_runs, targets

REQUESTS = 3000
LINES = 1000
AT_ONCE = 40
GROWTH_MIB = 40
ROUTES = 60
"""More than fit: what the storm brings anew can make no series."""
# Made when they are first needed, of values that are known beforehand.
OWN = ("rollwatch_web_requests_total", "rollwatch_figure_faults_total", "python_", "process_")


def _beacon(number: int) -> dict[str, Any]:
    return {
        "v": 1, "id": f"storm-{number:08d}", "service": "web", "session": f"storm-{number % 99:04d}",
        "session_age_s": 12.5, "release": "1", "device": "mobile", "sent_at": time.time(),
        "events": [
            {"type": "session_start"}, {"type": "view", "path": "/a/b", "route": "/a/:b"},
            {"type": "vital", "name": "LCP", "value": 12.5, "path": "/a"}, {"type": "goal", "name": "signup"},
            {"type": "error", "kind": "error", "name": "TypeError", "message": "x", "first": True,
             "path": "/", "stack": "at f (https://www.example.com/a.js:1:2)"},
            {"type": "heap", "value": 1e6, "path": "/"},
        ],
    }  # fmt: skip


def _push(number: int) -> dict[str, Any]:
    return {
        "service": "api", "source": "storm", "id": f"storm-{number}", "sent_at": time.time(),
        "started_at": 1.0, "metrics": [
            {"name": "orders_total", "labels": {"shop": "x"}, "add": 1}, {"name": "jobs_total", "total": 5},
            {"name": "queue_length", "labels": {"queue": "q"}, "value": 3},
            {"name": "export_seconds", "observe": [1, 2.5]},
        ],
        "records": {"trades": [{"id": number, "price": 2, "symbol": "S"}]},
    }  # fmt: skip


def _fill(here: Reception) -> None:
    """Bring every label to as many values as it may have, and every distribution into being."""
    for device in ("mobile", "desktop"):
        for number in range(ROUTES):
            path = f"/filler-{chr(97 + number // 26)}{chr(97 + number % 26)}"
            vitals = [
                {"type": "vital", "name": name, "value": 1, "path": path}
                for name in ("LCP", "INP", "CLS", "FCP", "TTFB")
            ]
            error = {
                "type": "error", "name": "Error", "first": True, "path": path,
                "message": f"{path} broke", "stack": f"at f (https://www.example.com{path}.js:1:2)",
            }  # fmt: skip
            events = [{"type": "load", "value": 1, "path": path}, {"type": "heap", "value": 1, "path": path}]
            kinds = [{**error, "kind": kind} for kind in ("error", "rejection")]
            age_s = 10 if device == "mobile" else 1000
            sent = here.visit(
                *vitals, *events, *kinds, device=device, session_age_s=age_s, client=f"10.1.1.{number}"
            )
            assert sent == 204
    values = [{"name": "orders_total", "labels": {"shop": f"shop-{n}"}, "add": 1} for n in range(ROUTES)]
    values += [{"name": "queue_length", "labels": {"queue": f"queue-{n}"}, "value": 1} for n in range(ROUTES)]
    values += [{"name": "jobs_total", "add": 1}, {"name": "export_seconds", "observe": 1}]
    assert here.push(*values, records={"trades": [{"id": "first", "price": 1, "symbol": "S"}]}) == 200
    codes = range(100, 600, 100)
    here.write(
        *(
            {"message": "request", "path": f"/path-{n}x", "status": code}
            for n in range(ROUTES)
            for code in codes
        )
    )
    wait_for(lambda: here.total("rollwatch_http_requests_total") == ROUTES * 5, "the log to be read")


class Storm:
    """Sends mutants, so many at once; `answers` by status."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._rng = random.Random(3)
        self._numbers = itertools.count()
        self.answers: Counter[int] = Counter()
        self.faults: list[bytes] = []

    async def blow(self) -> None:
        await asyncio.gather(*(self._again() for _ in range(AT_ONCE)))

    async def _again(self) -> None:
        while (number := next(self._numbers)) < REQUESTS:
            client = {"X-Forwarded-For": f"10.0.{number >> 8 & 255}.{number & 255}"}
            if number % 2:
                headers = {"Origin": ORIGIN, **client}
                data = hostile_request(BEACON_PATH, mutated(_beacon(number), self._rng), headers, self._rng)
            else:
                headers = {"Authorization": f"Bearer {TOKEN}", **client}
                data = hostile_request(PUSH_PATH, mutated(_push(number), self._rng), headers, self._rng)
            for status in statuses(await self._said(data)):
                self.answers[status] += 1
                if status >= 500:
                    self.faults.append(data[:1000])

    async def _said(self, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(data)
            try:
                return await asyncio.wait_for(reader.read(), 0.2)
            except TimeoutError:
                # It waits for what was cut off, or keeps the connection.
                writer.write_eof()
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.transport.abort()


def test_a_storm_of_mutants_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with targets() as production, targets() as elsewhere:
        probes = {f"p{n}": http_probe(production.serve().url()) for n in range(5)}
        (tmp_path / "app.log").touch()
        with receiving(tmp_path, config_text(probes)) as here:
            _fill(here)
            wait_for(lambda: len(here.figures().by_probe("probe_success")) == len(probes), "a run of each")
            before, memory = here.figures(), memory_mib(here.pid)
            storm, rng = Storm(here.ingest), random.Random(4)
            lines = b"".join(
                mutated({"message": "request", "path": "/cart", "status": 200}, rng).replace(b"\n", b" ")
                + b"\n"
                for _ in range(LINES)
            )
            with Sender(here) as sender:
                with here.log.open("ab") as log:
                    log.write(lines)
                elsewhere.run(storm.blow())
                wait_for(lambda: sender.lines >= 10, "the well-behaved to have sent something")
            assert storm.faults == []
            assert set(storm.answers) <= {100, 200, 204, 400, 401, 403, 404, 405, 408, 413, 415, 417, 422}
            assert {400, 413, 415, 417, 422} <= set(storm.answers)
            assert {way: set(sender.of(way)) for way in ("add", "total", "beacon")} == {
                "add": {200},
                "total": {200},
                "beacon": {204},
            }
            read = ROUTES * 5 + LINES + sender.lines
            wait_for(lambda: here.total("rollwatch_log_source_lines_total") == read, "every line to be read")
            after = more_runs(here.exporter, "p0", "ok", runs=1)
            assert {series for series in after.names ^ before.names if not series[0].startswith(OWN)} == set()
            assert all(set(after.reasons(probe)) <= {"ok", "overloaded"} for probe in probes)
            assert memory_mib(here.pid) - memory < GROWTH_MIB
            assert [line for line in here.exporter.process.lines if "level=error" in line] == []
            ends_cleanly(here.exporter)
