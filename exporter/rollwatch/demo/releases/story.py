"""`rollwatch demo bad-release`: pushes a release that is broken, and says what happens, as it happens."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rollwatch.demo.releases.repository import BAD
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.demo.releases.handler import Handler
    from rollwatch.demo.releases.repository import Repository

__all__ = ["Story"]

_LOOK_EVERY_S = 0.5
_WITHIN_S = 600.0
_WATCHED_S, _SCRAPE_S = 90, 5
_FAULT = "RollbackHttpErrorRatio|HttpErrorsHigh"
_ENDED = frozenset(
    {
        *("denied", "dry_run", "expired", "superseded", "cancelled"),
        *("succeeded", "failed", "timed_out", "unknown"),
    }
)
_STEPS = {
    "hook_before": "hook before",
    "execute": "rollback",
    "verify": "verification",
    "recovery": "recovery, asked of Prometheus",
    "smoke": "smoke test",
    "integrity": "integrity check",
    "propose": "revert pull request",
    "hook_after": "hook after",
}


@dataclass(slots=True)
class Story:
    """Follows one bad release from its push to the end of its rollback. Blocks."""

    repository: Repository
    handler: Handler
    prometheus_url: str
    clock: Clock
    say: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    _began: float = 0.0
    _said: set[str] = field(default_factory=set)

    def tell(self) -> bool:
        """Whether it was taken back, and the service is well again. Raises DemoError if it can't begin."""
        self.handler.call("GET", "/api/monitoring/rollback/status")
        known = {row["id"] for row in self._rows()}
        self._began = self.clock.monotonic()
        self._wait_until_watched()
        self._began = self.clock.monotonic()
        commit = self.repository.commit(BAD, is_broken=True, at=self.clock.wall())
        self._line(f"pushed {BAD} ({commit[:12]}) to main of {self.repository.path}: its orders fail")
        while self.clock.monotonic() - self._began < _WITHIN_S:
            try:
                self._look_at_deployments(commit)
                self._look_at_alerts()
                for row in self._rows():
                    if row["id"] not in known and self._follow(row["id"]):
                        return self._outcome == "succeeded"
            except DemoError as error:
                self._once(f"can't see: {error}")
            self.pause(_LOOK_EVERY_S)
        self._line(f"nothing more happened within {_WITHIN_S / 60:g} min; the page of the handler says why")
        return False

    _outcome: str = ""

    def _wait_until_watched(self) -> None:
        """A release is only blamed for a fault that was not there before it: somebody must have watched."""
        watched = f'count_over_time(up{{job="rollwatch"}}[{_WATCHED_S}s]) >= {_WATCHED_S // _SCRAPE_S - 1}'
        fault = f'count_over_time(ALERTS{{service="api",alertname=~"{_FAULT}"}}[{_WATCHED_S}s])'
        query = f"({watched}) unless on () count({fault})"
        while not self._ask(f"/api/v1/query?{urllib.parse.urlencode({'query': query})}", "result"):
            self._once(f"waiting until Prometheus has watched for {_WATCHED_S} s, and seen no such fault")
            if self.clock.monotonic() - self._began > _WITHIN_S:
                raise DemoError(f"Prometheus at {self.prometheus_url} has no data of the exporter")
            self.pause(_LOOK_EVERY_S)

    def _look_at_deployments(self, commit: str) -> None:
        for deployment in self.handler.call("GET", "/api/monitoring/deployments?limit=5")["deployments"]:
            if deployment["release"]["commit"] == commit:
                self._once(f"deployment of {BAD} {deployment['state']}")

    def _look_at_alerts(self) -> None:
        for alert in self._ask("/api/v1/alerts", "alerts"):
            name = alert["labels"].get("alertname", "")
            if alert["labels"].get("service") == "api" and name.startswith(("RollbackHttp", "HttpErrorsC")):
                whom = "the rollback handler" if name.startswith("Rollback") else "people"
                self._once(f"Prometheus: {name} is {alert['state']}, for {whom}")

    def _ask(self, path: str, key: str) -> list[dict[str, Any]]:
        """A list of Prometheus's API; empty while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.prometheus_url}{path}", timeout=5) as answer:  # noqa: S310
                found: list[dict[str, Any]] = json.load(answer)["data"][key]
                return found
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.handler.call("GET", "/api/monitoring/rollback/history?limit=10")[
            "rollbacks"
        ]
        return found

    def _follow(self, rollback_id: str) -> bool:
        """Say what is new of it; whether it has ended."""
        row = self.handler.call("GET", f"/api/monitoring/rollback/{urllib.parse.quote(rollback_id)}")
        for line in self._news(row):
            self._once(f"handler: {line}")
        if row["state"] not in _ENDED:
            return False
        self._outcome = row["state"]
        return True

    def _news(self, row: dict[str, Any]) -> list[str]:
        """Moves and steps, in the order in which they happened."""
        found: list[tuple[float, str]] = [
            (move["at"], f"{move['after'].replace('_', ' ')}: {move['why']}") for move in row["transitions"]
        ]
        for step in row["steps"]:
            name = _STEPS.get(step["kind"], step["kind"])
            found.append((step["started_at"], f"{name} begins"))
            if step["ended_at"] is not None:
                took = step["ended_at"] - step["started_at"]
                found.append(
                    (step["ended_at"], f"{name} {step['state']} after {took:.1f} s: {step['detail']}")
                )
        return [text for _, text in sorted(found, key=lambda one: one[0])]

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._line(text)

    def _line(self, text: str) -> None:
        self.say(f"{self.clock.monotonic() - self._began:6.1f} s  {text}")
