"""Whoever reads the log gets stuck, goes away or runs out of disk: probing and serving go on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.processes import ROLLWATCH, Exporter, fetch, free_port, wait_for
from support.siege import Targets, figures, http_probe, more_runs, targets, write_config


class _Child:
    """What `Exporter` needs of a process whose output nobody reads."""

    def __init__(self, popen):
        self.popen = popen


@contextlib.contextmanager
def logging_to(config: Path, descriptor: int | None):
    """An exporter whose standard error is `descriptor`, or is closed."""
    port = free_port()
    argv = [*ROLLWATCH, "exporter", "--config.file", str(config), f"--web.listen-address=127.0.0.1:{port}"]
    if descriptor is None:
        argv = ["sh", "-c", 'exec "$@" 2>&-', "sh", *argv]
    popen = subprocess.Popen(argv, cwd=config.parent, stdin=subprocess.DEVNULL, stdout=2, stderr=descriptor)
    exporter = Exporter(_Child(popen), f"http://127.0.0.1:{port}")
    try:
        wait_for(lambda: popen.poll() is not None or _answers(exporter), "the exporter to answer")
        assert popen.poll() is None
        yield exporter
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(10) == 0
    finally:
        popen.kill()
        popen.wait()


def _answers(exporter: Exporter) -> bool:
    try:
        return fetch(exporter.url + "/-/ready")[0] == 200
    except OSError:
        return False


def _make_it_talk(exporter: Exporter, config: Path, rounds: int = 20) -> None:
    """Reload a file with many mistakes: each is a line of the log."""
    good = config.read_text()
    config.write_text(good + "".join(f"nonsense{n}: {'x' * 100}\n" for n in range(100)))
    for _ in range(rounds):
        assert fetch(exporter.url + "/-/reload", method="POST")[0] == 400
    config.write_text(good)
    assert fetch(exporter.url + "/-/reload", method="POST")[0] == 200


@pytest.fixture
def config(tmp_path: Path, production: Targets) -> Path:
    return write_config(tmp_path / "rollwatch.yml", {"health": http_probe(production.serve().url())})


@pytest.fixture
def production():
    with targets() as them:
        yield them


def test_a_full_pipe_stops_neither_probes_nor_answers(config: Path) -> None:
    reading, writing = os.pipe()
    try:
        with logging_to(config, writing) as exporter:
            # Far more than a pipe and the queue hold.
            _make_it_talk(exporter, config, rounds=60)
            more_runs(exporter, "health", "ok", runs=1)
            assert figures(exporter).total("rollwatch_log_dropped_total") > 0
    finally:
        os.close(reading)
        os.close(writing)


def test_a_reader_that_comes_back_gets_whole_lines_again(config: Path) -> None:
    reading, writing = os.pipe()
    try:
        with logging_to(config, writing) as exporter:
            _make_it_talk(exporter, config, rounds=60)
            os.set_blocking(reading, False)
            seen = b""
            config.write_text("no: good\n")
            fetch(exporter.url + "/-/reload", method="POST")

            def read() -> bool:
                nonlocal seen
                with contextlib.suppress(BlockingIOError):
                    seen += os.read(reading, 1 << 20)
                return b"nonsense99" in seen

            wait_for(read, "what was queued")
        lines = seen.decode().splitlines()[:-1]
        assert all(line.startswith("ts=") for line in lines)
    finally:
        os.close(reading)
        os.close(writing)


def test_a_reader_that_has_gone_costs_only_the_lines(config: Path) -> None:
    reading, writing = os.pipe()
    try:
        with logging_to(config, writing) as exporter:
            os.close(reading)
            _make_it_talk(exporter, config)
            more_runs(exporter, "health", "ok", runs=1)
            assert figures(exporter).total("rollwatch_log_dropped_total") > 2000
    finally:
        os.close(writing)


@pytest.mark.parametrize("how", ["disk full", "closed"])
def test_a_log_that_takes_nothing_from_the_start_stops_nothing(config: Path, how: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with logging_to(config, full if how == "disk full" else None) as exporter:
            _make_it_talk(exporter, config)
            more_runs(exporter, "health", "ok", runs=1)
            assert figures(exporter).total("rollwatch_log_dropped_total") > 2000
    finally:
        os.close(full)
