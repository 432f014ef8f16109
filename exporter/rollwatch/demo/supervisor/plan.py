"""Which processes `rollwatch demo up` runs, and what it tells about them."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rollwatch.demo.announcement import running_ports
from rollwatch.demo.production.registry import CONTROL, MAIL, PARTS, ports_from
from rollwatch.demo.stack.alertmanager import alertmanager
from rollwatch.demo.stack.bridge import bridge
from rollwatch.demo.stack.deployer import deployer
from rollwatch.demo.stack.prometheus import prometheus
from rollwatch.demo.stack.rollback import rollback
from rollwatch.demo.supervisor.process import Process

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts
    from rollwatch.demo.stack.programs import Programs

__all__ = ["Stack"]


@dataclass(frozen=True, slots=True)
class Stack:
    """The demo as the command line asked for it. `command` is how a person runs rollwatch."""

    run_dir: RunDir
    base_port: int
    seed: int
    interval: str
    ports: StackPorts
    visitors: int
    command: str
    programs: Programs | None
    """None: nobody alerts, because it was not asked for or the programs are not there."""
    keep_data: bool = False
    """Go on with what Prometheus and Alertmanager kept of the run before."""

    def processes(self) -> tuple[Process, ...]:
        """In the order of their start."""
        return (self._production(), self._exporter(), *self.alerting())

    def elsewhere(self) -> str:
        """What to type for other ports."""
        words = [f"{self.command} demo up --base-port 0"]
        names = ["exporter", "ingest"]
        if self.programs is not None:
            names += ["bridge", "rollback", "alertmanager", "prometheus"]
        words += [f"--{name}-port {_another(getattr(self.ports, name))}" for name in names]
        return " ".join(words)

    def overview(self) -> str:
        """Where everything is, how to break it, how to stop it."""
        ports = running_ports(self.run_dir) or {}
        parts = [
            (
                part.title,
                f"{'http' if part.tls is None else 'https'}://127.0.0.1:{ports.get(part.name)}{part.path}",
            )
            for part in PARTS
            if part.name != "inbox"
        ]
        alerting = self.addresses()
        exporter = alerting.pop("exporter")
        where = Path(os.path.relpath(self.run_dir.path))
        suffix = "" if where == Path(".run") else f" --run-dir {where}"
        rows = [
            ("status page", exporter),
            ("metrics", f"{exporter}metrics"),
            ("figures, trades", f"{exporter}api/metrics"),
            ("script errors", f"{exporter}api/monitoring/errors"),
            ("", ""),
            *alerting.items(),
            ("inbox: what people get", f"http://127.0.0.1:{ports.get('inbox')}/"),
            ("its mail server", f"smtp://127.0.0.1:{ports.get(MAIL)}/"),
            ("", ""),
            ("page with the script", f"http://127.0.0.1:{ports.get('front')}/"),
            ("it reports to", f"http://127.0.0.1:{self.ports.ingest}/"),
            ("", ""),
            *parts,
            ("", ""),
            ("configuration", str(where / self.run_dir.config.name)),
            ("logs", str(where / self.run_dir.logs.name)),
            ("", ""),
            ("deploy a bad release", f"{self.command} demo bad-release{suffix}"),
            ("break something", f"{self.command} demo fault component-down on --for 5m{suffix}"),
            ("what can break", f"{self.command} demo fault{suffix}"),
            ("mend everything", f"{self.command} demo heal{suffix}"),
            ("stop", f"Ctrl-C here, or {self.command} demo down{suffix}"),
        ]
        width = max(len(title) for title, _ in rows)
        lines = [f"  {title:<{width}}  {value}".rstrip() for title, value in rows]
        return "\n".join(["", self._headline(), "", *lines, ""])

    def addresses(self) -> dict[str, str]:
        """Of everything beside the production: title -> URL."""
        found = {"exporter": f"http://127.0.0.1:{self.ports.exporter}/"}
        if self.programs is not None:
            found |= {
                "Prometheus": f"http://127.0.0.1:{self.ports.prometheus}/",
                "Alertmanager": f"http://127.0.0.1:{self.ports.alertmanager}/",
                "bridge": f"http://127.0.0.1:{self.ports.bridge}/metrics",
                "rollback handler": f"http://127.0.0.1:{self.ports.rollback}/",
            }
        return found

    def _headline(self) -> str:
        if self.programs is None:
            return "A production runs and is being measured."
        return "A production runs, is being measured, and people are told when it breaks."

    def _production(self) -> Process:
        titles = {
            CONTROL: "demo control",
            MAIL: "inbox, mail",
            **{part.name: part.title for part in PARTS},
        }

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
                *(
                    word
                    for name, port in asdict(self.ports).items()
                    for word in (f"--{name}-port", str(port))
                ),
                *("--visitors", str(self.visitors)),
            ),
            log=self.run_dir.logs / "production.log",
            ready_url=ready_url,
            ports={titles[name]: port for name, port in ports_from(self.base_port).items()},
        )

    def _exporter(self) -> Process:
        url = f"http://127.0.0.1:{self.ports.exporter}"
        return Process(
            name="exporter",
            argv=(
                *(sys.executable, "-m", "rollwatch", "exporter"),
                *("--config.file", str(self.run_dir.config)),
                *("--web.listen-address", f"127.0.0.1:{self.ports.exporter}"),
                *("--web.ingest-address", f"127.0.0.1:{self.ports.ingest}"),
            ),
            log=self.run_dir.logs / "exporter.log",
            ready_url=lambda: f"{url}/-/ready",
            ports={"exporter": self.ports.exporter, "exporter, for browsers": self.ports.ingest},
        )

    def alerting(self) -> tuple[Process, ...]:
        """Who sends first, who asks last: so that nothing is missed at the start, or called missing."""
        if self.programs is None:
            return ()
        return (
            bridge(self.run_dir, self.ports, keep_data=self.keep_data),
            alertmanager(
                self.run_dir, self.ports, program=self.programs.alertmanager, keep_data=self.keep_data
            ),
            prometheus(self.run_dir, self.ports, program=self.programs.prometheus, keep_data=self.keep_data),
            rollback(self.run_dir, self.ports, keep_data=self.keep_data),
            deployer(self.run_dir, self.ports, program=self.programs.git),
        )


def _another(port: int) -> int:
    return port + 100 if port < 65_000 else port - 100
