"""Every container's command line, run natively with the same flags until its own health check is content.

Grafana has no package and is not run; PostgreSQL, its load and its exporter are in
tests/integration/test_postgres_exporter.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from rollwatch.bundle.settings import Settings
from rollwatch.bundle.shipped import bundle_files
from support.compose_commands import COMPOSE, Moved
from support.processes import ROLLWATCH, Process, fetch, free_port, running, wait_for

pytestmark = pytest.mark.timeout(180)


def is_well(moved: Moved, name: str) -> bool:
    command = moved.health_check(name)
    if command[0] == "python":
        command[0] = sys.executable
    if command[:3] == ["promtool", "check", "healthy"]:
        # Debian's promtool is older than this check; it asks this.
        return _answers(command[3].removeprefix("--url=") + "/-/healthy")
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    return done.returncode == 0


def _answers(url: str) -> bool:
    try:
        return bool(fetch(url)[0] == 200)
    except OSError:
        return False


def test_the_demos_containers_work_together(tmp_path: Path) -> None:
    ports = {port: free_port() for port in (9717, 9718, 9719, 9720, 9090, 9093)}
    moved = Moved({"/run/rollwatch": tmp_path / "run"}, ports)
    words = [
        f"--{name}-port={ports[port]}"
        for name, port in {
            "exporter": 9717,
            "rollback": 9718,
            "bridge": 9719,
            "ingest": 9720,
            "prometheus": 9090,
            "alertmanager": 9093,
        }.items()
    ]
    order = [
        "demo-exporter",
        "demo-bridge",
        "demo-rollback",
        "demo-deployer",
        "demo-alertmanager",
        "demo-prometheus",
    ]
    with ExitStack() as stack:
        demo = stack.enter_context(running([*moved.command("demo"), "--base-port=0", *words], cwd=tmp_path))
        wait_for(lambda: is_well(moved, "demo"), f"the demo to write everything:\n{demo.output}")
        started: dict[str, Process] = {}
        for name in order:
            extra = [f"--rollback-port={ports[9718]}"] if name == "demo-deployer" else []
            started[name] = stack.enter_context(running([*moved.command(name), *extra], cwd=tmp_path))
            if "test" in COMPOSE["services"][name].get("healthcheck", {}):
                wait_for(lambda name=name: is_well(moved, name), f"{name}:\n{started[name].output}")
        wait_for(lambda: not _unwell(ports[9090]), "Prometheus to scrape all of them")
        assert all(process.popen.poll() is None for process in started.values())
        status = subprocess.run(
            [*ROLLWATCH, "demo", "fault", "--run-dir", str(tmp_path / "run")],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert status.returncode == 0, status.stderr


def _unwell(port: int) -> list[str]:
    try:
        status, _, body = fetch(f"http://127.0.0.1:{port}/api/v1/targets?state=active")
    except OSError:
        return ["Prometheus"]
    if status != 200:  # it reads its data
        return ["Prometheus"]
    targets = json.loads(body)["data"]["activeTargets"]
    # Nothing plays postgres_exporter here.
    wanted = {"rollwatch", "rollwatch-bridge", "rollwatch-rollback", "alertmanager", "prometheus"}
    up = {target["labels"]["job"] for target in targets if target["health"] == "up"}
    return sorted(wanted - up)


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_what_is_exported_for_containers_starts_there(name: str, tmp_path: Path) -> None:
    for path, text in bundle_files(Settings(), None, directory=str(tmp_path / "alertmanager")).items():
        if not path.startswith("grafana/"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
    (tmp_path / "data").mkdir()
    ports = {9090: free_port(), 9093: free_port()}
    moved = Moved(
        {
            "/etc/prometheus": tmp_path / "prometheus",
            "/etc/alertmanager": tmp_path / "alertmanager",
            "path=/prometheus": Path(f"path={tmp_path / 'data'}"),
            "path=/alertmanager": Path(f"path={tmp_path / 'data'}"),
        },
        ports,
    )

    with running(moved.command(name), cwd=tmp_path) as process:
        wait_for(lambda: is_well(moved, name), f"{name}:\n{process.output}")
