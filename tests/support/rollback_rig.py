"""A real handler process between peers that a test can make slow, silent, hostile or absent.

    with rig(tmp_path, services={"api": by_command("echo done >>ledger")}) as here:
        here.deployed("api")
        [row] = here.alerts("api")
        assert here.over(row)["state"] == "succeeded"

The peers are in the test's process; services are up and every alert fires, unless a test says otherwise.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from support.processes import Process, fetch, running, wait_for
from support.rollback_load_peers import ENVIRONMENT
from support.rollback_rig_peers import Peers, serving

__all__ = [
    "ALERT",
    "BAD",
    "GOOD",
    "ROLES",
    "Rig",
    "alert_body",
    "by_command",
    "rig",
    "rigged",
    "write_secret",
]

ALERT = "RollbackHttpErrorRatio"
GOOD, BAD = "a" * 40, "b" * 40
ROLES = ("alert", "deploy", "read", "trigger", "approve")
_QUICK = Path(__file__).with_name("rollback_rig_quick.py")


def by_command(script: str, **more: Any) -> dict[str, Any]:
    """A service that is taken back by `script`; `more` are keys of its section, `command` keys of its own."""
    return {
        "mode": "auto",
        "strategy": "command",
        "triggers": [ALERT],
        "settle": "0s",
        "verify": {"attempts": 3, "every": "1s", "in_a_row": 1, "recovery": "0s"},
        **more,
        "command": {"run": ["/bin/sh", "-c", script], **more.get("command", {})},
    }


def alert_body(*services: str, labels: Mapping[str, Any] | None = None, number: int = 0) -> bytes:
    """One notification with a firing alert for each; `number` tells incidents of one service apart."""
    began = datetime.fromtimestamp(time.time() - 60, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps(
        {
            "version": "4",
            "groupKey": "{}:{}",
            "status": "firing",
            "receiver": "rollback",
            "alerts": [
                {
                    "status": "firing",
                    "labels": {
                        "alertname": ALERT,
                        "service": service,
                        "environment": ENVIRONMENT,
                        "rollback": "auto",
                        **(labels or {}),
                    },
                    "annotations": {},
                    "startsAt": began,
                    "endsAt": "0001-01-01T00:00:00Z",
                    "fingerprint": f"{abs(hash((service, number))):016x}"[:16],
                }
                for service in services
            ],
        }
    ).encode()


@dataclass
class Rig:
    """A handler's directory, its peers, and its process while one runs."""

    home: Path
    peers: Peers
    tokens: dict[str, str]
    services: dict[str, Any]
    handler: dict[str, Any]
    process: Process = field(init=False)
    url: str = field(init=False, default="")

    def write(self) -> None:
        """The configuration as `services` and `handler` are now."""
        config = {
            "environment": ENVIRONMENT,
            "location": "here",
            "rollback": {
                **{
                    peer: {"url": self.peers.url, "timeout": "1s"}
                    for peer in ("prometheus", "exporter", "alertmanager")
                },
                "systemic": {"units": 1000},
                **self.handler,
            },
            "services": {service: {"rollback": way} for service, way in self.services.items()},
        }
        # Whole or not at all, as a person's editor does it. JSON is YAML.
        (self.home / "new.yml").write_text(json.dumps(config))
        (self.home / "new.yml").replace(self.home / "rollwatch.yml")

    @contextlib.contextmanager
    def running(self, *, lease_s: float = 30.0, env: dict[str, str] | None = None) -> Iterator[Process]:
        """The handler, ready. What it leaves behind is taken up by the next one `lease_s` later."""
        argv = [
            *(sys.executable, str(_QUICK), "rollback", "serve", "--config.file", "rollwatch.yml"),
            *("--web.listen-address", "127.0.0.1:0", "--web.config.file", "web.yml"),
            *("--storage.path", "data", "--log.level", "debug"),
        ]
        with running(argv, cwd=self.home, env={"RIG_LEASE_S": f"{lease_s}", **(env or {})}) as process:
            self.process = process
            self.url = process.line_with("event=listening").split("url=")[1].split()[0]
            process.line_with("event=started")
            yield process

    def ask(
        self,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        role: str = "read",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and document of an answer; a POST where there is a body."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        sent = {"Authorization": f"Bearer {self.tokens[role]}", "Content-Type": "application/json"}
        sent |= {"Idempotency-Key": secrets.token_hex(8), **(headers or {})}
        method = "GET" if data is None else "POST"
        status, _, text = fetch(f"{self.url}{path}", method=method, headers=sent, data=data)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode("utf-8", "replace")

    def deployed(self, service: str, *, good: str = GOOD, bad: str = BAD) -> None:
        """A good release ran for two days; five minutes ago a bad one came."""
        now = time.time()
        for commit, ago_s in ((good, 2 * 86_400.0), (bad, 300.0)):
            report = {"service": service, "commit": commit, "state": "finished", "at": now - ago_s}
            status, said = self.ask("/api/monitoring/deployments", report, role="deploy")
            assert status in {200, 201}, said

    def alerts(self, *services: str, **how: Any) -> list[str]:
        """Deliver one for each; the rollbacks that are new."""
        status, said = self.ask("/api/monitoring/alerts", alert_body(*services, **how), role="alert")
        assert status == 200, said
        return list(said["rollbacks"])

    def row(self, rollback_id: str) -> dict[str, Any]:
        status, said = self.ask(f"/api/monitoring/rollback/{rollback_id}")
        assert status == 200, said
        return dict(said)

    def reached(self, rollback_id: str, state: str, deadline_s: float = 20.0) -> dict[str, Any]:
        """The row, once it is in this state."""

        def look() -> dict[str, Any] | None:
            row = self.row(rollback_id)
            return row if row["state"] == state else None

        return wait_for(look, f"{rollback_id} to be {state}", deadline_s)

    def over(self, rollback_id: str, deadline_s: float = 20.0) -> dict[str, Any]:
        """The row, once it has ended."""

        def look() -> dict[str, Any] | None:
            row = self.row(rollback_id)
            return None if row["is_open"] else row

        return wait_for(look, f"the end of {rollback_id}", deadline_s)

    def begun(self, name: str = "begun") -> None:
        """A program has made this file."""
        wait_for((self.home / name).exists, f"the file {name}")

    def lines(self, name: str = "ledger") -> list[str]:
        file = self.home / name
        return file.read_text().splitlines() if file.exists() else []

    def set_clock(self, ahead_s: float) -> None:
        """The handler's wall clock jumps: so far ahead of the real one."""
        (self.home / "new-clock").write_text(f"{ahead_s}")
        (self.home / "new-clock").replace(self.home / "clock")

    @property
    def storage(self) -> Path:
        return self.home / "data"

    @property
    def os_process(self) -> psutil.Process:
        return psutil.Process(self.process.popen.pid)


@contextlib.contextmanager
def rigged(home: Path, services: dict[str, Any], **handler: Any) -> Iterator[Rig]:
    """Peers, files and tokens, and no process yet; `handler` are keys of the section `rollback`."""
    home.mkdir(exist_ok=True)
    tokens = {role: secrets.token_hex(24) for role in ROLES}
    with serving() as peers:
        here = Rig(home, peers, tokens, services, handler)
        for role, token in tokens.items():
            write_secret(home / f"token-{role}", token)
        said = [{"name": f"the-{role}", "role": role, "file": f"token-{role}"} for role in tokens]
        (home / "web.yml").write_text(json.dumps({"tokens": said}))
        here.write()
        yield here


@contextlib.contextmanager
def rig(home: Path, services: dict[str, Any], **handler: Any) -> Iterator[Rig]:
    """The same with a handler."""
    with rigged(home, services, **handler) as here, here.running():
        yield here


def write_secret(path: Path, text: str) -> None:
    """Readable by its owner alone, and never half-written."""
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)
