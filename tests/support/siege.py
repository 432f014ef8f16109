"""An exporter under attack: targets in a thread of their own, and what can be read off the process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client.parser import text_string_to_metric_families

from support.processes import Exporter, wait_for
from support.servers import Peer, Server, answering, response, serve

T = TypeVar("T")

HEALTHY = answering(response(b'{"status": "healthy"}', headers={"Content-Type": "application/json"}))
ENDS_WITHIN_S = 10.0


class Targets:
    """Servers on loopback, served from a thread so that a test may block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = contextlib.AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def serve(self, behave: Callable[[Peer], Awaitable[None]] = HEALTHY) -> Server:
        """One more server."""
        return self.run(self._stack.enter_async_context(serve(behave)))

    def run(self, work: Awaitable[T]) -> T:
        """What `work` gives, done on the targets' loop."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(30)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextlib.contextmanager
def targets() -> Iterator[Targets]:
    """Targets for as long as the context lasts."""
    them = Targets()
    try:
        yield them
    finally:
        them.close()


def write_config(path: Path, probes: dict[str, str], extra: str = "") -> Path:
    """A configuration of one service; `probes` by name, each the inside of a flow mapping."""
    lines = [f"      {name}: {{{said}}}" for name, said in probes.items()]
    text = f"environment: test\nlocation: here\n{extra}services:\n  api:\n    probes:\n"
    path.write_text(text + "\n".join(lines) + "\n")
    return path


def http_probe(url: str, *, interval: str = "1s", timeout: str = "1s", extra: str = "") -> str:
    """The inside of an http probe."""
    return f'kind: http, url: "{url}", interval: {interval}, timeout: {timeout}{extra}'


class Figures:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
        self._reasons: dict[str, dict[str, float]] = {}
        for s in self.samples:
            if s.name == "rollwatch_probe_results_total" and s.value:
                self._reasons.setdefault(s.labels["probe"], {})[s.labels["reason"]] = s.value

    def by_probe(self, name: str) -> dict[str, float]:
        """The values of a metric that every probe has once."""
        return {s.labels["probe"]: s.value for s in self.samples if s.name == name}

    def total(self, name: str, **labels: str) -> float:
        """The sum over every series of that name and labels."""
        return sum(s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    def reasons(self, probe: str) -> dict[str, float]:
        """How often a probe's runs ended with which reason."""
        return self._reasons.get(probe, {})

    @property
    def names(self) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        """Every series, without its value."""
        return {(s.name, tuple(sorted(s.labels.items()))) for s in self.samples}


def figures(exporter: Exporter) -> Figures:
    return Figures(exporter.get("/metrics"))


def results(exporter: Exporter) -> Figures:
    """Only how runs ended: of a large exporter far cheaper to read than everything."""
    lines = exporter.get("/metrics").splitlines(keepends=True)
    return Figures("".join(line for line in lines if line.startswith("rollwatch_probe_results_total{")))


def more_runs(exporter: Exporter, probe: str, reason: str, runs: int = 2, deadline_s: float = 30) -> Figures:
    """Wait until `probe` has ended that often more with `reason`."""
    before = results(exporter).reasons(probe).get(reason, 0)

    def enough() -> Any:
        now = results(exporter)
        return now.reasons(probe).get(reason, 0) >= before + runs

    wait_for(enough, f"{runs} more runs of {probe} to end with {reason}", deadline_s)
    return figures(exporter)


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def memory_mib(pid: int) -> float:
    """What the process holds in RAM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process has ended")


def cpu_s(pid: int) -> float:
    """CPU time used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ends_cleanly(exporter: Exporter) -> None:
    """SIGTERM ends the process within ten seconds, with exit code 0 and no traceback."""
    began = time.monotonic()
    exporter.process.signal(signal.SIGTERM)
    assert exporter.process.wait() == 0
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert "Traceback" not in exporter.process.output
