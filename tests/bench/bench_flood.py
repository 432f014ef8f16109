"""A million beacons that differ in everything: how many series and how much memory they leave behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.harness import Table, Target, program, resident_mib, script

__all__ = ["run"]

BEACONS = 1_000_000
SIZES = (100_000, 400_000, 500_000)
"""Beacons in each part; memory is looked at after each."""
MAX_SERIES = 20_000
MAX_GROWTH_MIB = 25

_CONFIG = """environment: bench
location: here
ingest: {client_rate: 10000, client_burst: 100000, total_rate: 100000}
services:
  web:
    browser: {origins: ["https://www.example.com"]}
"""


def _samples(url: str) -> list[Any]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def run() -> Table:
    """Send them, and look at what is left after a tenth, after a half and at the end."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        config = home / "rollwatch.yml"
        config.write_text(_CONFIG)
        argv = [sys.executable, "-m", "rollwatch", "exporter", f"--config.file={config}"]
        argv += ["--web.listen-address=127.0.0.1:0", "--web.ingest-address=127.0.0.1:0"]
        with program(argv, cwd=home, says="event=started") as process:
            log = next(path for path in home.glob("*.log") if "event=started" in path.read_text())
            operators, ingest = re.findall(r"event=listening url=(\S+)", log.read_text())
            watched = psutil.Process(process.pid)
            table = Table(
                "A million beacons that differ in everything",
                "Every beacon has a route, an error (type, text, file), a session, a client and a user agent "
                "that never came before; sent over 50 connections as fast as they are answered.",
                ("beacons", "accepted", "a second", "series", "label values folded", "resident"),
            )
            table.rows.append(
                ("0", "0", "", f"{len(_samples(operators))}", "0", f"{resident_mib(watched):.0f} MiB")
            )
            sent = accepted = 0
            sizes: list[float] = []
            samples: list[Any] = []
            for size in SIZES:
                said = _send(int(ingest.rpartition(":")[2]), sent, size)
                sent += size
                accepted += said["answers"].get("204", 0)
                samples = _samples(operators)
                sizes.append(resident_mib(watched))
                folds = sum(s.value for s in samples if s.name == "rollwatch_label_folds_total")
                table.rows.append(
                    (
                        f"{sent}",
                        f"{accepted}",
                        f"{size / said['took_s']:.0f}",
                        f"{len(samples)}",
                        f"{folds:.0f}",
                        f"{sizes[-1]:.0f} MiB",
                    )
                )
    table.targets = [
        Target("every one is accepted", f"{accepted} of {sent}", accepted == sent == BEACONS),
        Target(f"at most {MAX_SERIES} series", f"{len(samples)}", len(samples) <= MAX_SERIES),
        Target(
            f"memory grows by at most {MAX_GROWTH_MIB} MiB over the last nine tenths",
            f"{sizes[0]:.0f} -> {sizes[1]:.0f} -> {sizes[-1]:.0f} MiB",
            sizes[-1] - sizes[0] <= MAX_GROWTH_MIB,
        ),
    ]
    return table


def _send(port: int, first: int, count: int) -> dict[str, Any]:
    argv = script("flood_load.py", port, first, count)
    said: dict[str, Any] = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return said
