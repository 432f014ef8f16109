"""The rollback handler: takes the demo's bad releases back."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rollwatch.demo.rundir import write_private
from rollwatch.demo.stack.files import fresh_directory
from rollwatch.demo.supervisor.process import Process

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts

__all__ = ["TOKENS", "rollback"]

TOKENS = {
    "rollback-alert": "alert",
    "rollback-deploy": "deploy",
    "rollback-operator": "approve",
}
"""Secrets of the run directory, and what each may do at the handler."""
_WEB_CONFIG = "rollback-web.yml"


def rollback(run_dir: RunDir, ports: StackPorts, *, keep_data: bool) -> Process:
    """The process. Its journal is that of this run only, unless `keep_data`."""
    address = f"127.0.0.1:{ports.rollback}"
    web_config = run_dir.secrets / _WEB_CONFIG

    def prepare() -> None:
        fresh_directory(run_dir.rollback, keep=keep_data)
        for name in TOKENS:
            run_dir.keep_secret(name)
        tokens = [{"name": name, "role": role, "file": name} for name, role in TOKENS.items()]
        # JSON is YAML.
        write_private(web_config, json.dumps({"tokens": tokens}, indent=2).encode())

    return Process(
        name="rollback",
        argv=(
            *(sys.executable, "-m", "rollwatch", "rollback", "serve"),
            *("--config.file", str(run_dir.config)),
            *("--web.listen-address", address),
            *("--web.config.file", str(web_config)),
            *("--storage.path", str(run_dir.rollback)),
        ),
        log=run_dir.logs / "rollback.log",
        ready_url=lambda: f"http://{address}/-/ready",
        ports={"rollback handler": ports.rollback},
        prepare=prepare,
        stop_within_s=20.0,
    )
