"""`POST /api/metrics/export`: whatever applications, and pages of theirs, push."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from rollwatch.config.ingest import IngestSpec
from rollwatch.ingest.gate import check_content_type, cross_origin_headers, preflight
from rollwatch.ingest.push.callers import Caller, by_origin, origin_not_allowed, unauthorized
from rollwatch.ingest.push.json_text import read_json
from rollwatch.ingest.push.metrics import PUSH_UNREAD_REQUESTS_TOTAL
from rollwatch.ingest.push.outcomes import PushOutcome, Unread
from rollwatch.ingest.push.reading import PushReader
from rollwatch.ingest.push.receiver import Receiver
from rollwatch.ingest.push.tokens import TokenTable, bearer_token
from rollwatch.ingest.unread import UnreadRequests
from rollwatch.serving.body import read_body
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.config.push import PushSpec
    from rollwatch.figures.board import Board
    from rollwatch.ingest.gate import Gate
    from rollwatch.metrics.store import Store
    from rollwatch.serving.route import Request

__all__ = ["IDEMPOTENCY_KEY", "PUSH_PATH", "PushIntake"]

PUSH_PATH = "/api/metrics/export"
IDEMPOTENCY_KEY = '"?([!#-~]{1,64})"?'
"""What the header may be."""
_SHORT_BYTES = 4096
"""Read at once, whatever is in it."""
_LONG_BYTES = 64 * 1024
"""More is read in a thread; a longer body is not taken from pages."""
_KEY = re.compile(IDEMPOTENCY_KEY)
_ALLOWED_HEADERS = "Content-Type, Idempotency-Key, Authorization"
_OUTCOMES = frozenset(PushOutcome)
_T = TypeVar("_T")


class PushIntake:
    """Takes pushes into the figures of `board`, which must have been configured before."""

    def __init__(self, board: Board, store: Store, clock: Clock, gate: Gate, *, location: str) -> None:
        self._board = board
        self._store = store
        self._clock = clock
        self._gate = gate
        self._location = location
        self._tokens = TokenTable()
        self._receivers: dict[str, Receiver] = {}
        self._specs: Mapping[str, PushSpec] = {}
        self._origins: frozenset[str] = frozenset()
        self._environment = ""
        self._most_bytes = IngestSpec().push_limit
        self._unread = UnreadRequests(store, PUSH_UNREAD_REQUESTS_TOTAL, Unread, location=location)

    def configure(self, config: Config) -> None:
        """Take pushes as `config` says from now on; what was accepted lately is remembered."""
        services = {name: service for name, service in config.services.items() if service.signals.push}
        self._specs = {
            name: service.signals.push for name, service in services.items() if service.signals.push
        }
        for name in list(self._receivers):
            if name not in services or config.environment != self._environment:
                self._receivers.pop(name).close()
        self._environment = config.environment
        for name, service in services.items():
            known = self._receivers.get(name)
            if known is not None and known.reader.service.signals == service.signals:
                continue
            reader = PushReader(service, self._specs[name])
            if known is not None:
                known.reader = reader
                continue
            base = (name, config.environment, self._location)
            self._receivers[name] = Receiver(reader, self._board, self._store, self._clock, base=base)
        self._tokens.configure(self._specs)
        self._origins = frozenset(origin for spec in self._specs.values() for origin in spec.origins)
        self._most_bytes = config.ingest.push_limit
        self._unread.show(bool(self._specs))

    def routes(self) -> list[Route]:
        """For the ingest listener."""
        return [
            Route("POST", PUSH_PATH, self._push, ANYONE, is_cross_origin=True),
            Route("OPTIONS", PUSH_PATH, self._preflight, ANYONE, is_cross_origin=True),
        ]

    async def _preflight(self, request: Request) -> web.StreamResponse:
        return preflight(request, self._origins, _ALLOWED_HEADERS)

    async def _push(self, request: Request) -> web.StreamResponse:
        shared = cross_origin_headers(request.headers.get("Origin"), self._origins)
        visit = _Visit(request)
        try:
            response = await self._answer(visit)
        except Refusal as refusal:
            self._count(visit.receiver, refusal.error)
            refusal.headers.update(shared)
            raise
        response.headers.update(shared)
        return response

    async def _answer(self, visit: _Visit) -> web.Response:
        request = visit.request
        caller = self._caller(request)
        certain = caller.certain(request.query.get("service"))
        if certain is not None:
            visit.receiver = self._receiver(certain)
        key = _idempotency_key(request)
        check_content_type(request)
        # What strangers send is never long enough to hold up others while it is read.
        most = min(self._most_bytes, _LONG_BYTES) if caller.is_browser else self._most_bytes
        body = await read_body(request, most)
        raw = await self._read(caller, len(body), partial(read_json, body))
        receiver = visit.receiver
        if receiver is None:
            named = raw.get("service") if isinstance(raw, dict) else None
            receiver = visit.receiver = self._receiver(caller.service(named))
        reader = receiver.reader
        read = partial(reader.read, raw, caller)
        delivery = await self._read(caller, len(body) * reader.readings, read)
        return await receiver.take(delivery, reader, caller, key)

    def _caller(self, request: Request) -> Caller:
        """Who pushes. Raises Refusal 401 or 403, or 429 or 503 where nobody without a token may go on."""
        header = request.headers.get("Authorization")
        origin = request.headers.get("Origin")
        if header is None and origin is not None:
            self._gate.admit(request)
            services = by_origin(origin, self._specs)
            if not services:
                raise origin_not_allowed()
            return Caller(services, is_browser=True)
        # The same work and the same answer, whether there is a token or not.
        services = self._tokens.services(bearer_token(header))
        if not services:
            self._gate.admit(request)
            raise unauthorized()
        return Caller(services, is_browser=False)

    def _receiver(self, service: str) -> Receiver:
        receiver = self._receivers.get(service)
        if receiver is None:
            # A reload took the service away while its push arrived.
            raise unauthorized()
        return receiver

    async def _read(self, caller: Caller, work_bytes: int, read: Callable[[], _T]) -> _T:
        """`read()`, which goes through so many bytes: many in a thread, those of pages one at a time."""
        async with self._gate.turn(is_long=caller.is_browser and work_bytes > _SHORT_BYTES):
            return read() if work_bytes <= _LONG_BYTES else await asyncio.to_thread(read)

    def _count(self, receiver: Receiver | None, error: str) -> None:
        if receiver is not None and error in _OUTCOMES:
            receiver.count(PushOutcome(error))
        else:
            self._unread.count(error)


@dataclass(slots=True)
class _Visit:
    """One request, and whose push it turned out to be."""

    request: Request
    receiver: Receiver | None = None


def _idempotency_key(request: Request) -> str | None:
    """The header's value, without the quotes that a structured field has (RFC 9651 section 3.3.3)."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    key = _KEY.fullmatch(header)
    if key is None:
        raise Refusal(
            400,
            PushOutcome.IDEMPOTENCY_KEY_INVALID,
            "The header Idempotency-Key is not 1 to 64 printable ASCII characters without spaces.",
            "Send a UUID, a new one for each push.",
        )
    return key[1]
