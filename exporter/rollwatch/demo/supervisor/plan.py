"""Which processes `rollwatch demo up` runs, and what it tells about them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rollwatch.demo.announcement import running_ports
from rollwatch.demo.production.registry import CONTROL, PARTS, ports_from
from rollwatch.demo.supervisor.process import Process

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir

__all__ = ["Stack"]


@dataclass(frozen=True, slots=True)
class Stack:
    """The demo as the command line asked for it. `command` is how a person runs rollwatch."""

    run_dir: RunDir
    base_port: int
    seed: int
    interval: str
    exporter_port: int
    ingest_port: int
    visitors: int
    command: str

    @property
    def _exporter_url(self) -> str:
        return f"http://127.0.0.1:{self.exporter_port}"

    def processes(self) -> tuple[Process, ...]:
        """In the order of their start."""
        return (self._production(), self._exporter())

    def overview(self) -> str:
        """Where everything is, how to break it, how to stop it."""
        ports = running_ports(self.run_dir) or {}
        parts = [
            (
                part.title,
                f"{'http' if part.tls is None else 'https'}://127.0.0.1:{ports.get(part.name)}{part.path}",
            )
            for part in PARTS
        ]
        where = Path(os.path.relpath(self.run_dir.path))
        suffix = "" if where == Path(".run") else f" --run-dir {where}"
        rows = [
            ("status page", f"{self._exporter_url}/"),
            ("metrics", f"{self._exporter_url}/metrics"),
            ("figures, trades", f"{self._exporter_url}/api/metrics"),
            ("script errors", f"{self._exporter_url}/api/monitoring/errors"),
            ("", ""),
            ("page with the script", f"http://127.0.0.1:{ports.get('front')}/"),
            ("it reports to", f"http://127.0.0.1:{self.ingest_port}/"),
            ("", ""),
            *parts,
            ("", ""),
            ("configuration", str(where / self.run_dir.config.name)),
            ("logs", str(where / self.run_dir.logs.name)),
            ("", ""),
            ("break something", f"{self.command} demo fault component-down on --for 60s{suffix}"),
            ("what can break", f"{self.command} demo fault{suffix}"),
            ("mend everything", f"{self.command} demo heal{suffix}"),
            ("stop", f"Ctrl-C here, or {self.command} demo down{suffix}"),
        ]
        width = max(len(title) for title, _ in rows)
        lines = [f"  {title:<{width}}  {value}".rstrip() for title, value in rows]
        return "\n".join(["", "A production runs and is being measured.", "", *lines, ""])

    def _production(self) -> Process:
        titles = {CONTROL: "demo control", **{part.name: part.title for part in PARTS}}

        def ready_url() -> str | None:
            ports = running_ports(self.run_dir)
            return None if ports is None else f"http://127.0.0.1:{ports[CONTROL]}/ready"

        return Process(
            name="production",
            argv=(
                *(sys.executable, "-m", "rollwatch", "demo", "serve"),
                *("--run-dir", str(self.run_dir.path)),
                *("--base-port", str(self.base_port)),
                *("--seed", str(self.seed)),
                *("--interval", self.interval),
                *("--ingest-port", str(self.ingest_port)),
                *("--visitors", str(self.visitors)),
            ),
            log=self.run_dir.logs / "production.log",
            ready_url=ready_url,
            ports={titles[name]: port for name, port in ports_from(self.base_port).items()},
        )

    def _exporter(self) -> Process:
        return Process(
            name="exporter",
            argv=(
                *(sys.executable, "-m", "rollwatch", "exporter"),
                *("--config.file", str(self.run_dir.config)),
                *("--web.listen-address", f"127.0.0.1:{self.exporter_port}"),
                *("--web.ingest-address", f"127.0.0.1:{self.ingest_port}"),
            ),
            log=self.run_dir.logs / "exporter.log",
            ready_url=lambda: f"{self._exporter_url}/-/ready",
            ports={"exporter": self.exporter_port, "exporter, for browsers": self.ingest_port},
        )
