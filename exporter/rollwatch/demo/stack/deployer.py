"""The demo's continuous delivery, and the repository that it deploys from."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rollwatch.demo.releases.repository import Repository
from rollwatch.demo.supervisor.process import Process

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts

__all__ = ["deployer", "repository"]


def repository(run_dir: RunDir, git: str) -> Repository:
    """Where the releases of the API are."""
    return Repository(run_dir.releases / "api.git", git)


def deployer(run_dir: RunDir, ports: StackPorts, *, program: str) -> Process:
    """The process. The repository is made anew, as the production runs its last good release again."""
    return Process(
        name="deployer",
        argv=(
            *(sys.executable, "-m", "rollwatch", "demo", "deploy"),
            *("--run-dir", str(run_dir.path)),
            *("--rollback-port", str(ports.rollback)),
            *("--git", program),
        ),
        log=run_dir.logs / "deployer.log",
        # It listens nowhere: once it is started, it works.
        ready_url=lambda: f"http://127.0.0.1:{ports.rollback}/-/ready",
        prepare=lambda: repository(run_dir, program).make(time.time()),
    )
