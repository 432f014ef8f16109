"""1,000 probes a second in one process: missed ticks, start lag, the error of what is measured, memory."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
import urllib.request
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.harness import Table, Target, cpu_s, percentile, program, resident_mib, script
from support.processes import free_port

__all__ = ["run"]

PROBES = 1000
SECONDS = 60
WARM_UP_S = 65.0
"""A probe remembers its last 60 runs; memory is flat once all of them do."""
SCRAPE_EVERY_S = 5.0
DELAY_S = 0.050
MAX_START_LAG_S = 0.050
MAX_ERROR_S = 0.005
MAX_RSS_MIB = 300
MAX_RSS_GROWTH = 1.05

_LAG = "rollwatch_probe_start_lag_seconds"


@dataclass(frozen=True, slots=True)
class Scrape:
    """One scrape, unread: reading it takes CPU that the measurement needs."""

    at: float
    took_s: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """What a scrape says of all probes."""

    runs: dict[str, float]
    not_up: float
    skipped: float
    lag_buckets: dict[float, float]


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def _scrape(url: str) -> Scrape:
    began = time.monotonic()
    body = _get(f"{url}/metrics")
    return Scrape(began, time.monotonic() - began, body)


def _read(scrape: Scrape) -> Counts:
    runs: dict[str, float] = defaultdict(float)
    not_up = skipped = 0.0
    buckets: dict[float, float] = {}
    for family in text_string_to_metric_families(scrape.body.decode()):
        for name, labels, value, *_ in family.samples:
            if name == "rollwatch_probe_results_total":
                runs[labels["probe"]] += value
                not_up += value if labels["verdict"] != "up" else 0
            elif name == "rollwatch_probe_skipped_runs_total":
                skipped += value
            elif name == f"{_LAG}_bucket":
                buckets[float(labels["le"])] = value
    return Counts(dict(runs), not_up, skipped, buckets)


def _lag_at_most(first: Counts, last: Counts, share: float) -> float:
    """The smallest bucket bound that holds this share of the starts between two scrapes."""
    counts = {bound: last.lag_buckets[bound] - first.lag_buckets[bound] for bound in sorted(last.lag_buckets)}
    total = counts[float("inf")]
    return next(bound for bound, count in counts.items() if count >= share * total)


def _errors(dashboard: dict[str, Any], answers: Path, since_at: float) -> list[float]:
    """Measured duration less the server's true delay, for every run that both sides know."""
    true: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in answers.read_text().splitlines():
        path, at, delay = line.split()
        true[path.lstrip("/")].append((float(at), float(delay)))
    errors = []
    for service in dashboard["services"]:
        for probe in service["probes"]:
            known = sorted(true[probe["name"]])
            moments = [at for at, _ in known]
            for record in probe["recent"]:
                began = record["started_at"]
                if began < since_at:
                    continue
                # The server accepts just after the run began; both clocks are this machine's.
                place = bisect_left(moments, began - 0.001)
                if place < len(known) and known[place][0] - began < 0.5:
                    errors.append(record["duration_seconds"] - known[place][1])
    return errors


def _configuration(home: Path, port: int) -> Path:
    config = home / "rollwatch.yml"
    probes = "".join(
        f"      p{number}: {{kind: http, url: 'http://127.0.0.1:{port}/p{number}', "
        "interval: 1s, timeout: 1s, expect: {body: ok}}\n"
        for number in range(PROBES)
    )
    config.write_text(f"environment: bench\nlocation: here\nservices:\n  web:\n    probes:\n{probes}")
    return config


