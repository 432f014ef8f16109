"""What every bench shares: the machine, CPU and memory of a process, and tables with their method."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Table", "Target", "cpu_s", "machine", "percentile", "program", "resident_mib", "script"]

BENCH = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that must hold, and whether it did."""

    what: str
    actual: str
    is_met: bool

    def __str__(self) -> str:
        return f"{'met   ' if self.is_met else 'MISSED'}  {self.what}: {self.actual}"


@dataclass(slots=True)
class Table:
    """One bench's result. The first column is text, the others are figures with their unit in the header."""

    title: str
    method: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def as_text(self) -> str:
        """For a terminal."""
        lines = [self.headers, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headers))]
        shown = [
            "  ".join(
                [
                    line[0].ljust(widths[0]),
                    *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)),
                ]
            )
            for line in lines
        ]
        return "\n".join([f"== {self.title}", self.method, "", *shown, "", *map(str, self.targets)])

    def as_markdown(self) -> str:
        """For docs/benchmarks.md."""
        lines = [f"## {self.title}", "", self.method, ""]
        lines += [f"| {' | '.join(self.headers)} |", f"|---|{'---:|' * (len(self.headers) - 1)}"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        lines += [
            "",
            *(f"- {'met' if t.is_met else '**missed**'}: {t.what}: {t.actual}" for t in self.targets),
        ]
        return "\n".join(lines)


def machine() -> str:
    """The machine and what else it is doing, in one line: figures mean little without it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        cpu = f"{os.cpu_count()} x {model}"
        memory = psutil.virtual_memory().total / 2**30
        load = os.getloadavg()[0]
        return (
            f"{cpu}, {memory:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()}, "
            f"load {load:.2f} at the start"
        )
    return platform.platform()


def cpu_s(process: psutil.Process) -> float:
    """User and system time of a process, with its ended children, in seconds; counted in ticks of 10 ms."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def resident_mib(process: psutil.Process) -> float:
    """Resident memory in MiB."""
    return float(process.memory_info().rss / 2**20)


def percentile(values: Sequence[float], percent: int) -> float:
    """Of sorted or unsorted values; the maximum for 100."""
    if percent == 100 or len(values) < 2:
        return max(values)
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@contextlib.contextmanager
def program(argv: Sequence[str], *, cwd: Path, says: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process for as long as the context lasts, once it has said `says`. Ended by SIGTERM."""
    log = cwd / f"{Path(argv[0]).name}-{time.monotonic_ns()}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            list(argv), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True
        )
    try:
        deadline = time.monotonic() + 30
        while says is not None and says not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} did not say {says!r}:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def script(name: str, *arguments: object) -> list[str]:
    """The argv of a script of this directory."""
    return [sys.executable, str(BENCH / name), *map(str, arguments)]
