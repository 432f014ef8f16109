"""The demo as a newcomer runs it: `rollwatch demo up`, then each fault, then what the exporter says of it.

Faults of different parts are on at once; besides what they declare, nothing else may look broken.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rollwatch.demo.control.client import ControlClient
from rollwatch.demo.faults import FAULTS, Expectation, Fault
from rollwatch.demo.rundir import RunDir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)

WITHIN_S = 45.0
READY_WITHIN_S = 60.0
WELL = ("up", "ok")

# The session of the feed comes back after a backoff of up to 30 s, so what needs it open is tried first.
ORDER = (
    *(Fault.FEED_CHANNEL_STALE, Fault.FEED_STALE, Fault.WS_DROP, Fault.WS_REFUSE),
    *(fault for fault in Fault if FAULTS[fault].part != "feed"),
)


def rounds() -> list[tuple[Fault, ...]]:
    """The faults in as few rounds as there are faults of one part, at most one of each part at a time."""
    parts: dict[str, list[Fault]] = {}
    for fault in ORDER:
        parts.setdefault(FAULTS[fault].part, []).append(fault)
    return [tuple(fault for fault in row if fault is not None) for row in zip_longest(*parts.values())]


@dataclass(frozen=True)
class Demo:
    """A demo that is up."""

    run_dir: RunDir
    process: subprocess.Popen[str]
    exporter_port: int

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.run_dir)

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

    def missing(self, expected: dict[str, list[Expectation]]) -> list[str]:
        """Which of the series (by probe id) are not there or not as expected."""
        now = time.time()
        samples = [
            sample
            for family in text_string_to_metric_families(self.get("/metrics").decode())
            for sample in family.samples
        ]
        return [
            f"{probe}: {expectation}"
            for probe, expectations in expected.items()
            for expectation in expectations
            if not any(_is_sign(sample, probe, expectation, now) for sample in samples)
        ]

    def logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text('utf-8', 'replace')[-3000:]}"
            for log in self.run_dir.logs.iterdir()
        )


def _is_sign(sample: Any, probe: str, expectation: Expectation, now: float) -> bool:
    service, _, name = probe.partition("/")
    labels = {**expectation.labels, "service": service}
    return (
        sample.name == expectation.metric
        and sample.labels.items() >= labels.items()
        and sample.labels.get("probe", name) == name
        and expectation.holds(sample.value, now)
    )


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def eventually(difference: Callable[[], object], within_s: float) -> object:
    """Ask until there is no difference; the last one if time runs out."""
    deadline = time.monotonic() + within_s
    while (found := difference()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@contextmanager
def started(run_dir: RunDir, *options: str) -> Iterator[Demo]:
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rollwatch", "demo", "up"),
            *("--run-dir", str(run_dir.path), "--base-port", "0"),
            *("--exporter-port", str(port)),
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Demo(run_dir, process, port)
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


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    run_dir = RunDir(tmp_path_factory.mktemp("demo") / "run")
    with started(run_dir, "--interval", "1s") as demo:
        overview_of(demo)
        yield demo


@pytest.mark.parametrize("faults", rounds(), ids="+".join)
def test_rollwatch_shows_exactly_what_each_fault_declares(demo: Demo, faults: tuple[Fault, ...]) -> None:
    signs = [sign for fault in faults for sign in FAULTS[fault].signs]
    verdicts = {sign.probe: (sign.reason.verdict.value, sign.reason.value) for sign in signs}
    series: dict[str, list[Expectation]] = {}
    for sign in signs:
        series.setdefault(sign.probe, []).extend(sign.series)

    def difference() -> object:
        found = demo.verdicts()
        wrong = {
            probe: f"{found[probe]}, expected {verdicts.get(probe, WELL)}"
            for probe in found
            if found[probe] != verdicts.get(probe, WELL)
        }
        return (
            wrong
            or [f"no such probe: {probe}" for probe in verdicts if probe not in found]
            or demo.missing(series)
        )

    demo.control.heal()
    for fault in faults:
        demo.control.switch_on(fault)

    assert not eventually(difference, WITHIN_S), demo.logs()


def test_after_healing_every_probe_is_up(demo: Demo) -> None:
    demo.control.heal()

    def unwell() -> object:
        return {probe: state for probe, state in demo.verdicts().items() if state != WELL}

    assert not eventually(unwell, 60), demo.logs()


def test_up_tells_where_everything_is_and_stops_whole(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / "run")
    with started(run_dir) as demo:
        overview = overview_of(demo)
        ports = json.loads(run_dir.production.read_bytes())["ports"]
        demo.process.send_signal(signal.SIGINT)
        demo.process.communicate(timeout=30)

    assert demo.process.returncode == 0
    assert f"http://127.0.0.1:{demo.exporter_port}/metrics" in overview
    assert all(f":{port}/" in overview for name, port in ports.items() if name != "control")
    assert "demo fault component-down on --for 60s" in overview
    for port in (demo.exporter_port, *ports.values()):
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


def test_a_configuration_that_is_refused_is_shown_and_the_production_stopped(tmp_path: Path) -> None:
    # A location that is no name is refused by the exporter, and only once the production runs.
    run_dir = RunDir(tmp_path / "run")
    process = subprocess.run(
        [
            *(sys.executable, "-m", "rollwatch", "demo", "up"),
            *("--run-dir", str(run_dir.path), "--base-port", "0", "--exporter-port", str(free_port())),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "ROLLWATCH_LOCATION": "no name!"},
        check=False,
    )

    assert process.returncode == 4
    assert "exporter ended with status" in process.stderr
    assert not run_dir.production.exists()
