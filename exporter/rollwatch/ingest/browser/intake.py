"""`POST /ingest/browser`: every service's browsers, and who of them is heard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.ingest.browser import metrics as m
from rollwatch.ingest.browser.agents import browser_of
from rollwatch.ingest.browser.application import BrowserApplication
from rollwatch.ingest.browser.beacon import ErrorEvent, parse_beacon
from rollwatch.ingest.browser.outcomes import Outcome, Unread
from rollwatch.ingest.browser.replays import Replays
from rollwatch.ingest.browser.script import Script
from rollwatch.ingest.gate import check_content_type, cross_origin_headers, preflight
from rollwatch.ingest.unread import UnreadRequests
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.serving.body import read_body
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.ingest.browser.errors import GroupView
    from rollwatch.ingest.gate import Gate
    from rollwatch.metrics.store import Store
    from rollwatch.serving.route import Request

__all__ = ["BrowserIntake"]

_PATH = "/ingest/browser"
_BODY_BYTES = 64 * 1024
_SHORT_BYTES = 4096
"""Read at once, whatever is in it."""
_SWEEP_S = 5.0
_TIDY_S = 300.0
# The answer to sendBeacon is empty; without this browsers tell on the console that they have blocked it.
_READABLE = {"Cross-Origin-Resource-Policy": "cross-origin"}


class BrowserIntake:
    """Takes beacons, and serves the script that sends them.

    `secret` is random and of this process: digests of sessions, beacons and errors are keyed by it.
    `on_fold` is called with a metric's name for every label value that became `other`. `script` is the built
    browser script, or None if there is none.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        gate: Gate,
        *,
        location: str,
        secret: bytes,
        on_fold: Callable[[str], None] | None = None,
        script: bytes | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._gate = gate
        self._location = location
        self._secret = secret
        self._names = BoundedNames(on_fold=on_fold)
        self._replays = Replays(clock, secret=secret)
        self._script = Script(script)
        self._applications: dict[str, BrowserApplication] = {}
        self._environment = ""
        self._origins: frozenset[str] = frozenset()
        self._headers: dict[str, Mapping[str, str]] = {}
        self._woken = asyncio.Event()
        self._tidied_at = clock.monotonic()
        self._unread = UnreadRequests(store, m.UNREAD_REQUESTS_TOTAL, Unread, location=location)

    def configure(self, config: Config) -> None:
        """Put `config` in force: what did not change goes on. The gate is not touched."""
        specs = {
            name: (service.signals.browser, service.thresholds)
            for name, service in config.services.items()
            if service.signals.browser is not None
        }
        moved = config.environment != self._environment
        for name in list(self._applications):
            if moved or name not in specs:
                self._applications.pop(name).close()
        self._environment = config.environment
        for name, (spec, thresholds) in specs.items():
            known = self._applications.get(name)
            if known is not None:
                known.configure(spec, thresholds)
                continue
            self._applications[name] = BrowserApplication(
                spec,
                thresholds,
                store=self._store,
                names=self._names,
                clock=self._clock,
                base=(name, config.environment, self._location),
                secret=self._secret,
                wake=self._woken.set,
            )
        self._origins = frozenset(origin for spec, _ in specs.values() for origin in spec.origins)
        self._headers = {o: {**_READABLE, **cross_origin_headers(o, self._origins)} for o in self._origins}
        self._script.configure({name: spec.sample for name, (spec, _) in specs.items()})
        self._unread.show(bool(specs))

    def routes(self) -> list[Route]:
        """For the listener that browsers reach."""
        return [
            Route("POST", _PATH, self._post, ANYONE, is_cross_origin=True),
            Route("OPTIONS", _PATH, self._preflight, ANYONE, is_cross_origin=True),
            *self._script.routes(),
        ]

    def refresh(self) -> None:
        """Bring what depends on time up to date; before each exposition."""
        for application in self._applications.values():
            application.refresh()

    async def live(self) -> None:
        """End what time ends, and tell of errors, for as long as the process lives."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_now_and_then(), name="browser-sweep")
            group.create_task(self._tell_errors(), name="browser-errors")

    async def sweep(self) -> None:
        """End sessions that were not heard of, and series that nobody meets any more."""
        now = self._clock.monotonic()
        is_due = now - self._tidied_at >= _TIDY_S
        if is_due:
            self._tidied_at = now
        for application in list(self._applications.values()):
            has_more = True
            while has_more:
                has_more = application.sweep()
                await asyncio.sleep(0)
            if is_due and not application.is_closed:
                application.tidy()

    async def work(self) -> None:
        """Resolve and tell the stacks that wait for it."""
        for application in list(self._applications.values()):
            await application.work()

    def errors(self) -> dict[str, list[GroupView]]:
        """The groups of errors by service, newest first."""
        return {name: application.groups() for name, application in sorted(self._applications.items())}

    async def _sweep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            await self.sweep()

    async def _tell_errors(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self.work()

    async def _preflight(self, request: Request) -> web.StreamResponse:
        return preflight(request, self._origins, "Content-Type")

    async def _post(self, request: Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        headers = self._headers.get(origin or "") or {**_READABLE, **cross_origin_headers(origin, ())}
        try:
            await self._take(request, origin)
        except Refusal as refusal:
            refusal.headers.update(headers)
            self._unread.count(refusal.error)
            raise
        return web.Response(status=204, headers=headers)

    async def _take(self, request: Request, origin: str | None) -> None:
        self._gate.admit(request)
        check_content_type(request)
        body = await read_body(request, _BODY_BYTES)
        is_long = len(body) > _SHORT_BYTES
        async with self._gate.turn(is_long=is_long):
            beacon = parse_beacon(body)
        application = self._applications.get(beacon.service)
        if application is None:
            raise Refusal(
                404,
                Unread.UNKNOWN_SERVICE,
                "No service of this name takes beacons.",
                "Give the service a browser section in rollwatch.yml, and its name to the script.",
            )
        try:
            application.check_origin(origin)
            self._replays.check(beacon.id, beacon.sent_at)
            application.check(beacon)
        except Refusal as refusal:
            application.outcomes[Outcome(refusal.error)].inc()
            raise
        self._replays.remember(beacon.id)
        if not any(type(event) is ErrorEvent for event in beacon.events):
            application.take(beacon)
            return
        async with self._gate.turn(is_long=is_long or application.has_news(beacon)):
            sightings = await application.examine(beacon)
        if not application.is_closed:
            browser = browser_of(request.headers.get("User-Agent", ""))
            application.take(beacon, sightings, browser)
