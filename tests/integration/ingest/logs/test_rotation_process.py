"""A real exporter beside a program that logs at full speed: its counters say how many lines were written."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.log_intake import samples_of
from support.processes import Exporter, fetch, running_exporter, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
environment: test
location: here
services:
  api:
    logs:
      app:
        PLACE
        lines:
          - figures:
              rollwatch_http_requests_total: {labels: {endpoint: path, code: status}}
              rollwatch_http_request_duration_seconds: {value: ms, scale: 0.001, labels: {endpoint: path}}
"""
LINE = b'{"time": "2025-11-25T10:00:00Z", "path": "/cart", "status": 200, "ms": 12.5, "n": %d}\n'
BURST = 100
ROTATIONS = 3
REQUESTS = 'rollwatch_http_requests_total{endpoint="/cart",code="2xx"}'
DURATIONS = 'rollwatch_http_request_duration_seconds_count{endpoint="/cart"}'
TAKEN = 'rollwatch_log_source_lines_total{log="app",result="taken"}'


class Program:
    """Appends to its log in bursts, without a pause, from a thread."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._turn = threading.Lock()
        self._reopens_after: int | None = None
        self._ends = False
        self.written = 0
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Program:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = True
        self._thread.join(30)

    def reopen_late(self) -> None:
        """Open the log anew after some more bursts, as a program does that is told so by a signal."""
        with self._turn:
            self._reopens_after = 20
        wait_for(lambda: self._reopens_after is None, "the program to open its new log")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No line is written meanwhile."""
        with self._turn:
            yield

    def _write(self) -> None:
        fd = self._open()
        while not self._ends:
            with self._turn:
                if self._reopens_after == 0:
                    os.close(fd)
                    fd = self._open()
                    self._reopens_after = None
                elif self._reopens_after is not None:
                    self._reopens_after -= 1
                for number in range(self.written, self.written + BURST):
                    os.write(fd, LINE % number)
                self.written += BURST
            # Or the lock would never be free for long enough that another thread could take it.
            threading.Event().wait(0.001)
        os.close(fd)

    def _open(self) -> int:
        return os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


class Logrotate:
    """Debian's logrotate, with a configuration of its own."""

    def __init__(self, log: Path, way: str) -> None:
        self._config = log.parents[1] / "logrotate.conf"
        self._state = log.parents[1] / "logrotate.state"
        self._config.write_text(f"{log} {{\n  {way}\n  rotate 5\n  nocompress\n}}\n")
        self._config.chmod(0o600)

    def rotate(self) -> None:
        subprocess.run(
            ["/usr/sbin/logrotate", "--force", "--state", self._state, self._config], check=True, timeout=30
        )


def write_config(directory: Path, place: str) -> Path:
    path = directory / "rollwatch.yml"
    path.write_text(CONFIG.replace("PLACE", place))
    return path


def samples(exporter: Exporter) -> dict[str, float]:
    return samples_of(exporter.get("/metrics"))


def counted(exporter: Exporter, written: int) -> dict[str, float]:
    """The samples once as many lines are counted as were written, or more."""

    def enough() -> dict[str, float] | None:
        found = samples(exporter)
        return found if found.get(TAKEN, 0) >= written else None

    return wait_for(enough, f"{written} lines to be counted")


@contextmanager
def followed(tmp_path: Path) -> Iterator[tuple[Path, Exporter]]:
    """A log that is there already, and an exporter that follows it."""
    directory = tmp_path / "log"
    directory.mkdir(mode=0o755)
    log = directory / "app.log"
    log.write_bytes(LINE % 0)
    with running_exporter(write_config(tmp_path, "file: log/app.log")) as exporter:
        wait_for(
            lambda: samples(exporter).get('rollwatch_log_source_open{log="app"}') == 1, "the log to be open"
        )
        yield log, exporter


def rotated(exporter: Exporter, kind: str, times: int) -> None:
    series = f'rollwatch_log_source_rotations_total{{log="app",kind="{kind}"}}'
    wait_for(lambda: samples(exporter)[series] == times, f"{times} times {kind}")


def test_every_line_counts_once_when_logs_are_renamed(tmp_path: Path) -> None:
    with followed(tmp_path) as (log, exporter):
        logrotate = Logrotate(log, "create")
        with Program(log) as program:
            for rotation in range(1, ROTATIONS + 1):
                goal = program.written + 5000
                wait_for(lambda goal=goal: program.written > goal, "lines to be written")
                logrotate.rotate()
                program.reopen_late()
                rotated(exporter, "replaced", rotation)
        found = counted(exporter, program.written)

        assert found[REQUESTS] == found[DURATIONS] == found[TAKEN] == program.written
        assert sum(value for name, value in found.items() if "log_source_lines" in name) == program.written
        assert len(list(log.parent.iterdir())) == ROTATIONS + 1


def test_every_line_counts_once_when_logs_are_copied_and_emptied(tmp_path: Path) -> None:
    """The program writes nothing between copying and emptying: what it wrote then would be in no file."""
    with followed(tmp_path) as (log, exporter):
        logrotate = Logrotate(log, "copytruncate")
        with Program(log) as program:
            for rotation in range(1, ROTATIONS + 1):
                goal = program.written + 5000
                wait_for(lambda goal=goal: program.written > goal, "lines to be written")
                with program.paused():
                    logrotate.rotate()
                rotated(exporter, "truncated", rotation)
        found = counted(exporter, program.written)

        assert found[REQUESTS] == found[DURATIONS] == found[TAKEN] == program.written
        assert len(list(log.parent.iterdir())) == ROTATIONS + 1


def test_standard_input_is_read_to_its_end_over_reloads(tmp_path: Path) -> None:
    lines = 20_000
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            for number in range(lines):
                pipe.write(LINE % number)
                if number % 100 == 50:
                    # In the middle of a line.
                    pipe.flush()
            pipe.write(LINE.rstrip(b"\n") % lines)

    config = write_config(tmp_path, "stdin: true")
    with running_exporter(config, stdin=reading) as exporter:
        os.close(reading)
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        for limit in ("1KiB", "2KiB", "4KiB"):
            write_config(tmp_path, f"stdin: true\n        line_limit: {limit}")
            assert fetch(f"{exporter.url}/-/reload", method="POST")[0] == 200
        thread.join(30)
        ended = 'rollwatch_log_source_obstacle{log="app",obstacle="ended"}'
        wait_for(lambda: samples(exporter).get(ended) == 1, "the end of standard input")

        found = samples(exporter)
        assert found[REQUESTS] == found[TAKEN] == lines + 1
        assert found['rollwatch_log_source_open{log="app"}'] == 0
