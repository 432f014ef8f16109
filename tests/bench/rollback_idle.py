"""A handler that has nothing to do, beside a loop that has nothing to do."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from bench.harness import Table, Target, cpu_s, program, resident_mib, script
from support.rollback_load_handler import handler_under_load

__all__ = ["run"]

SECONDS = 30.0
_SETTLES_S = 3.0
_SERVICES = tuple(f"service-{number}" for number in range(20))
MAX_CPU = 0.02
MAX_MIB = 200.0


def run() -> Table:
    """Both at the same time."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        idle = script("idle_loop.py", 1, home / "late")
        with (
            program(idle, cwd=home, says="ready") as loop,
            handler_under_load(home / "handler", _SERVICES, mode="auto") as handler,
        ):
            for service in _SERVICES:
                handler.deployed(service)
            time.sleep(_SETTLES_S)
            watched = {"idle loop": psutil.Process(loop.pid), "handler": psutil.Process(handler.pid)}
            spent = {name: cpu_s(process) for name, process in watched.items()}
            time.sleep(SECONDS)
            used = {name: (cpu_s(process) - spent[name]) / SECONDS for name, process in watched.items()}
            memory = {name: resident_mib(process) for name, process in watched.items()}
            threads = {name: process.num_threads() for name, process in watched.items()}
    table = Table(
        "A handler that has nothing to do",
        f"{SECONDS:.0f} s of a handler with {len(_SERVICES)} services: it looks for work, for deployments "
        "(every service's version is asked of the exporter every 15 s), whether its peers answer and whether "
        "its journal can be written. Beside it a uvloop with one timer a second, in a process of its own. "
        "CPU is counted in ticks of 10 ms.",
        ("process", "CPU ms/s", "resident MiB", "threads"),
        [
            (name, f"{used[name] * 1e3:.1f}", f"{memory[name]:.0f}", str(threads[name]))
            for name in ("idle loop", "handler")
        ],
    )
    table.targets = [
        Target(f"less than {MAX_CPU:.0%} of a core", f"{used['handler']:.1%}", used["handler"] < MAX_CPU),
        Target(f"less than {MAX_MIB:.0f} MiB", f"{memory['handler']:.0f}", memory["handler"] < MAX_MIB),
    ]
    return table
