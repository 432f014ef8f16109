"""The bridge: what Alertmanager can't send itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rollwatch.demo.stack.files import fresh_directory
from rollwatch.demo.supervisor.process import Process

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts

__all__ = ["bridge"]


def bridge(run_dir: RunDir, ports: StackPorts, *, keep_data: bool) -> Process:
    """The process. What it has not sent yet is gone with the run, unless `keep_data`."""
    address = f"127.0.0.1:{ports.bridge}"
    return Process(
        name="bridge",
        argv=(
            *(sys.executable, "-m", "rollwatch", "bridge"),
            *("--config.file", str(run_dir.config)),
            *("--web.listen-address", address),
            *("--storage.path", str(run_dir.bridge)),
        ),
        log=run_dir.logs / "bridge.log",
        ready_url=lambda: f"http://{address}/-/ready",
        ports={"bridge": ports.bridge},
        prepare=lambda: fresh_directory(run_dir.bridge, keep=keep_data),
    )
