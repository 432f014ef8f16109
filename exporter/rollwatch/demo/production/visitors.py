"""Made-up visitors of the page: they send what its script would, so that there is something to see.

Nobody has the page open where the demo is tried out on a server. Each comes from an address of its own, of
those that are for documentation (RFC 5737).
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.browsers import BROWSERS
from rollwatch.demo.production.sender import Sender, SenderEnv
from rollwatch.demo.production.settings import DEFAULT_VISITORS
from rollwatch.demo.production.site import RELEASE, SYMBOLS

if TYPE_CHECKING:
    from random import Random

    from rollwatch.demo.production.browsers import Browser

__all__ = ["PATH", "SENDER", "Visit"]

PATH = "/ingest/browser"
_SECONDS_A_VIEW = (2.0, 8.0)
_SECONDS_AWAY = (1.0, 5.0)
_VIEWS = (2, 7)
_ORDERS = 0.12
_HARMLESS = 0.02
"""Share of views with an error that every browser knows and nobody minds."""
_SLOW_PICTURE_MS = (4200.0, 6500.0)
_SCRIPT_PLACE = "/page.js:30:30"
"""Where the page's script fails, so that these errors and those of real browsers are one group."""


class Visit:
    """One tab, from its first view on. Times are those of the wall clock."""

    def __init__(self, env: SenderEnv, browser: Browser, address: str) -> None:
        self._env = env
        self._browser = browser
        self._session = env.new_id()
        self._began_at = env.clock.wall()
        self._has_started = False
        self._path = "/"
        self.headers = {
            "Content-Type": "text/plain;charset=UTF-8",
            "Origin": env.page,
            "User-Agent": browser.user_agent,
            "X-Forwarded-For": address,
        }

    def beacon(self) -> bytes:
        """What the script sends of the next view."""
        now = self._env.clock.wall()
        document = {
            "v": 1,
            "id": self._env.new_id(),
            "service": "web",
            "session": self._session,
            "session_age_s": round(max(0.0, now - self._began_at), 3),
            "release": RELEASE,
            "device": self._browser.device,
            "sent_at": now,
            "events": self._events(),
        }
        return json.dumps(document).encode()

    def _events(self) -> list[dict[str, Any]]:
        rng, board = self._env.rng, self._env.board
        is_loaded = not self._has_started or rng.random() < 0.4
        events: list[dict[str, Any]] = []
        if not self._has_started:
            self._has_started = True
            events.append({"type": "session_start"})
        else:
            self._path = rng.choice(("/", *(f"/stocks/{symbol}" for symbol in SYMBOLS)))
        events.append(self._event("view"))
        if is_loaded:
            events += self._loading(rng, is_slow=board.is_on(Fault.SLOW_PAGE))
        if board.is_on(Fault.SCRIPT_ERROR):
            message = self._browser.message
            place = f"{self._env.page}{_SCRIPT_PLACE}"
            events.append(self._error(message, self._browser.stack(message, "showFee", place)))
        elif rng.random() < _HARMLESS:
            message = "ResizeObserver loop completed with undelivered notifications."
            events.append({**self._error(message, None), "name": "Error"})
        if rng.random() < _ORDERS:
            events.append({"type": "goal", "name": "order"})
        return events

    def _loading(self, rng: Random, *, is_slow: bool) -> list[dict[str, Any]]:
        slowness = self._browser.slowness * rng.lognormvariate(0, 0.25)
        first_byte = 60 * slowness
        first_paint = first_byte + 450 * slowness
        largest = first_paint + (rng.uniform(*_SLOW_PICTURE_MS) if is_slow else 500 * slowness)
        vitals = {
            "TTFB": first_byte,
            "FCP": first_paint,
            "LCP": largest,
            "CLS": round(abs(rng.gauss(0.02, 0.015)), 4),
            "INP": 64 * slowness,
        }
        events = [self._event("vital", name=name, value=round(value, 4)) for name, value in vitals.items()]
        events.append(self._event("load", value=round(largest + 40 * slowness, 1)))
        if self._browser.tells_heap:
            events.append(self._event("heap", value=round(18e6 + 6e6 * rng.random())))
        return events

    def _error(self, message: str, stack: str | None) -> dict[str, Any]:
        error = self._event("error", kind="error", name="TypeError", message=message, first=True)
        return error if stack is None else {**error, "stack": stack}

    def _event(self, type_: str, **more: Any) -> dict[str, Any]:
        return {"type": type_, "path": self._path, **more}


async def _come_again_and_again(env: SenderEnv, browser: Browser, address: str) -> None:
    rng = env.rng
    while True:
        await asyncio.sleep(rng.uniform(*_SECONDS_AWAY))
        visit = Visit(env, browser, address)
        for _ in range(rng.randint(*_VIEWS)):
            # Nobody sees a page that can't be opened.
            if not env.board.is_on(Fault.FRONTEND_DOWN):
                await env.postbox.post(PATH, visit.beacon(), visit.headers)
            await asyncio.sleep(rng.uniform(*_SECONDS_A_VIEW))


async def _work(env: SenderEnv) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(env.visitors):
            browser = BROWSERS[number % len(BROWSERS)]
            address = f"203.0.113.{number % 254 + 1}"
            group.create_task(_come_again_and_again(env, browser, address), name=f"visitor {number}")
        # Without any there is nothing to wait for, and a sender never ends by itself.
        await asyncio.Event().wait()


SENDER = Sender(
    name="visitors",
    sends=f"beacons, as the page's script does: {DEFAULT_VISITORS} made-up visitors with several browsers",
    work=_work,
)
