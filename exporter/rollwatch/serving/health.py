"""The three health addresses of every process.

`/-/healthy`: is the process itself alive; a supervisor restarts it if not. `/-/ready`: may it be sent
work. Both are open to everybody and say nothing else. `/health`: what is wrong, for people and for
health probes, ours included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from rollwatch.clock import Clock
    from rollwatch.serving.route import Request

__all__ = ["Check", "Health"]

Check = Callable[[], str | None]
"""None while all is well, else what is wrong in one sentence. Must not block."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a process says of itself. `alive` and `ready` decide; `checks` are told beside them."""

    program: str
    """`rollwatch exporter`, for people."""
    version: str
    clock: Clock
    alive: Check
    """Only what a restart would cure: does the process's own loop still turn."""
    ready: Check
    checks: Mapping[str, Check] = field(default_factory=dict)

    def routes(self, roles: frozenset[StrEnum]) -> list[Route]:
        """The routes; `/health` needs one of `roles`."""
        return [
            Route("GET", "/-/healthy", self._healthy, ANYONE),
            Route("GET", "/-/ready", self._ready, ANYONE),
            Route("GET", "/health", self._health, roles),
        ]

    def liveness(self) -> list[Route]:
        """`/-/healthy` alone, and without the names of probes, for a listener that strangers reach."""
        return [Route("GET", "/-/healthy", self._healthy_or_not, ANYONE)]

    async def _healthy(self, _: Request) -> web.StreamResponse:
        return self._plain("healthy", self.alive())

    async def _healthy_or_not(self, _: Request) -> web.StreamResponse:
        problem = None if self.alive() is None else "its operators find out why at /health."
        return self._plain("healthy", problem)

    async def _ready(self, _: Request) -> web.StreamResponse:
        return self._plain("ready", self.alive() or self.ready())

    def _plain(self, word: str, problem: str | None) -> web.Response:
        if problem is None:
            return web.Response(text=f"{self.program} is {word}.\n")
        return web.Response(status=503, text=f"{self.program} is not {word}: {problem}\n")

    async def _health(self, _: Request) -> web.StreamResponse:
        results = {"alive": self.alive(), "ready": self.ready()}
        results.update({name: check() for name, check in self.checks.items()})
        # A 503 only where the process can't do its work: a refused reload is told, and is no outage.
        is_usable = results["alive"] is None and results["ready"] is None
        word = "unhealthy" if not is_usable else "degraded" if any(results.values()) else "healthy"
        body = {
            "status": word,
            "version": self.version,
            "timestamp": self.clock.wall(),
            "checks": {
                name: {"status": "up"} if problem is None else {"status": "down", "error": problem}
                for name, problem in results.items()
            },
        }
        return web.Response(
            status=200 if is_usable else 503, body=orjson.dumps(body), content_type="application/json"
        )
