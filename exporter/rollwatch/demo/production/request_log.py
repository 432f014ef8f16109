"""The API's log: JSON lines as winston writes them, of requests and of webhooks of payments."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.answers import iso_time
from rollwatch.demo.production.logfile import LogFile
from rollwatch.demo.production.payments import FailingShare
from rollwatch.demo.production.sender import Sender, SenderEnv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.demo.switchboard import Switchboard

__all__ = ["FILE", "SENDER", "RequestLog"]

FILE = "api-requests.log"
_SECONDS_BETWEEN_WRITES = 0.5
_REQUESTS_PER_WRITE = (3, 5)
_ROUTES = (
    ("GET", "/api/orders", 0.35),
    ("GET", "/api/orders/{}", 0.25),
    ("POST", "/api/orders", 0.1),
    ("GET", "/api/users", 0.15),
    ("GET", "/api/users/{}?fields=name,plan", 0.15),
)
_TYPICAL_MS = 25.0
_NOT_FOUND = 0.02
_TIMEOUTS = 0.0004
"""Share of requests after which a slow neighbour is complained of: some ten an hour."""
_WEBHOOKS_PER_WRITE = 0.5
_FAILED_WEBHOOKS = {False: 0.004, True: 0.75}


class RequestLog:
    """Makes the lines; what is broken in the API shows in them."""

    def __init__(self, env: SenderEnv) -> None:
        self._env = env
        self._webhooks = 0.0
        self._failing = FailingShare()

    def lines(self) -> list[str]:
        """What half a second brings."""
        board = self._env.board
        made: list[dict[str, Any]] = []
        # While the API hangs no request of it comes to an end.
        if not board.is_on(Fault.HANG):
            for _ in range(self._env.rng.randint(*_REQUESTS_PER_WRITE)):
                made += self._request(board)
        self._webhooks += _WEBHOOKS_PER_WRITE
        if self._webhooks >= 1:
            self._webhooks -= 1
            made += self._webhook(board)
        now = iso_time(self._env.clock.wall())
        return [json.dumps({**line, "service": "api", "timestamp": now}) for line in made]

    def _request(self, board: Switchboard) -> Iterator[dict[str, Any]]:
        rng = self._env.rng
        ((method, template, _),) = rng.choices(_ROUTES, [weight for *_, weight in _ROUTES])
        path = template.format(rng.randint(1000, 9999))
        ms = _TYPICAL_MS * rng.lognormvariate(0, 0.4)
        is_order = path.startswith("/api/orders")
        if is_order and board.is_on(Fault.SLOW):
            ms += 2100 + 500 * rng.random()
        if board.is_on(Fault.API_5XX) or (is_order and board.is_on(Fault.BAD_RELEASE)):
            status = 500
            yield _error("TypeError", "total is undefined", "    at totalOf (/srv/api/dist/orders.js:88:21)")
        else:
            status = 201 if method == "POST" else 404 if rng.random() < _NOT_FOUND else 200
        if rng.random() < _TIMEOUTS:
            yield _error(
                "UpstreamTimeout", "rates did not answer within 800 ms", "    at quote (rates.js:12:9)"
            )
        yield {
            "level": "info",
            "message": "request",
            "method": method,
            "path": path,
            "status": status,
            "ms": round(ms, 1),
        }

    def _webhook(self, board: Switchboard) -> Iterator[dict[str, Any]]:
        failed = self._failing.of(1, _FAILED_WEBHOOKS[board.is_on(Fault.FAILING_PAYMENTS)])
        yield {
            "level": "warn" if failed else "info",
            "message": "payment webhook",
            "event": f"payment_intent.{'payment_failed' if failed else 'succeeded'}",
            "outcome": "failed" if failed else "ok",
        }


def _error(kind: str, message: str, frame: str) -> dict[str, Any]:
    """As winston's format.errors({stack: true}) has it."""
    return {"level": "error", "message": message, "name": kind, "stack": f"{kind}: {message}\n{frame}"}


async def _work(env: SenderEnv) -> None:
    log, file = RequestLog(env), LogFile(env.logs / FILE)
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_WRITES)
        await asyncio.to_thread(file.write, log.lines())


SENDER = Sender(
    name="requests",
    sends="the API's log, `logs/api-requests.log`: requests, errors, payment webhooks; rotated at 1 MiB",
    work=_work,
)
