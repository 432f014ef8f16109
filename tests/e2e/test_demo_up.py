"""The whole stack as a newcomer starts it: one command, one Ctrl-C, and what people would be told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from rollwatch.demo.announcement import running_stack
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.supervisor.lifeline import MARKER
from support.demo_up import Demo, eventually, overview_of, started
from support.processes import fetch, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(180)

WITHIN_S = 60.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, str]]:
    run_dir = RunDir(tmp_path_factory.mktemp("demo") / "run")
    names = ("prometheus", "alertmanager", "rollback")
    options = [word for name in names for word in (f"--{name}-port", str(free_port()))]
    with started(run_dir, "--interval", "1s", "--alerting", *options) as demo:
        yield demo, overview_of(demo)


def prometheus(demo: Demo, path: str) -> Any:
    url = urllib.parse.urljoin(running_stack(demo.run_dir)["Prometheus"], path)
    status, _, body = fetch(url)
    assert status == 200, body
    return json.loads(body)["data"]


def inbox(demo: Demo) -> dict[str, Any]:
    _, _, body = fetch(f"http://127.0.0.1:{demo.ports['inbox']}/messages")
    found: dict[str, Any] = json.loads(body)
    return found


def test_everything_answers_where_the_overview_says(demo: tuple[Demo, str]) -> None:
    running, overview = demo
    stack = running_stack(running.run_dir)

    assert set(stack) == {"exporter", "Prometheus", "Alertmanager", "bridge", "rollback handler"}
    for address in (*stack.values(), f"http://127.0.0.1:{running.ports['inbox']}/"):
        assert address in overview
        assert fetch(address)[0] == 200, address
    logs = {path.stem for path in running.run_dir.logs.glob("*.log")}
    assert logs >= {"production", "exporter", "bridge", "alertmanager", "prometheus", "rollback", "deployer"}


def test_prometheus_scrapes_all_of_it_and_can_evaluate_every_rule(demo: tuple[Demo, str]) -> None:
    running, _ = demo

    def unwell() -> object:
        targets = prometheus(running, "/api/v1/targets?state=active")["activeTargets"]
        jobs = {target["labels"]["job"]: target["health"] for target in targets}
        rules = [rule for group in prometheus(running, "/api/v1/rules")["groups"] for rule in group["rules"]]
        return {
            job: jobs.get(job)
            for job in ("rollwatch", "rollwatch-bridge", "rollwatch-rollback", "alertmanager", "prometheus")
            if jobs.get(job) != "up"
        } or [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"]

    assert not eventually(unwell, WITHIN_S), running.logs()


def test_the_watchdog_comes_out_at_the_other_end(demo: tuple[Demo, str]) -> None:
    """Rule, Alertmanager, bridge, outside address: everything between a fault and a person works."""
    running, _ = demo

    assert not eventually(lambda: not inbox(running)["watchdog"]["heard"], WITHIN_S), running.logs()


def test_nobody_is_told_of_a_production_that_is_well(demo: tuple[Demo, str]) -> None:
    running, _ = demo

    # This machine's own load is no part of the production.
    told = [one["title"] for one in inbox(running)["messages"] if "host" not in one["title"]]
    assert not told


def test_secrets_are_files_that_only_their_owner_reads(demo: tuple[Demo, str]) -> None:
    running, _ = demo
    run_dir = running.run_dir
    token = (run_dir.secrets / "inbox").read_text().strip()

    assert (run_dir.path.stat().st_mode & 0o777) == 0o700
    for path in run_dir.path.rglob("*"):
        if path.is_file() and not path.is_relative_to(run_dir.prometheus / "data"):
            if path.suffix in {".yml", ".log", ".tmpl"}:
                assert token not in path.read_text("utf-8", "replace"), path
            if path.is_relative_to(run_dir.secrets):
                assert (path.stat().st_mode & 0o777) == 0o600, path


def test_one_interrupt_ends_all_of_it(demo: tuple[Demo, str]) -> None:
    running, _ = demo
    children = marked(running.process.pid)
    addresses = [urllib.parse.urlsplit(url).port for url in running_stack(running.run_dir).values()]
    assert len(children) >= 5

    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=60)

    assert running.process.returncode == 0
    assert not [child for child in children if child.is_running()]
    assert not running_stack(running.run_dir)
    for port in addresses:
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


def marked(supervisor: int) -> list[psutil.Process]:
    """What the supervisor started."""
    return [process for process in psutil.Process(supervisor).children() if MARKER in process.environ()]


def test_without_the_programs_it_says_so_and_measures_all_the_same(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / "run")
    port = str(free_port())
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rollwatch", "demo", "up", "--run-dir", str(run_dir.path)),
            *("--base-port", "0", "--exporter-port", port, "--ingest-port", str(free_port())),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    try:
        said = overview_of(Demo(run_dir, process, int(port), 0))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    (line,) = [line for line in said.splitlines() if "not installed" in line]
    assert "apt-get install --no-install-recommends prometheus prometheus-alertmanager" in line
    assert f"http://127.0.0.1:{port}/metrics" in said
    assert process.returncode == 0
