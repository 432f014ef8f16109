"""`rollwatch demo ...` as a person types it, on a production that runs as its own process."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from rollwatch.demo.announcement import announce_stack, running_ports, running_stack, withdraw_stack
from rollwatch.demo.commands import demo
from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN_S = 20.0
PORT_OPTIONS = (
    "--exporter-port",
    "--ingest-port",
    "--bridge-port",
    "--rollback-port",
    "--alertmanager-port",
    "--prometheus-port",
)
SERVE = (sys.executable, "-m", "rollwatch", "demo", "serve", "--base-port", "0", "--run-dir")


@contextmanager
def served(directory: Path) -> Iterator[tuple[RunDir, subprocess.Popen[str]]]:
    run_dir = RunDir(directory / "run")
    process = subprocess.Popen(
        [*SERVE, str(run_dir.path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        deadline = time.monotonic() + WITHIN_S
        while running_ports(run_dir) is None:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield run_dir, process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunDir]:
    with served(tmp_path_factory.mktemp("demo")) as (run_dir, _):
        yield run_dir


def typed(run_dir: RunDir, *words: str) -> str:
    return CliRunner().invoke(demo, [*words, "--run-dir", str(run_dir.path)], catch_exceptions=False).output


def states(listing: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+) +(on \(\d+ s\)|on|off)  ", listing, re.MULTILINE))


def test_the_list_shows_every_fault_with_its_state_and_its_signs(run_dir: RunDir) -> None:
    listing = typed(run_dir, "fault")

    assert states(listing) == dict.fromkeys(Fault, "off")
    for info in FAULTS.values():
        assert info.effect in listing
        assert all(f"-> {sign}" in listing for sign in info.signs)
        assert not info.alerts or f"=> {', '.join(info.alerts)}\n" in listing


def test_a_fault_goes_on_and_off_and_heal_ends_all(run_dir: RunDir) -> None:
    said = typed(run_dir, "fault", "slow", "on")
    assert "slow is on: /api/orders takes over 2 s" in said
    assert "people are told: HttpP95High" in said
    assert "hang is on (" in typed(run_dir, "fault", "hang", "on", "--for", "1h")
    on = {name: state for name, state in states(typed(run_dir, "fault")).items() if state != "off"}
    assert on.keys() == {"slow", "hang"}
    assert on["hang"] in ("on (3600 s)", "on (3599 s)")

    assert typed(run_dir, "fault", "slow", "off") == "slow is off\n"
    assert "faults: hang on" in typed(run_dir, "status")
    assert typed(run_dir, "heal") == "every fault is off\n"
    assert "faults: none" in typed(run_dir, "status")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fault", "slw", "on"), "there is no fault 'slw'. Did you mean 'slow'?"),
        (("fault", "slow", "maybe"), "'maybe' is neither on nor off"),
        (("fault", "slow"), "rollwatch demo fault slow on, or off"),
        (("fault", "slow", "off", "--for", "3s"), "--for belongs to 'on'"),
        (("fault", "slow", "on", "--for", "3"), "Write it like 15s"),
        (("fault", "slow", "on", "--for", "2d"), "at most 24h"),
        (("up", "--interval", "500ms"), "at least 1s"),
        (("up", "--base-port", "65500"), "65000"),
        (("up", "--ingest-port", "0"), "1<=x<=65535"),
        (("serve", "--visitors", "-1"), "0<=x<=200"),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(
    run_dir: RunDir, words: tuple[str, ...], says: str
) -> None:
    result = CliRunner().invoke(demo, [*words, "--run-dir", str(run_dir.path)])

    assert result.exit_code == 2
    assert says in " ".join(result.output.split())
    assert "faults: none" in typed(run_dir, "status")


@pytest.mark.parametrize(
    ("option", "title"),
    [
        ("--exporter-port", "exporter"),
        ("--ingest-port", "exporter, for browsers"),
        ("--bridge-port", "bridge"),
        ("--alertmanager-port", "Alertmanager"),
        ("--prometheus-port", "Prometheus"),
    ],
)
def test_a_taken_port_is_answered_with_what_to_type(tmp_path: Path, option: str, title: str) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = str(squatter.getsockname()[1])
        ports = {"--base-port": "0", **dict.fromkeys(PORT_OPTIONS, "1"), option: port}
        argv = [
            *SERVE[:4],
            "up",
            "--run-dir",
            str(tmp_path),
            *(word for pair in ports.items() for word in pair),
        ]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 4
    assert f"port {port} ({title}) is taken by" in done.stderr
    advice = "rollwatch demo up --base-port 0" + "".join(rf" {each} \d+" for each in PORT_OPTIONS)
    assert re.search(rf"{advice}$", done.stderr.strip())


def test_status_tells_what_a_living_supervisor_runs(run_dir: RunDir) -> None:
    announce_stack(run_dir, {"Prometheus": "http://127.0.0.1:1/alerts"})
    assert "Prometheus: http://127.0.0.1:1/alerts" in typed(run_dir, "status")
    assert re.search(r"inbox 127\.0\.0\.1:\d+, inbox-mail 127\.0\.0\.1:\d+", typed(run_dir, "status"))

    withdraw_stack(run_dir)
    assert "Prometheus" not in typed(run_dir, "status")


def test_what_another_supervisor_says_is_not_taken_back(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    announce_stack(run_dir, {"Prometheus": "http://127.0.0.1:1/alerts"})
    record = json.loads(run_dir.stack.read_bytes())
    run_dir.stack.write_text(json.dumps({**record, "process": {"pid": 1, "started_ticks": -1}}))

    withdraw_stack(run_dir)

    assert run_dir.stack.exists()
    assert not running_stack(run_dir)


def test_a_second_production_in_the_same_directory_is_refused(run_dir: RunDir) -> None:
    second = subprocess.run(
        [*SERVE, str(run_dir.path)], capture_output=True, text=True, timeout=30, check=False
    )

    assert second.returncode == 4
    assert "already running" in second.stderr
    assert running_ports(run_dir) is not None


def test_after_its_end_nothing_says_that_it_runs(tmp_path: Path) -> None:
    with served(tmp_path) as (run_dir, process):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WITHIN_S)

    assert process.returncode == 0
    assert not run_dir.production.exists()
    assert "production: not running" in typed(run_dir, "status")
    with pytest.raises(DemoError, match="Start it with 'rollwatch demo up'"):
        typed(run_dir, "heal")
