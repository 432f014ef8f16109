"""What becomes of logs at night: a disk runs full, a writer dies, a directory goes, rights are taken away."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import ROLLWATCH, Exporter, running, wait_for
from support.siege import ends_cleanly, figures, http_probe, more_runs, targets

LOGS = ("full", "pipe", "gone", "shut", "turned")
LINE = '{"message": "request", "path": "/a", "status": 200}\n'
# Root may read everything; the exporter in this test may not.
_AS_ANYBODY = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    if os.geteuid() == 0
    else []
)
_DYING_WRITER = """
import os, signal, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
os.write(fd, (sys.argv[2] * 3 + sys.argv[2][:20]).encode())
os.kill(os.getpid(), signal.SIGKILL)
"""


def _config(places: dict[str, str], url: str) -> str:
    logs = "".join(
        f"      {name}: {{{place}, lines: [{{when: message == 'request', figures: {{seen_total: "
        f"{{labels: {{log: \"'{name}'\"}}}}}}}}]}}\n"
        for name, place in places.items()
    )
    return (
        "environment: test\nlocation: here\nservices:\n  api:\n    figures:\n"
        f"      seen_total: {{type: counter, help: Lines., labels: {{log: [{', '.join(LOGS)}]}}}}\n"
        f"    logs:\n{logs}    probes:\n      p: {{{http_probe(url)}}}\n"
    )


class Logs:
    """What a scrape says of them."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def wait_for_lines(self, name: str, count: int) -> None:
        wait_for(lambda: self._total("seen_total", name) >= count, f"{count} lines of {name}")
        assert self._total("seen_total", name) == count

    def wait_for_obstacle(self, name: str, obstacle: str) -> None:
        wait_for(
            lambda: self._total("rollwatch_log_source_obstacle", name, obstacle=obstacle) == 1,
            f"{name} to be {obstacle}",
        )

    def is_open(self, name: str) -> bool:
        return self._total("rollwatch_log_source_open", name) == 1

    def _total(self, metric: str, name: str, **labels: str) -> float:
        return figures(self._exporter).total(metric, log=name, **labels)


@contextlib.contextmanager
def _following(directory: Path, places: dict[str, str]) -> Iterator[tuple[Exporter, Logs]]:
    with targets() as production:
        (directory / "rollwatch.yml").write_text(_config(places, production.serve().url()))
        argv = [*_AS_ANYBODY, *ROLLWATCH, "exporter", "--config.file=rollwatch.yml"]
        with running([*argv, "--web.listen-address=127.0.0.1:0"], cwd=directory) as process:
            url = process.line_with("event=listening").split("url=")[1].split()[0]
            process.line_with("event=started")
            exporter = Exporter(process, url)
            more_runs(exporter, "p", "ok", runs=1)
            yield exporter, Logs(exporter)
            assert set(more_runs(exporter, "p", "ok", runs=1).reasons("p")) == {"ok"}
            ends_cleanly(exporter)


def _append(path: Path, lines: int) -> None:
    with path.open("a") as file:
        file.write(LINE * lines)


def test_logs_that_fall_from_under_us_are_told_of_and_come_back(tmp_path: Path) -> None:
    place, shut, turned = tmp_path / "gone", tmp_path / "shut.log", tmp_path / "turned.log"
    place.mkdir()
    for path in (place / "app.log", shut, turned):
        path.touch()
    os.mkfifo(tmp_path / "pipe")
    places = {"pipe": "fifo: pipe", "gone": "file: gone/app.log", "shut": "file: shut.log"}
    with _following(tmp_path, {**places, "turned": "file: turned.log"}) as (exporter, logs):
        for path in (place / "app.log", shut, turned):
            _append(path, 1)
        for name in ("gone", "shut", "turned"):
            logs.wait_for_lines(name, 1)
        # A writer is killed in the middle of a line; another one goes on with a line of its own.
        for times in (1, 2):
            writer = [sys.executable, "-c", _DYING_WRITER, str(tmp_path / "pipe"), LINE]
            assert subprocess.run(writer, check=False).returncode == -signal.SIGKILL
            # The half line spoils the first line of the next writer, and nothing else.
            logs.wait_for_lines("pipe", 3 if times == 1 else 5)
        assert logs.is_open("pipe")
        # The directory goes, and the program writes on to what it has open.
        with (place / "app.log").open("a") as old:
            place.rename(tmp_path / "elsewhere")
            old.write(LINE * 2)
        # A file that nobody but its owner may read takes the place of the log.
        (tmp_path / "next").write_text(LINE * 4)
        (tmp_path / "next").chmod(0)
        (tmp_path / "next").rename(shut)
        turned.unlink()
        turned.mkdir()
        logs.wait_for_obstacle("gone", "missing")
        logs.wait_for_obstacle("shut", "forbidden")
        logs.wait_for_obstacle("turned", "not_a_file")
        logs.wait_for_lines("gone", 3)
        place.mkdir()
        _append(place / "app.log", 5)
        shut.chmod(0o600)
        turned.rmdir()
        _append(turned, 6)
        logs.wait_for_lines("gone", 8)
        logs.wait_for_lines("shut", 5)
        logs.wait_for_lines("turned", 7)
        assert all(logs.is_open(name) for name in places)
        said = [line for line in exporter.process.lines if "event=log_not_readable" in line]
        assert {line.split("why=")[1].split()[0] for line in said} >= {"forbidden", "not_a_file"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"only who may mount has a file system that is soon full: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_costs_the_line_it_cut_and_no_other(tmp_path: Path, small_disk: Path) -> None:
    (small_disk / "app.log").touch()
    with _following(tmp_path, {"full": "file: disk/app.log"}) as (_, logs):
        ballast = os.open(small_disk / "ballast", os.O_WRONLY | os.O_CREAT)
        log = os.open(small_disk / "app.log", os.O_WRONLY | os.O_APPEND)
        try:
            os.write(log, LINE.encode() * 10)
            _fill_up(ballast)
            whole, cut = divmod(10 * len(LINE) + _fill_up(log, LINE.encode()), len(LINE))
            logs.wait_for_lines("full", whole)
            os.truncate(small_disk / "ballast", 0)
            # A program that does not notice goes on with its next line.
            os.write(log, LINE.encode() * 5)
            logs.wait_for_lines("full", whole + 5 - bool(cut))
        finally:
            os.close(log)
            os.close(ballast)


def _fill_up(fd: int, what: bytes = b"x" * 4096) -> int:
    """Write until there is no room; how many bytes there was room for."""
    written = 0
    while True:
        try:
            written += os.write(fd, what)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return written
