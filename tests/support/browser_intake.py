"""A browser intake with one service or more, and beacons for it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import orjson

from rollwatch.config.browser import BrowserSpec
from rollwatch.config.config import Config, Service
from rollwatch.config.document import HostSpec, Links
from rollwatch.config.ingest import IngestSpec
from rollwatch.config.signals import Signals
from rollwatch.ingest.browser.intake import BrowserIntake
from rollwatch.ingest.gate import Gate
from rollwatch.metrics.definition import Scope
from rollwatch.metrics.store import Store
from support.manual_clock import ManualClock

__all__ = ["AGENT", "ORIGIN", "SECRET", "Browsers", "beacon", "browser_config", "error", "figures"]

ORIGIN = "https://www.example.com"
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
SECRET = b"s" * 32
NOW = 1_700_000_000.0
_ids = itertools.count()


def browser_config(
    *,
    environment: str = "production",
    thresholds: dict[str, dict[str, float]] | None = None,
    ingest: dict[str, Any] | None = None,
    services: dict[str, dict[str, Any] | None] | None = None,
    **browser: Any,
) -> Config:
    """A configuration whose service `web` has these options of `browser`, or of all `services`."""
    if services is None:
        services = {"web": browser}
    specs = {
        name: None if options is None else BrowserSpec.model_validate({"origins": [ORIGIN], **options})
        for name, options in services.items()
    }
    return Config(
        environment=environment,
        location="fra1",
        services={
            name: Service(name, None, Links(), thresholds or {}, Signals(browser=spec))
            for name, spec in specs.items()
        },
        probes=(),
        host=HostSpec(),
        reference_check=None,
        ingest=IngestSpec.model_validate(ingest or {}),
    )


@dataclass
class Browsers:
    """The intake, and everything around it."""

    config: Config = field(default_factory=browser_config)
    script: bytes | None = b"(function (settings) {})\n"

    def __post_init__(self) -> None:
        self.store = Store()
        self.clock = ManualClock(wall=NOW)
        self.folds: list[str] = []
        self.gate = Gate(self.config.ingest, self.clock, SECRET)
        self.intake = BrowserIntake(
            self.store,
            self.clock,
            self.gate,
            location="fra1",
            secret=SECRET,
            on_fold=self.folds.append,
            script=self.script,
        )
        self.intake.configure(self.config)

    def shown(self, name: str) -> dict[tuple[str, ...], Any]:
        """`figures` of this one's store."""
        self.intake.refresh()
        return figures(self.store, name)


def figures(store: Store, name: str, service: str = "web") -> dict[tuple[str, ...], Any]:
    """The series of `rollwatch_browser_<name>` by their own labels; of histograms the number of values."""
    found: dict[tuple[str, ...], Any] = {}
    for family in store.families():
        if family.metric.name == f"rollwatch_browser_{name}":
            own = len(family.metric.labels)
            for key, child in family.children.items():
                if family.metric.scope is Scope.SERVICE and key[0] != service:
                    continue
                found[key[len(key) - own :]] = child.count if hasattr(child, "count") else child.value
    return found


def beacon(*events: dict[str, Any], **members: Any) -> bytes:
    """A beacon with an id of its own, sent now."""
    return orjson.dumps(
        {
            "v": 1,
            "id": f"beacon-{next(_ids):08d}",
            "service": "web",
            "session": "session-1",
            "session_age_s": 10,
            "device": "mobile",
            "sent_at": NOW,
            "events": events or [{"type": "view", "path": "/"}],
            **members,
        }
    )


def error(message: str = "x is not a function", **members: Any) -> dict[str, Any]:
    """An error event."""
    return {
        "type": "error",
        "kind": "error",
        "name": "TypeError",
        "message": message,
        "stack": f"TypeError: {message}\n    at f (https://www.example.com/app.js:1:2)",
        "first": True,
        "path": "/",
        **members,
    }
