"""The demo as a newcomer runs it, `rollwatch demo up`, and what its exporter says."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from rollwatch.demo.control.client import ControlClient
from rollwatch.demo.rundir import RunDir
from support.processes import free_port

__all__ = ["Demo", "eventually", "overview_of", "started", "total"]


@dataclass(frozen=True)
class Demo:
    """A demo that is up."""

    run_dir: RunDir
    process: subprocess.Popen[str]
    exporter_port: int
    ingest_port: int

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.run_dir)

    @property
    def ports(self) -> dict[str, int]:
        ports: dict[str, int] = json.loads(self.run_dir.production.read_bytes())["ports"]
        return ports

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.exporter_port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        assert response.status == 200, (path, response.status, body[:200])
        return body

    def samples(self) -> list[Sample]:
        """Every series with its value now."""
        families = text_string_to_metric_families(self.get("/metrics").decode())
        return [sample for family in families for sample in family.samples]

    def verdicts(self) -> dict[str, tuple[str, str]]:
        """Verdict and reason of each probe's newest run."""
        found = {}
        for service in json.loads(self.get("/api/monitoring/dashboard"))["services"]:
            for probe in service["probes"]:
                run = probe["last_run"]
                found[probe["id"]] = (
                    ("unknown", "not_started") if run is None else (run["verdict"], run["reason"])
                )
        return found

    def errors(self, service: str) -> list[dict[str, Any]]:
        """The groups of errors that browsers reported."""
        (found,) = json.loads(self.get(f"/api/monitoring/errors?service={service}"))["services"]
        groups: list[dict[str, Any]] = found["groups"]
        return groups

    def logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text('utf-8', 'replace')[-3000:]}"
            for log in self.run_dir.logs.iterdir()
        )


def total(samples: Iterable[Sample], name: str, **labels: str) -> float:
    """The sum of all series of that name with these labels; 0 if there is none."""
    return sum(
        sample.value for sample in samples if sample.name == name and sample.labels.items() >= labels.items()
    )


def eventually(difference: Callable[[], object], within_s: float) -> object:
    """Ask until there is no difference; the last one if time runs out."""
    deadline = time.monotonic() + within_s
    while (found := difference()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@contextmanager
def started(run_dir: RunDir, *options: str) -> Iterator[Demo]:
    """`rollwatch demo up` on free ports; ended as Ctrl-C does."""
    port, ingest_port = free_port(), free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rollwatch", "demo", "up"),
            *("--run-dir", str(run_dir.path), "--base-port", "0"),
            *("--exporter-port", str(port), "--ingest-port", str(ingest_port)),
            *("--bridge-port", str(free_port()), "--no-alerting"),
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Demo(run_dir, process, port, ingest_port)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def overview_of(demo: Demo) -> str:
    """What `up` prints, up to its end: how to stop it."""
    assert demo.process.stdout is not None
    said = []
    for line in demo.process.stdout:
        said.append(line)
        if "demo down" in line:
            return "".join(said)
    raise AssertionError(f"the demo did not come up:\n{''.join(said)}\n{demo.logs()}")
