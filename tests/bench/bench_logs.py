"""Log lines into figures: the speed of a backlog beside the same without figures; counts over rotations."""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Table, Target, percentile, program, script
from support.processes import free_port, wait_for

__all__ = ["run"]

SIZE_BYTES = 100_000_000
ROUNDS = 3
MIN_BYTES_PER_CPU_S = 20e6
ROTATIONS = 5
LOAD_BYTES_PER_S = 8_000_000
_LATE_S = 0.2

_JSON_CONFIG = """
environment: bench
location: here
services:
  api:
    logs:
      app:
        file: app.log
        lines:
          - figures:
              rollwatch_http_requests_total: {labels: {endpoint: path, code: status}}
              rollwatch_http_request_duration_seconds: {value: ms, scale: 0.001, labels: {endpoint: path}}
"""
_TEXT_CONFIG = """
environment: bench
location: here
services:
  api:
    logs:
      app:
        file: app.log
        lines:
          - pattern: '"[A-Z]+ (?P<path>[^ "]+) [^"]*" (?P<status>[0-9]{3}) [0-9]+ (?P<seconds>[0-9.]+)'
            figures:
              rollwatch_http_requests_total: {labels: {endpoint: path, code: status}}
              rollwatch_http_request_duration_seconds: {value: seconds, labels: {endpoint: path}}
"""
_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
_COUNTS = re.compile(r"^rollwatch_http_requests_total\{.*\} ([0-9.e+]+)$", re.MULTILINE)
_FAULTS = re.compile(r"^rollwatch_figure_faults_total\{.*\} ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reading:
    """One log read by one process."""

    took_s: float
    cpu_s: float
    late_p99_s: float
    late_max_s: float


def _request(rng: random.Random) -> tuple[str, int, float]:
    path = rng.choice(["/api/users", "/api/orders", "/health", "/api/stocks/AAPL", "/cart", "/api/orders/ID"])
    status = rng.choices([200, 404, 500], [95, 4, 1])[0]
    return path.replace("ID", str(rng.randrange(500))), status, rng.expovariate(1 / 40)


def _json_line(rng: random.Random, number: int) -> str:
    path, status, ms = _request(rng)
    return (
        f'{{"level":"info","time":"2025-11-25T10:{number // 60000 % 60:02d}:{number // 1000 % 60:02d}.'
        f'{number % 1000:03d}Z","message":"request","method":"GET","path":"{path}","status":{status},'
        f'"ms":{ms:.1f},"id":"{number:08x}"}}\n'
    )


def _text_line(rng: random.Random, number: int) -> str:
    path, status, ms = _request(rng)
    return (
        f"10.0.{number % 250}.7 - - [25/Nov/2025:10:{number // 60 % 60:02d}:{number % 60:02d} +0000] "
        f'"GET {path} HTTP/1.1" {status} {number % 5000} {ms / 1000:.3f} "-" "{_AGENT}"\n'
    )


def _write_log(directory: Path, kind: str) -> int:
    """100 MB of lines, which are as many as is returned."""
    rng = random.Random(7)
    make, config = (_json_line, _JSON_CONFIG) if kind == "json" else (_text_line, _TEXT_CONFIG)
    (directory / "rollwatch.yml").write_text(config)
    size = count = 0
    with (directory / "waiting.log").open("w") as file:
        while size < SIZE_BYTES:
            block = "".join(make(rng, number) for number in range(count, count + 1000))
            file.write(block)
            size += len(block)
            count += 1000
    return count


def _read(mode: str, directory: Path, lines: int) -> Reading:
    done = subprocess.run(
        script("log_reader.py", mode, directory, lines), check=True, capture_output=True, timeout=600
    )
    found = json.loads(done.stdout.splitlines()[-1])
    if found["lines"] != lines:
        raise RuntimeError(f"{mode} took {found['lines']} lines of {lines}")
    late = found["lateness_s"]
    return Reading(found["took_s"], found["cpu_s"], percentile(late, 99), percentile(late, 100))


class _Program:
    """Writes a log at a fixed rate from a thread; told to, it opens it anew, a little late."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._reopen = threading.Event()
        self._end = threading.Event()
        self.lines = self.size = 0
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> _Program:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(30)

    def reopen(self) -> None:
        self._reopen.set()
        wait_for(lambda: not self._reopen.is_set(), "the writer to open its new log")

    def _write(self) -> None:
        rng = random.Random(8)
        fd = self._open()
        began = time.monotonic()
        reopen_at = None
        while not self._end.is_set():
            if self._reopen.is_set() and reopen_at is None:
                reopen_at = time.monotonic() + _LATE_S
            if reopen_at is not None and time.monotonic() >= reopen_at:
                os.close(fd)
                fd = self._open()
                reopen_at = None
                self._reopen.clear()
            block = "".join(_json_line(rng, self.lines + number) for number in range(200)).encode()
            os.write(fd, block)
            self.lines += 200
            self.size += len(block)
            time.sleep(max(0.0, began + self.size / LOAD_BYTES_PER_S - time.monotonic()))
        os.close(fd)

    def _open(self) -> int:
        return os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def _rotations(directory: Path) -> tuple[int, int, float]:
    """Lines written, lines counted by a real exporter, and bytes a second written, over rotations."""
    logs = directory / "log"
    logs.mkdir(mode=0o755)
    log = logs / "app.log"
    log.touch()
    config = directory / "rollwatch.yml"
    config.write_text(_JSON_CONFIG.replace("app.log", str(log)))
    rotate = directory / "logrotate.conf"
    rotate.write_text(f"{log} {{\n  create\n  rotate 9\n  nocompress\n}}\n")
    rotate.chmod(0o600)
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"

    def counted() -> int:
        with urllib.request.urlopen(url, timeout=30) as answer:
            text = answer.read().decode()
        return int(sum(map(float, [*_COUNTS.findall(text), *_FAULTS.findall(text)])))

    def is_open() -> bool:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return b'log="app"} 1.0' in answer.read()

    argv = [sys.executable, "-m", "rollwatch", "exporter", f"--config.file={config}"]
    with program([*argv, f"--web.listen-address=127.0.0.1:{port}"], cwd=directory, says="event=started"):
        wait_for(is_open, "the log to be open")
        began = time.monotonic()
        with _Program(log) as writer:
            for _ in range(ROTATIONS):
                time.sleep(1.5)
                argv = ["/usr/sbin/logrotate", "--force", "--state", str(directory / "state"), str(rotate)]
                subprocess.run(argv, check=True, timeout=30)
                writer.reopen()
            time.sleep(1.0)
        rate = writer.size / (time.monotonic() - began)
        wait_for(lambda: counted() >= writer.lines, "all lines to be counted")
        # What would be counted twice comes within two looks at the file.
        time.sleep(1.0)
        return writer.lines, counted(), rate


def run() -> Table:
    """Measure in interleaved rounds; about a minute and a half."""
    subjects = {
        "floor: read and split into lines": ("json", "split"),
        "floor: and orjson.loads of each": ("json", "loads"),
        "rollwatch, JSON": ("json", "figures"),
        "rollwatch, text by pattern": ("text", "figures"),
    }
    found: dict[str, list[Reading]] = {name: [] for name in subjects}
    with tempfile.TemporaryDirectory() as home:
        counts: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for kind in ("json", "text"):
            directory = Path(home, kind)
            directory.mkdir()
            counts[kind] = _write_log(directory, kind)
            sizes[kind] = (directory / "waiting.log").stat().st_size
        for _ in range(ROUNDS):
            for name, (kind, mode) in subjects.items():
                found[name].append(_read(mode, Path(home, kind), counts[kind]))
        directory = Path(home, "rotation")
        directory.mkdir()
        written, counted, rate = _rotations(directory)
    table = Table(
        "Log lines into figures",
        f"{SIZE_BYTES / 1e6:.0f} MB of request log ({sizes['json'] / counts['json']:.0f} bytes a line in "
        f"JSON, {sizes['text'] / counts['text']:.0f} in text) put in place of a file that is followed, each "
        f"line into a counter and a histogram; one process each, on uvloop, {ROUNDS} interleaved rounds, the "
        "median of each. CPU is of the whole process, the thread that reads the file included. A timer of "
        "5 ms runs beside it. Then a real exporter follows a log that is written at "
        f"{rate / 1e6:.0f} MB/s while logrotate renames it {ROTATIONS} times and the writer opens it anew "
        f"{_LATE_S * 1e3:.0f} ms late.",
        (
            "process",
            "MB/s",
            "MB per CPU second",
            "us/line",
            "rounds, MB/CPU s",
            "timer late, p99 ms",
            "max ms",
        ),
    )
    speed = {}
    for name, (kind, _) in subjects.items():
        each = [sizes[kind] / one.cpu_s for one in found[name]]
        speed[name] = statistics.median(each)
        table.rows.append(
            (
                name,
                f"{statistics.median(sizes[kind] / one.took_s for one in found[name]) / 1e6:.1f}",
                f"{speed[name] / 1e6:.1f}",
                f"{sizes[kind] / counts[kind] / speed[name] * 1e6:.2f}",
                " ".join(f"{one / 1e6:.1f}" for one in each),
                f"{statistics.median(one.late_p99_s for one in found[name]) * 1e3:.1f}",
                f"{max(one.late_max_s for one in found[name]) * 1e3:.1f}",
            )
        )
    for name in ("rollwatch, JSON", "rollwatch, text by pattern"):
        table.targets.append(
            Target(
                f"{name}: at least {MIN_BYTES_PER_CPU_S / 1e6:.0f} MB per CPU second",
                f"{speed[name] / 1e6:.1f}",
                speed[name] >= MIN_BYTES_PER_CPU_S,
            )
        )
    exact = f"{counted} of {written} over {ROTATIONS} rotations"
    table.targets.append(Target("every line counted exactly once", exact, counted == written))
    return table
