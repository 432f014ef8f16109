"""What the programs around the demo production are configured by, where each has a container of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.demo.announcement import announce_stack
from rollwatch.demo.rundir import write_private
from rollwatch.demo.stack.files import fresh_directory
from rollwatch.demo.stack.programs import Programs
from rollwatch.demo.supervisor.plan import Stack

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts

__all__ = ["SECRETS", "write_files"]

SECRETS = ("postgres", "postgres-monitor", "grafana")
"""Passwords of programs that only containers have; made at random, and kept."""
_POSTGRES_EXPORTER = "127.0.0.1:9187"


def write_files(run_dir: RunDir, ports: StackPorts) -> None:
    """Write all of it below `run_dir`, where this process runs the production. Blocks.

    Data that are there are kept: the containers may be running already. Raises DemoError, ConfigError.
    """
    plan = Stack(
        run_dir=run_dir,
        base_port=0,
        seed=0,
        interval="5s",
        ports=ports,
        visitors=0,
        command="rollwatch",
        programs=Programs("prometheus", "alertmanager", "git"),
        keep_data=True,
    )
    for process in plan.alerting():
        process.prepare()
    for name in SECRETS:
        run_dir.keep_secret(name)
    for name in ("postgres", "grafana"):
        fresh_directory(run_dir.path / name, keep=True)
    target = f'- targets: ["{_POSTGRES_EXPORTER}"]\n  labels: {{service: api, environment: demo}}\n'
    write_private(run_dir.prometheus / "targets" / "applications.yml", target.encode())
    # `rollwatch demo bad-release` finds everybody by it.
    announce_stack(run_dir, plan.addresses())
