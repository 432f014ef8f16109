"""Beacons beside probes on one core: what is accepted, what a beacon costs, what probes notice."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.harness import Table, Target, cpu_s, program, resident_mib, script
from support.processes import free_port

__all__ = ["run"]

PROBES = 200
BEACONS_PER_S = 2000
SECONDS = 30.0
ALONE_S = 10.0
MAX_START_LAG_S = 0.050

_LAG = "rollwatch_probe_start_lag_seconds_bucket"


@dataclass(frozen=True, slots=True)
class Load:
    """What the sender saw, and what the receiver spent."""

    answers: dict[str, int]
    took_s: float
    cpu_s: float

    @property
    def accepted(self) -> int:
        return self.answers.get("204", 0)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def _samples(url: str) -> list[Any]:
    text = _get(f"{url}/metrics").decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def _lag_buckets(samples: list[Any]) -> dict[float, float]:
    return {float(s.labels["le"]): s.value for s in samples if s.name == _LAG}


def _lag_p99(first: dict[float, float], last: dict[float, float]) -> float:
    counts = {bound: last[bound] - first[bound] for bound in sorted(last)}
    return next(bound for bound, count in counts.items() if count >= 0.99 * counts[float("inf")])


def _skipped(samples: list[Any]) -> float:
    return sum(s.value for s in samples if s.name == "rollwatch_probe_skipped_runs_total")


def _send(port: int, path: str, watched: psutil.Process) -> Load:
    """The load, from the other core."""
    before = cpu_s(watched)
    argv = ["taskset", "--cpu-list", "1", *script("beacon_load.py", port, path, BEACONS_PER_S, SECONDS)]
    said = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return Load(said["answers"], said["took_s"], cpu_s(watched) - before)


def _configuration(home: Path, port: int) -> Path:
    config = home / "rollwatch.yml"
    probes = "".join(
        f"      p{number}: {{kind: http, url: 'http://127.0.0.1:{port}/p{number}', "
        "interval: 1s, timeout: 1s, expect: {body: ok}}\n"
        for number in range(PROBES)
    )
    config.write_text(
        "environment: bench\nlocation: here\nservices:\n  web:\n"
        "    browser: {origins: ['https://www.example.com'], routes: ['/stocks/:symbol']}\n"
        f"    probes:\n{probes}"
    )
    return config


def _urls(home: Path) -> list[str]:
    log = next(path for path in home.glob("*.log") if "event=started" in path.read_text())
    return re.findall(r"event=listening url=(\S+)", log.read_text())


def run() -> Table:
    """The floor, then probes alone, then probes and beacons together."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        floor = _floor(home)
        target, answers = free_port(), home / "answers"
        config = _configuration(home, target)
        argv = ["taskset", "--cpu-list", "0", sys.executable, "-m", "rollwatch", "exporter"]
        argv += [
            f"--config.file={config}",
            "--web.listen-address=127.0.0.1:0",
            "--web.ingest-address=127.0.0.1:0",
        ]
        delay = ["taskset", "--cpu-list", "1", *script("delay_server.py", target, 0.005, answers)]
        with program(delay, cwd=home, says="ready"), program(argv, cwd=home, says="event=started") as process:
            operators, ingest = _urls(home)
            watched = psutil.Process(process.pid)
            time.sleep(3)
            spent = cpu_s(watched)
            time.sleep(ALONE_S)
            alone_per_s = (cpu_s(watched) - spent) / ALONE_S
            first, memory = _samples(operators), resident_mib(watched)
            load = _send(int(ingest.rpartition(":")[2]), "/ingest/browser", watched)
            last = _samples(operators)
            memory_after = resident_mib(watched)
    return _table(floor, load, alone_per_s=alone_per_s, first=first, last=last, memory=(memory, memory_after))


def _floor(home: Path) -> Load:
    port = free_port()
    argv = ["taskset", "--cpu-list", "0", *script("json_server.py", port)]
    with program(argv, cwd=home, says="ready") as process:
        return _send(port, "/", psutil.Process(process.pid))


def _table(
    floor: Load,
    load: Load,
    *,
    alone_per_s: float,
    first: list[Any],
    last: list[Any],
    memory: tuple[float, float],
) -> Table:
    lag_s = _lag_p99(_lag_buckets(first), _lag_buckets(last))
    counted = sum(
        s.value
        for s in last
        if s.name == "rollwatch_browser_beacons_total" and s.labels["outcome"] == "accepted"
    )
    skipped = _skipped(last) - _skipped(first)
    per_floor = floor.cpu_s / floor.accepted
    per_beacon = (load.cpu_s - alone_per_s * load.took_s) / load.accepted
    table = Table(
        f"{BEACONS_PER_S:,} beacons a second beside {PROBES} probes".replace(",", " "),
        "One process, held on one core, takes beacons of five events over 40 kept connections from 500 "
        f"clients for {SECONDS:.0f} s, while it runs {PROBES} HTTP probes a second; sender and probed "
        "server are on the other core. The cost of a beacon is the CPU of the process less what the probes "
        "alone took just before. "
        "The floor is an aiohttp handler on uvloop that only parses the body with orjson and answers 204, "
        "under the same load before it.",
        ("process", "accepted", "a second", "CPU each", "core in use"),
    )
    for name, seen, each in (
        ("aiohttp, orjson", floor, per_floor),
        ("rollwatch, with probes", load, per_beacon),
    ):
        table.rows.append(
            (
                name,
                f"{seen.accepted}",
                f"{seen.accepted / seen.took_s:.0f}",
                f"{each * 1e6:.0f} us",
                f"{seen.cpu_s / seen.took_s:.0%}",
            )
        )
    table.rows.append(("rollwatch, probes alone", "", "", "", f"{alone_per_s:.0%}"))
    total = int(BEACONS_PER_S * SECONDS)
    rate = load.accepted / load.took_s
    table.targets = [
        Target(
            f"{BEACONS_PER_S} beacons a second accepted",
            f"{rate:.0f}/s, answers {load.answers}, {counted:.0f} counted; "
            f"{per_beacon / per_floor:.2f} of the floor's CPU",
            load.accepted == total == counted and rate > 0.98 * BEACONS_PER_S,
        ),
        Target(
            f"start lag of probes p99 under {MAX_START_LAG_S * 1e3:.0f} ms",
            f"at most {lag_s * 1e3:g} ms, {skipped:.0f} ticks skipped",
            lag_s <= MAX_START_LAG_S and skipped == 0,
        ),
        Target(
            "resident memory grows by less than 50 MiB",
            f"{memory[0]:.0f} -> {memory[1]:.0f} MiB",
            memory[1] - memory[0] < 50,
        ),
    ]
    return table
