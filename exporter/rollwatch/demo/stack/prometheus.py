"""Prometheus with the shipped rules, at the demo's pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.prometheus_config import Addresses, prometheus_files, prometheus_flags
from rollwatch.bundle.rule_files import rule_files
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics
from rollwatch.demo.stack.files import fresh_directory, replace_files
from rollwatch.demo.supervisor.process import Process

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts

__all__ = ["prometheus"]

_PACE = Settings(scrape_interval="5s", evaluation_interval="5s", window="1m")
"""Short, so that a newcomer sees every change soon; else the rules are as they are shipped."""


def prometheus(run_dir: RunDir, ports: StackPorts, *, program: str, keep_data: bool) -> Process:
    """The process. Its data are those of this run only, unless `keep_data`."""
    home = run_dir.prometheus
    url = f"http://127.0.0.1:{ports.prometheus}"

    def prepare() -> None:
        replace_files(home, _files(ports))
        fresh_directory(home / "data", keep=keep_data)

    return Process(
        name="prometheus",
        argv=(
            program,
            *prometheus_flags(
                config_file=home / "prometheus.yml", data=home / "data", listen=_loopback(ports.prometheus)
            ),
            # As it is reached: links in messages lead there.
            f"--web.external-url={url}",
            # What it says in its first seconds is lost: it has not found Alertmanager yet. Say it again soon.
            "--rules.alert.resend-delay=15s",
        ),
        log=run_dir.logs / "prometheus.log",
        ready_url=lambda: f"{url}/-/ready",
        ports={"Prometheus": ports.prometheus},
        stop_within_s=20.0,
        prepare=prepare,
    )


def _files(ports: StackPorts) -> dict[str, str]:
    """By path, relative to where Prometheus's own configuration is."""
    addresses = Addresses(
        prometheus=(_loopback(ports.prometheus),),
        alertmanager=(_loopback(ports.alertmanager),),
        exporter=(_loopback(ports.exporter),),
        bridge=(_loopback(ports.bridge),),
        rollback=(_loopback(ports.rollback),),
    )
    files = {
        path.removeprefix("prometheus/"): text for path, text in prometheus_files(_PACE, addresses).items()
    }
    return files | {f"rules/{name}": text for name, text in rule_files(topics(_PACE), _PACE).items()}


def _loopback(port: int) -> str:
    return f"127.0.0.1:{port}"
