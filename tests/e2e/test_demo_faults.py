"""The demo as a newcomer runs it: `rollwatch demo up`, then each fault, then what the exporter says of it.

Faults of different parts are on at once; besides what they declare, nothing else may look broken.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.signs import Counted, Expectation, FigureSign, Share, Sign
from support.demo_up import Demo, eventually, overview_of, started, total
from support.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from prometheus_client.samples import Sample

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


def figure_signs(faults: Iterable[Fault]) -> set[str]:
    """What of services' figures these faults show: `trading: rollwatch_…`."""
    return {str(sign) for fault in faults for sign in FAULTS[fault].signs if isinstance(sign, FigureSign)}


FIGURE_SIGNS = {
    str(sign): sign for info in FAULTS.values() for sign in info.signs if isinstance(sign, FigureSign)
}


class Look:
    """The exporter's series now, and what was counted since `before`."""

    def __init__(self, samples: list[Sample], before: list[Sample]) -> None:
        self._samples = samples
        self._before = before
        self._now = time.time()

    def missing(self, sign: Sign) -> list[str]:
        """Which series of a probe's sign are not there or not as expected."""
        service, _, probe = sign.probe.partition("/")
        return [
            f"{sign.probe}: {expectation}"
            for expectation in sign.series
            if not self._has(expectation, service, probe)
        ]

    def shows(self, sign: FigureSign) -> bool:
        """Whether all that a service's sign names is as expected."""
        return all(
            self._is_share(shown, sign.service)
            if isinstance(shown, Share)
            else self._has(shown, sign.service, "")
            for shown in sign.series
        )

    def unwell(self, sign: FigureSign) -> list[str]:
        """What of a sign is as a fault would have it, or has not been counted at all."""
        return [
            f"{sign.service}: {shown}"
            for shown in sign.series
            if (
                self._is_share(shown, sign.service) or not self._growth(shown.whole, sign.service)
                if isinstance(shown, Share)
                else self._has(shown, sign.service, "")
            )
        ]

    def _has(self, expectation: Expectation, service: str, probe: str) -> bool:
        labels = {**expectation.labels, "service": service}
        return any(
            sample.name == expectation.metric
            and sample.labels.items() >= labels.items()
            and sample.labels.get("probe", probe) == probe
            and expectation.holds(sample.value, self._now)
            for sample in self._samples
        )

    def _is_share(self, share: Share, service: str) -> bool:
        return share.holds(self._growth(share.part, service), self._growth(share.whole, service))

    def _growth(self, counted: Counted, service: str) -> float:
        labels = {**counted.labels, "service": service}
        return total(self._samples, counted.metric, **labels) - total(self._before, counted.metric, **labels)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    run_dir = RunDir(tmp_path_factory.mktemp("demo") / "run")
    with started(run_dir, "--interval", "1s") as demo:
        overview_of(demo)
        yield demo


@pytest.mark.parametrize("faults", rounds(), ids="+".join)
def test_rollwatch_shows_exactly_what_each_fault_declares(demo: Demo, faults: tuple[Fault, ...]) -> None:
    signs = [sign for fault in faults for sign in FAULTS[fault].signs if isinstance(sign, Sign)]
    verdicts = {sign.probe: (sign.reason.verdict.value, sign.reason.value) for sign in signs}
    wanted = figure_signs(faults)

    def difference() -> object:
        found = demo.verdicts()
        wrong = {
            probe: f"{found[probe]}, expected {verdicts.get(probe, WELL)}"
            for probe in found
            if found[probe] != verdicts.get(probe, WELL)
        }
        look = Look(demo.samples(), before)
        shown = {text for text, sign in FIGURE_SIGNS.items() if look.shows(sign)}
        return (
            wrong
            or [f"no such probe: {probe}" for probe in verdicts if probe not in found]
            or [series for sign in signs for series in look.missing(sign)]
            or [f"missing, or not expected: {text}" for text in shown ^ wanted]
        )

    demo.control.heal()
    for fault in faults:
        demo.control.switch_on(fault)
    before = demo.samples()

    assert not eventually(difference, WITHIN_S), demo.logs()


def test_after_healing_every_probe_is_up_and_every_figure_well(demo: Demo) -> None:
    demo.control.heal()
    before = demo.samples()

    def unwell() -> object:
        look = Look(demo.samples(), before)
        return {probe: state for probe, state in demo.verdicts().items() if state != WELL} or [
            text for sign in FIGURE_SIGNS.values() for text in look.unwell(sign)
        ]

    assert not eventually(unwell, 60), demo.logs()


def test_everything_that_is_sent_is_taken(demo: Demo) -> None:
    """Nothing of the demo's own is refused, whatever was broken before."""

    def not_taken() -> object:
        samples = demo.samples()
        return [
            sample
            for sample in samples
            if sample.value
            and (
                sample.name in {"rollwatch_figure_faults_total", "rollwatch_records_invalid_total"}
                or (
                    sample.name in {"rollwatch_browser_beacons_total", "rollwatch_push_requests_total"}
                    and sample.labels["outcome"] != "accepted"
                )
                or (
                    sample.name == "rollwatch_log_source_lines_total"
                    and sample.labels["result"] not in {"taken", "passed"}
                )
            )
        ]

    def silent() -> object:
        samples = demo.samples()
        declared = {s.labels["figure"] for s in samples if s.name == "rollwatch_figure_info"}
        updated = {
            s.labels["figure"] for s in samples if s.name == "rollwatch_figure_last_update_timestamp_seconds"
        }
        # A slow neighbour is complained of some ten times an hour: that line may not have come.
        return declared - updated - {"rollwatch_system_errors_total"}

    assert not eventually(silent, WITHIN_S)
    assert not not_taken()


def test_up_tells_where_everything_is_and_stops_whole(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / "run")
    with started(run_dir) as demo:
        overview = overview_of(demo)
        ports = demo.ports
        demo.process.send_signal(signal.SIGINT)
        demo.process.communicate(timeout=30)

    assert demo.process.returncode == 0
    assert f"http://127.0.0.1:{demo.exporter_port}/metrics" in overview
    assert f"http://127.0.0.1:{demo.ingest_port}/" in overview
    assert all(f":{port}/" in overview for name, port in ports.items() if name != "control")
    assert "demo fault component-down on --for 5m" in overview
    for port in (demo.exporter_port, demo.ingest_port, *ports.values()):
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


def test_a_configuration_that_is_refused_is_shown_and_the_production_stopped(tmp_path: Path) -> None:
    # A location that is no name is refused by the exporter, and only once the production runs.
    run_dir = RunDir(tmp_path / "run")
    process = subprocess.run(
        [
            *(sys.executable, "-m", "rollwatch", "demo", "up"),
            *("--run-dir", str(run_dir.path), "--base-port", "0"),
            *("--exporter-port", str(free_port()), "--ingest-port", str(free_port())),
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
