"""What one refresh of each dashboard costs Prometheus, over six hours of a demo's series."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.harness import Table, Target
from bundle.foreign_metrics import names_in
from rollwatch.demo.rundir import RunDir
from support.dashboard_data import Source, afterwards, beside, has_run
from support.dashboard_queries import DASHBOARDS, Asked, asked_by, filled, load
from support.demo_up import eventually, started
from support.processes import free_port, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["run"]

HOURS = 6
SCRAPE_S = 15
MOST_SAMPLES = 1_000_000
_PIXELS = 1000
"""Of a panel: Grafana asks for no more points than that."""
_STEP_S = 30
"""Six hours over 1000 points are 21.6 s, which Grafana rounds up."""
_CHOSEN = {
    "counter": "larkspur_signals_posted_total",
    "gauge": "larkspur_open_orders",
    "funnel": "larkspur_funnel_total",
}


def run() -> Table:
    """About five minutes, most of it a demo that has to happen first."""
    with tempfile.TemporaryDirectory() as directory:
        series = _series(Path(directory))
        return _measured(series, Path(directory))


def _series(directory: Path) -> list[dict[str, str]]:
    """Of all that dashboards read, each series that there is in a demo with faults."""
    wanted = {name for path in DASHBOARDS for asked in asked_by(load(path)) for name in names_in(asked.expr)}
    wanted |= set(_CHOSEN.values())
    run_dir = RunDir(directory / "run")
    options = [
        word
        for name in ("prometheus", "alertmanager", "rollback")
        for word in (f"--{name}-port", str(free_port()))
    ]
    with started(run_dir, "--alerting", *options) as demo:
        assert not eventually(lambda: not run_dir.stack.exists(), 60.0), demo.logs()
        with beside(demo, directory) as source:
            subprocess.run(
                [sys.executable, "-m", "rollwatch", "demo", "bad-release", "--run-dir", str(run_dir.path)],
                capture_output=True,
                check=True,
                timeout=400,
            )
            afterwards(demo)
            # Until what goes wrong has become alerts, and these series.
            has_run(source, "count(ALERTS{priority='P1'}) > 1")
            has_run(source, "rollwatch_rollback_denials_total")
            found = source.get("/api/v1/series", **{"match[]": '{__name__!=""}'})["data"]
    return [one for one in found if one["__name__"] in wanted]


def _lines(series: list[dict[str, str]], end: float) -> Iterator[str]:
    """Six hours of each. What is in a sample costs nothing, how many there are does."""
    begin = end - HOURS * 3600
    moments = range(HOURS * 3600 // SCRAPE_S)
    for name in sorted({one["__name__"] for one in series}):
        yield f"# TYPE {name} gauge\n"
        for one in series:
            if one["__name__"] != name:
                continue
            labels = ",".join(f"{key}={json.dumps(value)}" for key, value in one.items() if key != "__name__")
            yield from (
                f"{name}{{{labels}}} {index + 1} {begin + index * SCRAPE_S:.3f}\n" for index in moments
            )
    yield "# EOF\n"


def _measured(series: list[dict[str, str]], directory: Path) -> Table:
    end = time.time() - 60
    text = directory / "six-hours.txt"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(_lines(series, end))
    data = directory / "data"
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)],
        check=True,
        capture_output=True,
        timeout=900,
    )
    text.unlink()
    (directory / "empty.yml").write_text("{}\n")
    port = free_port()
    argv = ["prometheus", f"--config.file={directory / 'empty.yml'}", f"--storage.tsdb.path={data}"]
    table = Table(
        title="Dashboards",
        method=(
            f"The {len(series):,} series that dashboards read, of a demo with PostgreSQL and node_exporter "
            f"in good and bad times, repeated over {HOURS} h at {SCRAPE_S} s. Every expression of a "
            "dashboard is run as Grafana does at one refresh (All chosen, closed rows included, a panel of "
            f"{_PIXELS} points, so a step of {_STEP_S} s) by Debian's Prometheus with `stats=all`. Samples "
            "are those it touched; milliseconds are of one expression after the other, asked once before."
        ),
        headers=("dashboard", "queries", "samples", "dearest query, samples", "ms", "dearest"),
    )
    with running([*argv, f"--web.listen-address=127.0.0.1:{port}"], cwd=directory):
        source = Source(f"http://127.0.0.1:{port}")
        wait_for(lambda: _is_ready(port), "Prometheus to read six hours", 120.0)
        for path in DASHBOARDS:
            board = load(path)
            costs = [(_cost(source, asked, end), asked) for asked in asked_by(board) if not asked.label]
            total = sum(samples for (samples, _), _ in costs)
            (most, _), dearest = max(costs, key=lambda one: one[0][0])
            spent = sum(ms for (_, ms), _ in costs)
            table.rows.append(
                (board["uid"], f"{len(costs)}", f"{total:,}", f"{most:,}", f"{spent:.0f}", dearest.where)
            )
            table.targets.append(
                Target(
                    f"a refresh of {board['uid']} touches at most {MOST_SAMPLES:,} samples",
                    f"{total:,}",
                    total <= MOST_SAMPLES,
                )
            )
    return table


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _cost(source: Source, asked: Asked, end: float) -> tuple[int, float]:
    """Samples touched, and milliseconds, of the second time it is asked."""
    expr = asked.expr
    for name, value in _CHOSEN.items():
        expr = expr.replace(f"${name}", value)
    query = filled(expr, step_s=_STEP_S, range_s=HOURS * 3600, scrape_s=SCRAPE_S)
    parameters: dict[str, str] = {"query": query, "stats": "all"}
    if asked.is_instant:
        path, parameters = "/api/v1/query", parameters | {"time": str(end)}
    else:
        path = "/api/v1/query_range"
        parameters |= {"start": str(end - HOURS * 3600), "end": str(end), "step": str(_STEP_S)}
    answer: Any = source.get(path, **parameters)
    begun = time.perf_counter()
    answer = source.get(path, **parameters)
    spent_ms = (time.perf_counter() - begun) * 1000
    assert answer["status"] == "success", (asked, answer)
    return int(answer["data"]["stats"]["samples"]["totalQueryableSamples"]), spent_ms
