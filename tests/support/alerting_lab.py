"""Demo productions side by side, an exporter for each, and the shipped alerting over all of them, faster."""

from __future__ import annotations

import json
import re
import shutil
import sys
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollwatch.bundle.prometheus_config import prometheus_files, prometheus_flags
from rollwatch.bundle.settings import Settings
from rollwatch.demo.control.client import ControlClient
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.stack.alertmanager import alertmanager_configuration
from support.compressed import divided, prometheus_config, routes, rule_file
from support.processes import ROLLWATCH, Process, fetch, free_port, running, wait_for
from support.recorder import Recorder, recording

__all__ = ["Lab", "Place", "alerting_lab"]

REPO = Path(__file__).parents[2]
START_WITHIN_S = 120.0
"""All of them at once, beside whatever else this machine has to do."""
LOOKBACK = "5m"
"""How old a sample Prometheus takes for the newest (--query.lookback-delta), and …"""
RESEND = "1m"
"""… how often it says that an alert still fires (--rules.alert.resend-delay): by default."""


THRESHOLDS = {
    # Values in seconds and shares of an hour are no durations that a tool may divide. A machine that is busy
    # with other tests may make anything slow. And no P0 for long disconnections: a P1 that is over while a P0
    # mutes it is never told to be over.
    "web": "{http_p95_seconds: {P2: off, P1: off}, http_p99_seconds: {P1: off}}",
    "feed": "{websocket_disconnected_seconds: {P1: 3, P0: off}, websocket_rtt_seconds: {P2: off, P1: off}}",
    "market-data": "{provider_uptime_ratio: {P2: 0.8, P1: 0.5}, provider_p95_seconds: {P2: off, P1: off}}",
    "chain": "{provider_uptime_ratio: {P2: 0.8, P1: 0.5}, provider_p95_seconds: {P2: off, P1: off}}",
}
"""What differs from the shipped thresholds where time is faster, by service."""
NO_LATENCY_SLO = "    slo: {latency: off}\n"


@dataclass(frozen=True)
class Place:
    """One environment: a production and the exporter that measures it."""

    name: str
    visitors: int = 0


class Lab:
    """All of it, running."""

    def __init__(
        self, directory: Path, recorder: Recorder, urls: Mapping[str, str], exporters: dict[str, Process]
    ) -> None:
        self.directory = directory
        self.recorder = recorder
        self.urls = urls
        self.exporters = exporters
        self._argv = {name: process.popen.args for name, process in exporters.items()}

    def control(self, place: str) -> ControlClient:
        """The switches of a production."""
        return ControlClient(RunDir(self.directory / place))

    def inbox(self, place: str) -> list[dict[str, Any]]:
        """What ended up in the inbox of a production."""
        ports = json.loads(RunDir(self.directory / place).production.read_bytes())["ports"]
        _, _, body = fetch(f"http://127.0.0.1:{ports['inbox']}/messages")
        messages: list[dict[str, Any]] = json.loads(body)["messages"]
        return messages

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Instant query of Prometheus."""
        text = urllib.parse.urlencode({"query": expression})
        status, _, body = fetch(f"{self.urls['prometheus']}/api/v1/query?{text}")
        assert status == 200, body
        return [(each["metric"], float(each["value"][1])) for each in json.loads(body)["data"]["result"]]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health."""
        _, _, body = fetch(f"{self.urls['prometheus']}/api/v1/rules")
        return [rule for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]

    def kill_exporter(self, place: str) -> None:
        """As the kernel does when memory is short."""
        self.exporters[place].popen.kill()
        self.exporters[place].popen.wait()

    def start_exporter(self, place: str) -> None:
        """Again, where it was."""
        self.exporters[place] = Process(self._argv[place], cwd=self.directory / place)


