"""A real Prometheus that judges what a test says the exporter sees; and alerts as intake makes them."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rollwatch.config.fields import HttpUrl
from rollwatch.config.rollback_handler import PeerSpec
from rollwatch.rollback.model.alert import RollbackAlert
from support.processes import fetch, free_port, running, wait_for

__all__ = ["PLACE", "Judged", "an_alert", "judged", "peer"]

PLACE = "production"

RULES = """
groups:
  - name: rollback
    rules:
      - alert: RollbackHealthDown
        expr: probe_success == 0
        labels: {rollback: auto}
        annotations: {paging_twin: HealthDown}
      - alert: RollbackErrors
        expr: errors_ratio > 0.1
        labels: {rollback: auto}
        annotations: {paging_twin: ErrorsHigh}
      - alert: RollbackBroken
        # Two series on the side of one: it can't be evaluated.
        expr: probe_success{service="steady"} * on (environment) group_left () probe_success
  - name: paging
    rules:
      - {alert: HealthDown, expr: probe_success == 0, for: 1h}
      - {alert: ErrorsHigh, expr: errors_ratio > 0.01, for: 1h}
"""

CONFIG = """
global: {{scrape_interval: 250ms, evaluation_interval: 250ms}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: rollwatch
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def peer(url: str, timeout: float = 5.0) -> PeerSpec:
    """As the configuration says it."""
    return PeerSpec(url=HttpUrl((url,)), timeout=f"{timeout:g}s")


def an_alert(name: str = "RollbackHealthDown", service: str = "api", **labels: str) -> RollbackAlert:
    """Firing; with the annotation that names its twin."""
    twins = {"RollbackHealthDown": "HealthDown", "RollbackErrors": "ErrorsHigh"}
    return RollbackAlert(
        fingerprint="0123456789abcdef",
        starts_at=1_780_000_000.0,
        is_firing=True,
        labels={
            "alertname": name,
            "service": service,
            "environment": PLACE,
            "rollback": "auto",
            "cluster": "added-on-the-way",
            **labels,
        },
        annotations={"paging_twin": twins[name]} if name in twins else {},
    )


class Judged:
    """What the exporter sees, by service, and the Prometheus that scrapes it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.began_at = time.time()
        self._lock = threading.Lock()
        self._series: dict[tuple[str, str], float] = {}

    def up(self, service: str, value: float | None) -> None:
        """Its probe `health`: 1, 0, or undecided."""
        self._set("probe_success", service, value, ',probe="health"')

    def errors(self, service: str, value: float | None) -> None:
        self._set("errors_ratio", service, value)

    def known(self, service: str, *, is_known: bool) -> None:
        """Whether an exporter watches it."""
        self._set("rollwatch_service_info", service, 1 if is_known else None, ',owner="somebody"')

    def metrics(self) -> bytes:
        with self._lock:
            return "".join(
                f"{name}{labels} {value}\n" for (name, labels), value in self._series.items()
            ).encode()

    def _set(self, name: str, service: str, value: float | None, more: str = "") -> None:
        escaped = service.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        key = name, f'{{service="{escaped}",environment="{PLACE}"{more}}}'
        with self._lock:
            if value is None:
                self._series.pop(key, None)
            else:
                self._series[key] = value


@contextlib.contextmanager
def judged(directory: Path) -> Iterator[Judged]:
    """Ready to be asked; nothing is watched yet."""
    assert shutil.which("prometheus"), "run `make test`, which installs what the tests need"
    port = free_port()
    there = Judged(f"http://127.0.0.1:{port}")

    class Metrics(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = there.metrics()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        (directory / "rules.yml").write_text(RULES)
        (directory / "prometheus.yml").write_text(CONFIG.format(port=server.server_address[1]))
        argv = [
            "prometheus",
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
        try:
            with running(argv, cwd=directory):
                wait_for(lambda: _is_ready(there.url), "Prometheus to be ready")
                yield there
        finally:
            server.shutdown()
            thread.join()


def _is_ready(url: str) -> bool:
    try:
        return bool(fetch(f"{url}/-/ready")[0] == 200)
    except OSError:
        return False
