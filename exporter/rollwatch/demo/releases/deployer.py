"""The demo's continuous delivery: whatever is on main is put into production, and reported to the handler."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.demo.control.client import ControlClient
from rollwatch.demo.faults import Fault
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rollwatch.clock import Clock
    from rollwatch.demo.releases.handler import Handler
    from rollwatch.demo.releases.repository import Committed, Repository
    from rollwatch.demo.rundir import RunDir

__all__ = ["Deployer"]

_LOOK_EVERY_S = 1.0
_TAKES_S = 2.0
"""How long a deployment takes: a real one builds, and takes minutes."""
SERVICE = "api"


@dataclass(slots=True)
class Deployer:
    """Deploys. Blocks: it has a process of its own."""

    run_dir: RunDir
    repository: Repository
    handler: Handler
    clock: Clock
    say: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep

    def live(self) -> None:
        """Until the process ends. Raises DemoError if the production is gone."""
        running = self._tell_history()
        self.say(f"{running} runs; what is pushed to main of {self.repository.path} is deployed")
        while True:
            wanted = self.repository.head()
            if wanted is not None and wanted != running:
                self._deploy(self.repository.read(wanted))
                running = wanted
            self.pause(_LOOK_EVERY_S)

    def _tell_history(self) -> str | None:
        """The releases before: a handler that starts today does not know of them."""
        releases = self.repository.history()
        for release in releases:
            ended_at = release.committed_at + 600
            self._tell("started", release, at=ended_at - 60)
            self._tell("finished", release, at=ended_at)
        self._switch(releases[-1])
        return releases[-1].commit

    def _deploy(self, release: Committed) -> None:
        self.say(f"deploying {release.version} ({release.commit[:12]})")
        self._tell("started", release)
        self.pause(_TAKES_S)
        self._switch(release)
        self._tell("finished", release)
        self.say(f"deployed {release.version} ({release.commit[:12]})")

    def _switch(self, release: Committed) -> None:
        control = ControlClient(self.run_dir)
        if release.is_broken:
            control.switch_on(Fault.BAD_RELEASE)
        else:
            control.switch_off(Fault.BAD_RELEASE)

    def _tell(self, state: str, release: Committed, at: float | None = None) -> None:
        """As a CI job does it. That the handler is not there stops no deployment."""
        body: dict[str, Any] = {
            "service": SERVICE,
            "environment": "demo",
            "state": state,
            "commit": release.commit,
            "version": release.version,
            "committed_at": release.committed_at,
            "at": self.clock.wall() if at is None else at,
        }
        try:
            self.handler.call("POST", "/api/monitoring/deployments", body)
        except DemoError as error:
            self.say(f"the handler was not told of {release.version}: {error}")
