"""A service with one json probe in tests: from what a file says to its series, run by run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollwatch.config.document import ServiceSpec
from rollwatch.config.figure_rules import metric_of
from rollwatch.config.signals import resolve
from rollwatch.figures.service import ServiceFigures
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.store import Store
from rollwatch.model import Verdict
from rollwatch.probers._json_spec import JsonSpec
from rollwatch.probers.json import KIND
from support.faults import FAULTS
from support.manual_clock import ManualClock
from support.running import make_env, run_probe
from support.servers import answering, response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollwatch.config.secrets import SecretStore
    from support.running import Outcome
    from support.servers import Peer, Server

__all__ = ["BASE", "JsonService", "Teller", "says"]

BASE = ("app", "test", "here")
"""Service, environment and location of every series."""


def says(document: Any, **how: Any) -> Callable[[Peer], Awaitable[None]]:
    """Answers every request with this document."""
    return answering(response(json.dumps(document).encode(), **how))


class Teller:
    """A server whose answer the test changes; `document` may be bytes, then they are the body."""

    def __init__(self, document: Any = None) -> None:
        self.document = document
        self.how: dict[str, Any] = {}

    async def __call__(self, peer: Peer) -> None:
        while True:
            await peer.request()
            told = self.document
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            await peer.send(response(body, **self.how))


class JsonService:
    """One probe that `reads` figures; `declared` and `kept` are the figures and records of its service.

    Everything else is said of the probe.
    """

    def __init__(
        self,
        server: Server,
        reads: dict[str, Any] | None = None,
        declared: dict[str, Any] | None = None,
        *,
        kept: dict[str, Any] | None = None,
        secrets: SecretStore | None = None,
        **said: Any,
    ) -> None:
        document = {"url": server.url("/api/stats"), "figures": reads or {}, **said}
        spec = JsonSpec.model_validate(document, context={"secrets": secrets})
        service = ServiceSpec.model_validate({"figures": declared or {}, "records": kept or {}})
        signals, troubles = resolve(service, {"stats": spec}, {}, "here")
        assert troubles == []
        self.clock = ManualClock()
        self.store = Store()
        self.figures = ServiceFigures(
            signals, self.store, names=BoundedNames(), clock=self.clock, base=BASE, metric_of=metric_of
        )
        self.prober = KIND.build(spec, make_env(figures=signals.figures))

    async def run(self, *, explain: bool = True, timeout: float = 20.0) -> Outcome:
        """One run; what it read is taken as the engine does."""
        outcome = await run_probe(self.prober, timeout, explain=explain)
        if outcome.verdict is not Verdict.UNKNOWN:
            await self.figures.take_run("stats", outcome.run.figures, outcome.run.records)
        return outcome

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by its own labels."""
        common = {"service", "environment", "location"}
        return {
            tuple(value for label, value in sample.labels.items() if label not in common): sample.value
            for family in self.store.collect()
            for sample in family.samples
            if sample.name == name and (name != FAULTS or sample.value)
        }

    def faults(self) -> dict[str, float]:
        """Values refused so far, by what was wrong with them."""
        found = self.values(FAULTS)
        return {fault: count for (_source, fault), count in found.items()}
