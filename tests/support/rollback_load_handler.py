"""A real `rollwatch rollback serve` whose peers answer at once, with services that a bad release runs of."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.processes import ROLLWATCH, fetch, free_port, running
from support.rollback_load_peers import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ALERT", "Handler", "handler_under_load"]

ALERT = "RollbackHttpErrorRatio"
_PEERS = Path(__file__).with_name("rollback_load_peers.py")
_ROLES = ("alert", "deploy", "read")


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler, ready."""

    url: str
    pid: int
    home: Path
    tokens: dict[str, str]
    """By role."""

    @property
    def journal(self) -> Path:
        """Where it is, unless another was named."""
        return self.home / "data" / "journal.db"

    @property
    def ledger(self) -> Path:
        """A line for each time that a release was taken back: service and bad commit."""
        return self.home / "ledger"

    def get(self, path: str) -> bytes:
        """What a reader gets; anything but 200 fails."""
        headers = {"Authorization": f"Bearer {self.tokens['read']}"}
        status, _, body = fetch(f"{self.url}{path}", headers=headers)
        assert status == 200, (status, body)
        return bytes(body)

    def deployed(self, service: str) -> None:
        """A good release ran for two days; five minutes ago a bad one came."""
        now = time.time()
        for commit, ago_s in (("a" * 40, 2 * 86_400.0), ("b" * 40, 300.0)):
            for state, at in (("started", now - ago_s), ("finished", now - ago_s + 5)):
                self._report({"service": service, "commit": commit, "state": state, "at": at})

    def _report(self, report: dict[str, Any]) -> None:
        headers = {
            "Authorization": f"Bearer {self.tokens['deploy']}",
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(16),
        }
        url = f"{self.url}/api/monitoring/deployments"
        status, _, body = fetch(url, method="POST", headers=headers, data=json.dumps(report).encode())
        assert status in {200, 201}, (status, body)


@contextlib.contextmanager
def handler_under_load(
    home: Path, services: Sequence[str], *, mode: str, journal: str | None = None
) -> Iterator[Handler]:
    """With these services in this mode, and no decision that waits: nothing settles, nobody is slow.

    A storm over many of them is not taken for a systemic outage: each is decided for itself.
    """
    home.mkdir(exist_ok=True)
    port = free_port()
    tokens = {role: secrets.token_hex(24) for role in _ROLES}
    _write_tokens(home, tokens)
    _write(home, services, mode, f"http://127.0.0.1:{port}", journal)
    argv = [
        *(*ROLLWATCH, "rollback", "serve", "--config.file", "rollwatch.yml"),
        *("--web.listen-address", "127.0.0.1:0", "--web.config.file", "web.yml"),
        *("--storage.path", "data"),
    ]
    with running([sys.executable, str(_PEERS), str(port)], cwd=home) as peers:
        peers.line_with("ready")
        with running(argv, cwd=home) as process:
            url = process.line_with("event=listening").split("url=")[1].split()[0]
            process.line_with("event=started")
            yield Handler(url, process.popen.pid, home, tokens)


def _write(home: Path, services: Sequence[str], mode: str, peers: str, journal: str | None) -> None:
    (home / "take-back.sh").write_text('echo "$1 $2" >> ledger\n')
    (home / "ledger").touch()
    handler: dict[str, Any] = {
        **{peer: {"url": peers} for peer in ("prometheus", "exporter", "alertmanager")},
        "systemic": {"units": 1000},
    }
    if journal is not None:
        handler["journal"] = "${file:journal-url}"
        (home / "journal-url").write_text(journal)
        (home / "journal-url").chmod(0o600)
    way = {
        "mode": mode,
        "strategy": "command",
        "triggers": [ALERT],
        "command": {"run": ["/bin/sh", "take-back.sh", "{service}", "{bad_commit}"]},
        "settle": "0s",
        "verify": {"attempts": 5, "every": "1s", "in_a_row": 1, "recovery": "0s"},
    }
    config = {
        "environment": ENVIRONMENT,
        "location": "here",
        "rollback": handler,
        "services": {service: {"rollback": way} for service in services},
    }
    # JSON is YAML.
    (home / "rollwatch.yml").write_text(json.dumps(config))


def _write_tokens(home: Path, tokens: dict[str, str]) -> None:
    for role, token in tokens.items():
        (home / f"token-{role}").write_text(token)
        (home / f"token-{role}").chmod(0o600)
    said = [{"name": f"the-{role}", "role": role, "file": f"token-{role}"} for role in tokens]
    (home / "web.yml").write_text(json.dumps({"tokens": said}))
