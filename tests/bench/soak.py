"""The exporter and the demo production under changing faults: does anything grow, does everything come back?

For `seconds` a fault is switched on or off every 2 s, the configuration is reloaded every 20 s, a scrape is
made every 5 s. The first fifth is warm-up. Made-up visitors, applications and a log send all the while. At
the end all faults are off: every probe must be UP, everything that comes in must go on, and nothing of it may
have been refused.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.harness import Table, Target, percentile, program, resident_mib
from bench.soak_arrivals import arrival_targets, scraped
from rollwatch.demo.faults import FAULTS
from support.processes import fetch, free_port

__all__ = ["main"]

_CHANGE_EVERY_S = 2.0
_RELOAD_EVERY_S = 20.0
_SCRAPE_EVERY_S = 5.0
_HEAL_WITHIN_S = 60.0
_RISE_WITHIN_S = 60.0
_MAX_GROWTH = 1.10
_MAX_THREADS = 40


def _demo(home: Path, *argv: str) -> str:
    command = [sys.executable, "-m", "rollwatch", "demo", *argv, "--run-dir", str(home / "run")]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def _exporter(parent: int) -> psutil.Process:
    for process in psutil.Process(parent).children(recursive=True):
        if "exporter" in process.cmdline():
            return process
    raise RuntimeError("the demo runs no exporter")


def _all_up(url: str) -> bool:
    dashboard = json.loads(fetch(f"{url}/api/monitoring/dashboard")[2])
    return all(probe["verdict"] == "up" for service in dashboard["services"] for probe in service["probes"])


def _disturb(
    home: Path, url: str, exporter: psutil.Process, seconds: float
) -> list[tuple[float, int, int, float]]:
    """Memory in MiB, open files, threads and series, at every scrape."""
    rng = random.Random(1)
    began = time.monotonic()
    due = {"change": began, "reload": began, "scrape": began}
    on: set[str] = set()
    samples: list[tuple[float, int, int, float]] = []
    while (now := time.monotonic()) < began + seconds:
        if now >= due["change"]:
            due["change"] += _CHANGE_EVERY_S
            name = rng.choice([fault.value for fault in FAULTS])
            _demo(home, "fault", name, "off" if name in on else "on")
            on ^= {name}
        if now >= due["reload"]:
            due["reload"] += _RELOAD_EVERY_S
            exporter.send_signal(signal.SIGHUP)
        if now >= due["scrape"]:
            due["scrape"] += _SCRAPE_EVERY_S
            series = scraped(url).total("rollwatch_scrape_series")
            samples.append((resident_mib(exporter), exporter.num_fds(), exporter.num_threads(), series))
        time.sleep(max(0.0, min(due.values()) - time.monotonic()))
    return samples


def main(seconds: float) -> int:
    """Soak for `seconds` and print a table; 1 if something grew or did not come back."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        port = free_port()
        argv = [sys.executable, "-m", "rollwatch", "demo", "up", "--run-dir", str(home / "run")]
        argv += ["--base-port", "0", "--exporter-port", str(port), "--ingest-port", str(free_port())]
        argv += ["--interval", "1s", "--no-alerting"]
        with program(argv, cwd=home, says=f":{port}") as process:
            url = f"http://127.0.0.1:{port}"
            exporter = _exporter(process.pid)
            samples = _disturb(home, url, exporter, seconds)
            _demo(home, "heal")
            healed = time.monotonic()
            while not (is_up := _all_up(url)) and time.monotonic() < healed + _HEAL_WITHIN_S:
                time.sleep(0.5)
            took_s = time.monotonic() - healed
            targets = [
                Target("every probe is UP again", f"after {took_s:.1f} s", is_up),
                *arrival_targets(url, _RISE_WITHIN_S),
                _log_target(home),
            ]
    return _report(samples[len(samples) // 5 :], seconds, targets)


def _log_target(home: Path) -> Target:
    """The exporter's log tells of faults of the production, and of none of its own."""
    log = (home / "run/logs/exporter.log").read_text("utf-8", "replace")
    bugs = log.count("Traceback") + log.count("level=error")
    return Target("the log has no error", f"{bugs}", bugs == 0)


def _report(samples: list[tuple[float, int, int, float]], seconds: float, targets: list[Target]) -> int:
    third = max(1, len(samples) // 3)
    columns = list(zip(*samples, strict=True))
    table = Table(
        f"Soak for {seconds:.0f} s",
        "The demo at an interval of 1 s; a fault switched every 2 s, a reload every 20 s, "
        "a scrape every 5 s; "
        "medians.",
        ("figure", "first third", "last third", "max"),
    )
    growth = {}
    for name, values in zip(("memory, MiB", "open files", "threads", "series"), columns, strict=True):
        first, last = percentile(values[:third], 50), percentile(values[-third:], 50)
        growth[name] = last / first
        table.rows.append((name, f"{first:.0f}", f"{last:.0f}", f"{max(values):.0f}"))
    table.targets = [
        Target(f"{name} is flat", f"{growth[name] - 1:+.1%}", growth[name] <= _MAX_GROWTH)
        for name in ("memory, MiB", "open files", "series")
    ]
    # A pool that is filled when it is first needed, and bounded.
    most = max(columns[2])
    table.targets.append(Target("threads are bounded", f"at most {most}", most <= _MAX_THREADS))
    table.targets += targets
    print(table.as_text())
    return int(any(not target.is_met for target in table.targets))