def run() -> Table:
    """Measure for a minute after one of warm-up, beside an idle loop that runs all the while."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        port, answers, lateness = free_port(), home / "answers", home / "lateness"
        config = _configuration(home, port)
        argv = [sys.executable, "-m", "rollwatch", "exporter", f"--config.file={config}"]
        with (
            program(script("delay_server.py", port, DELAY_S, answers), cwd=home, says="ready"),
            program(script("idle_loop.py", PROBES, lateness), cwd=home, says="ready"),
            program([*argv, "--web.listen-address=127.0.0.1:0"], cwd=home, says="event=started") as process,
        ):
            log = next(path for path in home.glob("*.log") if "event=listening" in path.read_text())
            listening = re.search(r"event=listening url=(\S+)", log.read_text())
            if listening is None:
                raise RuntimeError("the exporter does not say where it listens")
            url = listening[1]
            watched = psutil.Process(process.pid)
            time.sleep(WARM_UP_S)
            since_at, spent, scrapes, memory = (
                time.time(),
                cpu_s(watched),
                [_scrape(url)],
                [resident_mib(watched)],
            )
            while scrapes[-1].at < scrapes[0].at + SECONDS:
                time.sleep(max(0.0, scrapes[0].at + len(scrapes) * SCRAPE_EVERY_S - time.monotonic()))
                scrapes.append(_scrape(url))
                memory.append(resident_mib(watched))
            spent = cpu_s(watched) - spent
            dashboard = json.loads(_get(f"{url}/api/monitoring/dashboard"))
        errors = _errors(dashboard, answers, since_at)
        idle = [float(line) for line in lateness.read_text().splitlines()]
    return _table(scrapes, memory, errors, idle, spent)


def _table(
    scrapes: list[Scrape], memory: list[float], errors: list[float], idle: list[float], spent: float
) -> Table:
    first, last = _read(scrapes[0]), _read(scrapes[-1])
    took = scrapes[-1].at - scrapes[0].at
    per_probe = [last.runs[probe] - first.runs[probe] for probe in first.runs]
    runs = sum(per_probe)
    lag = {share: _lag_at_most(first, last, share / 100) for share in (50, 99)}
    table = Table(
        f"{PROBES:,} probes a second in one process".replace(",", " "),
        f"{PROBES} HTTP probes with interval 1s for {took:.0f} s, of a server in a process of its own that "
        f"answers after {DELAY_S * 1e3:.0f} ms; scraped every {SCRAPE_EVERY_S:g} s; measured once every "
        "probe's history is full. The error is the measured duration of a run, with its connect, less the "
        "server's own time from accept to answer, run by run. The idle loop has only as many timers, in a "
        "process of its own at the same time.",
        ("figure", "p50", "p99", "max"),
    )

    def row(name: str, *cells: str) -> None:
        table.rows.append((name, *cells))

    def ms(values: list[float], percent: int) -> str:
        return f"{percentile(values, percent) * 1e3:.2f} ms"

    row("start lag (bucket bound)", f"<= {lag[50] * 1e3:g} ms", f"<= {lag[99] * 1e3:g} ms", "")
    row("error of the measured latency", ms(errors, 50), ms(errors, 99), ms(errors, 100))
    row("idle loop: lateness of a timer", ms(idle, 50), ms(idle, 99), ms(idle, 100))
    took_s = [scrape.took_s for scrape in scrapes]
    row(f"a scrape ({len(scrapes[-1].body) / 2**20:.1f} MiB)", ms(took_s, 50), "", ms(took_s, 100))
    middle = memory[len(memory) // 2]
    row("resident memory: start, middle, end", *(f"{mib:.0f} MiB" for mib in (memory[0], middle, memory[-1])))
    row("CPU per probe, with scrapes", f"{spent / runs * 1e6:.0f} us", "", "")
    uneven = max(per_probe) - min(per_probe)
    worst = percentile(errors, 99)
    table.targets = [
        Target(
            "no missed tick",
            f"{runs:.0f} runs in {took:.2f} s, per probe {min(per_probe):.0f} to {max(per_probe):.0f}, "
            f"{last.skipped:.0f} skipped, {last.not_up:.0f} not UP",
            last.skipped == 0 and last.not_up == 0 and uneven <= 1 and len(first.runs) == PROBES,
        ),
        Target(
            f"start lag p99 under {MAX_START_LAG_S * 1e3:.0f} ms",
            f"at most {lag[99] * 1e3:g} ms",
            lag[99] <= MAX_START_LAG_S,
        ),
        Target(
            f"measured-latency error p99 under {MAX_ERROR_S * 1e3:.0f} ms",
            f"{worst * 1e3:.2f} ms over {len(errors)} runs",
            worst < MAX_ERROR_S and len(errors) > 0.9 * runs,
        ),
        Target(
            f"resident memory under {MAX_RSS_MIB} MiB and flat",
            f"{max(memory):.0f} MiB, {memory[-1] / middle - 1:+.1%} in the second half",
            max(memory) < MAX_RSS_MIB and memory[-1] <= middle * MAX_RSS_GROWTH,
        ),
    ]
    return table