@contextmanager
def alerting_lab(
    directory: Path, places: Sequence[Place], factor: float, interval: str = "1s"
) -> Iterator[Lab]:
    """Ready: every exporter has been scraped. Durations are the shipped ones by `factor`."""
    ports = {name: free_port() for name in ("bridge", "prometheus", "alertmanager")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    with ExitStack() as stack:
        ingest = _productions(stack, directory, places, ports["bridge"], interval)
        thresholds = {} if factor == 1 else THRESHOLDS
        exporters = _exporters(stack, directory, places, ingest, thresholds)
        recorder = stack.enter_context(recording())
        _bridge(stack, RunDir(directory / places[0].name), ports["bridge"])
        _alertmanager(stack, RunDir(directory / places[0].name), ports, recorder, factor)
        targets = [url.removeprefix("http://") for url, _ in exporters.values()]
        _prometheus(stack, directory, targets, ports, factor)
        processes = {name: process for name, (_, process) in exporters.items()}
        lab = Lab(directory, recorder, urls, processes)
        stack.callback(lambda: [process.stop() for process in lab.exporters.values()])  # restarted ones, too
        wait_for(lambda: _answers(f"{urls['alertmanager']}/-/ready"), "Alertmanager to be ready")
        wait_for(lambda: _answers(f"{urls['prometheus']}/-/ready"), "Prometheus to be ready")
        wait_for(lambda: len(lab.query('up{job="rollwatch"} == 1')) == len(places), "scrapes")
        yield lab


def _productions(
    stack: ExitStack, directory: Path, places: Sequence[Place], bridge_port: int, interval: str
) -> dict[str, int]:
    ingest = {place.name: free_port() for place in places}
    wanted = [
        {
            "run_dir": str(directory / place.name),
            "stack": {"ingest": ingest[place.name], "bridge": bridge_port},
            "interval": interval,
            "visitors": place.visitors,
            "seed": number,
        }
        for number, place in enumerate(places)
    ]
    argv = [sys.executable, str(Path(__file__).with_name("productions.py")), json.dumps(wanted)]
    process = stack.enter_context(running(argv, cwd=directory))
    process.line_with("all are up")
    return ingest


def _exporters(
    stack: ExitStack,
    directory: Path,
    places: Sequence[Place],
    ingest: Mapping[str, int],
    thresholds: Mapping[str, str],
) -> dict[str, tuple[str, Process]]:
    found: dict[str, tuple[str, Process]] = {}
    stack.callback(lambda: [process.stop() for _, process in found.values()])
    for place in places:
        run_dir = RunDir(directory / place.name)
        config = run_dir.path / "measured.yml"
        config.write_text(_measured(run_dir.config.read_text(), place, thresholds))
        url = f"http://127.0.0.1:{free_port()}"
        argv = [
            *(*ROLLWATCH, "exporter", "--config.file", str(config)),
            *("--web.listen-address", url.removeprefix("http://")),
            *("--web.ingest-address", f"127.0.0.1:{ingest[place.name]}"),
        ]
        found[place.name] = (url, Process(argv, cwd=run_dir.path))
    for _, process in found.values():
        wait_for(lambda process=process: "event=started" in process.output, process.output, START_WITHIN_S)
    return found


def _measured(text: str, place: Place, thresholds: Mapping[str, str]) -> str:
    """The demo's configuration for another environment, at a location of its own, without this machine."""
    for old, new in (
        (r"^environment: demo$", f"environment: {place.name}"),
        (r"^location: local$", f"location: at-{place.name}"),
        (r"^  enabled: true$", "  enabled: false"),
        (r"http_p95_seconds: \{P2: 0\.3, P1: 1\}", "http_p95_seconds: {P2: 1.5, P1: 1.8}"),
        *(
            (rf"^  {service}:$", f"  {service}:\n{NO_LATENCY_SLO}    thresholds: {own}")
            for service, own in thresholds.items()
        ),
    ):
        text, count = re.subn(old, new, text, flags=re.MULTILINE)
        assert count == 1, (old, count)
    return text


def _bridge(stack: ExitStack, run_dir: RunDir, port: int) -> None:
    argv = [
        *(*ROLLWATCH, "bridge", "--config.file", str(run_dir.config)),
        *("--web.listen-address", f"127.0.0.1:{port}", "--storage.path", str(run_dir.bridge)),
    ]
    stack.enter_context(running(argv, cwd=run_dir.path))
    wait_for(lambda: _answers(f"http://127.0.0.1:{port}/-/ready"), "the bridge to be ready")


def _alertmanager(
    stack: ExitStack, run_dir: RunDir, ports: Mapping[str, int], recorder: Recorder, factor: float
) -> None:
    home = run_dir.alertmanager
    # What the rollback handler would do is no part of this: it does not run here.
    text, count = re.subn(r"^  rollback_handler: .*\n", "", run_dir.config.read_text(), flags=re.MULTILINE)
    assert count == 1
    run_dir.config.write_text(text)
    files = alertmanager_configuration(run_dir)
    shipped = files["alertmanager.yml"]
    _write(home, files | {"alertmanager.yml": routes(shipped, factor, recorder.webhook)})
    program = shutil.which("prometheus-alertmanager")
    assert program, "run `make test`, which installs what the tests need"
    argv = [
        program,
        f"--config.file={home}/alertmanager.yml",
        f"--storage.path={home}/data",
        f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    stack.enter_context(running(argv, cwd=home))


def _prometheus(
    stack: ExitStack, directory: Path, exporters: list[str], ports: Mapping[str, int], factor: float
) -> None:
    home = directory / "prometheus"
    shipped = REPO / "prometheus"
    files = {
        f"rules/{path.name}": rule_file(path.read_text(), factor) for path in shipped.glob("rules/*.yml")
    }
    made = prometheus_files(Settings())
    files["prometheus.yml"] = prometheus_config(made["prometheus/prometheus.yml"], factor)
    for path in made:
        if "/targets/" in path:
            files[path.removeprefix("prometheus/")] = "[]\n"
    for job, targets in (
        ("rollwatch", exporters),
        ("rollwatch-bridge", [f"127.0.0.1:{ports['bridge']}"]),
        ("alertmanager", [f"127.0.0.1:{ports['alertmanager']}"]),
        ("prometheus", [f"127.0.0.1:{ports['prometheus']}"]),
    ):
        files[f"targets/{job}.yml"] = f"- targets: {json.dumps(targets)}\n"
    _write(home, files)
    assert shutil.which("prometheus"), "run `make test`, which installs what the tests need"
    flags = prometheus_flags(
        config_file=home / "prometheus.yml", data=home / "data", listen=f"127.0.0.1:{ports['prometheus']}"
    )
    pace = [
        f"--query.lookback-delta={divided(LOOKBACK, factor)}",
        f"--rules.alert.resend-delay={divided(RESEND, factor)}",
    ]
    stack.enter_context(running(["prometheus", *flags, *pace, "--log.level=warn"], cwd=home))


def _write(home: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _answers(url: str) -> bool:
    try:
        return bool(fetch(url)[0] == 200)
    except OSError:
        return False
