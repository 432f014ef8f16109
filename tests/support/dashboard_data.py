"""A Prometheus with all that dashboards ask for: a demo in good and bad times, and an hour before it."""

from __future__ import annotations

import contextlib
import json
import math
import re
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from rollwatch.demo.announcement import running_stack
from rollwatch.demo.faults import Fault
from support.dashboard_queries import Asked, filled
from support.demo_up import Demo
from support.postgres_lab import postgres_lab
from support.processes import fetch, free_port, running, wait_for

__all__ = ["Source", "afterwards", "beside", "has_run"]

SCRAPE_S = 5.0
HOUR_S = 3600.0
_LEGEND = re.compile(r"\{\{(\w+)\}\}")
_AFTERWARDS = (
    *(Fault.COMPONENT_DOWN, Fault.SLOW, Fault.FAILING_PAYMENTS, Fault.SCRIPT_ERROR, Fault.SLOW_PAGE),
    *(Fault.PROVIDER_UNAUTHORIZED, Fault.WS_DROP, Fault.DRIFTING_PNL),
)
"""Faults for when the release has been taken back: before, so many at once would look like an "
"outage of everything."""


class Source:
    """A Prometheus that can be asked as Grafana would."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def get(self, path: str, **parameters: str) -> Any:
        status, _, body = fetch(f"{self._url}{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        return answer if status in {200, 400, 422} else {"status": "error", "error": f"status {status}"}

    def fault_of(self, asked: Asked, chosen: dict[str, str]) -> str:
        """Why a panel, annotation or variable would be empty or wrong over the last hour; empty if "
        "all is well."""
        if asked.label:
            match = {"match[]": filled(asked.expr, step_s=15, range_s=HOUR_S, scrape_s=SCRAPE_S)}
            found = self.get(f"/api/v1/label/{asked.label}/values", **(match if asked.expr else {}))
            return "" if found.get("data") else f"no values: {found.get('error', asked.expr)}"
        now = time.time()
        names = chosen if any(f"${name}" in asked.expr for name in chosen) else {"": ""}
        answers = [
            self.get(
                "/api/v1/query_range",
                query=filled(
                    asked.expr.replace(f"${name}", value) if name else asked.expr,
                    step_s=15,
                    range_s=HOUR_S,
                    scrape_s=SCRAPE_S,
                ),
                start=str(now - HOUR_S),
                end=str(now),
                step="15",
            )
            for name, value in names.items()
            if not name or f"${name}" in asked.expr
        ]
        return next(filter(None, (self._fault(asked, answer) for answer in answers)), "")

    @staticmethod
    def _fault(asked: Asked, answer: Any) -> str:
        if answer["status"] != "success" or answer.get("warnings"):
            return f"{answer.get('error', answer.get('warnings'))}"
        series = answer["data"]["result"]
        values = [value for one in series for _, value in one["values"]]
        if all(math.isnan(float(value)) for value in values):
            return f"no data: {asked.expr}"
        labels = {name for one in series for name in one["metric"]}
        missing = set(_LEGEND.findall(asked.legend)) - labels
        return f"no series has the label {', '.join(sorted(missing))}" if missing else ""


@contextlib.contextmanager
def beside(demo: Demo, directory: Path) -> Iterator[Source]:
    """PostgreSQL in use and a machine with node_exporter beside a demo, and something of the time "
    "before it."""
    url = running_stack(demo.run_dir)["Prometheus"]
    port = free_port()
    (directory / "postgres").mkdir()
    with (
        postgres_lab(directory / "postgres") as lab,
        running(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"], cwd=directory),
    ):
        rules = demo.run_dir.prometheus / "rules/slo.yml"
        # Long windows look at every fifth minute, the longest at full and half hours only.
        rules.write_text(re.sub(r":\d+m\]", ":15s]", rules.read_text()))
        targets = demo.run_dir.prometheus / "targets/applications.yml"
        addresses = json.dumps([f"127.0.0.1:{lab.exporter_port}", f"127.0.0.1:{port}"])
        targets.write_text(f"- targets: {addresses}\n  labels: {{service: api, environment: demo}}\n")
        _backfill(demo.run_dir.prometheus / "data", directory)
        _prometheus(demo).send_signal(1)
        yield Source(url)


def afterwards(demo: Demo) -> None:
    """Let happen what dashboards show and a good day has not."""
    for fault in _AFTERWARDS:
        demo.control.switch_on(fault)
    # Nothing was released just now: it is denied.
    token = (demo.run_dir.secrets / "rollback-alert").read_text().strip()
    labels = {"alertname": "RollbackHealthDown", "service": "api", "environment": "demo", "rollback": "auto"}
    alert = {
        "status": "firing",
        "labels": labels | {"priority": "rollback"},
        "annotations": {},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "5eed",
    }
    document = {
        "version": "4",
        "groupKey": "coverage",
        "status": "firing",
        "receiver": "rollback",
        "groupLabels": {},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": [alert],
    }
    handler = running_stack(demo.run_dir)["rollback handler"]
    status, _, body = fetch(
        f"{handler}api/monitoring/alerts",
        method="POST",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        data=json.dumps(document).encode(),
    )
    assert status == 200, body


def _prometheus(demo: Demo) -> psutil.Process:
    here = str(demo.run_dir.prometheus)
    return next(
        child
        for child in psutil.Process(demo.process.pid).children(recursive=True)
        if "prometheus" in child.name() and any(here in word for word in child.cmdline())
    )


def _backfill(data: Path, directory: Path) -> None:
    """What takes longer than a test: sessions end after half an hour, growth is over a week."""
    now = time.time()
    minutes = [now - minute * 60 for minute in range(50, 20, -1)]
    web = 'service="web",environment="demo"'
    durations = "rollwatch_browser_session_duration_seconds"
    buckets = [
        f'{durations}_bucket{{{web},location="local",device="desktop",le="{bound}"}} {count + share} {at:.3f}'
        for bound, share in (("60.0", 1), ("300.0", 2), ("+Inf", 3))
        for count, at in enumerate(minutes)
    ]
    heap, limit = "service:browser_heap_bytes:p75", 'threshold="browser_heap_bytes"'
    stored = "service:stored:bytes"
    week = [now - 7 * 86_400 + minute * 60 for minute in range(15)]
    lines = [
        f"# TYPE {durations}_bucket gauge",
        *buckets,
        *(f"{heap}{{{web}}} 8e7 {at:.3f}" for at in minutes),
        *(f'rollwatch:threshold{{{web},{limit},priority="P2"}} 1e8 {at:.3f}' for at in minutes),
        *(f'{stored}{{service="api",environment="demo",what="database"}} 4e7 {at:.3f}' for at in week),
        "# EOF",
    ]
    text = directory / "before.txt"
    text.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def has_run(source: Source, expr: str) -> None:
    """Wait until an expression has a result."""
    wait_for(lambda: source.get("/api/v1/query", query=expr)["data"]["result"], expr, 90.0)
