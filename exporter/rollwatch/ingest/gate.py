"""What stands before whatever browsers and applications send: how often, in which form, from which pages."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.ingest.clients import Buckets, Clients
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.ingest import IngestSpec
    from rollwatch.serving.route import Request

__all__ = ["Gate", "check_content_type", "cross_origin_headers", "preflight"]

_ALL = b"all"
_CONTENT_TYPES = frozenset({"application/json", "text/plain"})
"""`text/plain` is what pages may send without asking first (Fetch, section 2.2.2)."""
_PREFLIGHT_S = 600


class Gate:
    """Bounds what clients without a token send, one by one and together, and how long they have the loop."""

    def __init__(self, spec: IngestSpec, clock: Clock, secret: bytes) -> None:
        self._clock = clock
        self._secret = secret
        self._turn = asyncio.Lock()
        self._put_in_force(spec)

    def configure(self, spec: IngestSpec) -> None:
        """Judge by `spec` from now on; if it is another, what clients had left is forgotten."""
        if spec != self._spec:
            self._put_in_force(spec)

    def _put_in_force(self, spec: IngestSpec) -> None:
        self._spec = spec
        self._clients = Clients(self._secret, spec.trusted_proxies)
        self._each = Buckets(spec.client_rate, spec.client_burst)
        self._together = Buckets(spec.total_rate, spec.total_rate)

    def admit(self, request: Request) -> None:
        """Let a request without a token pass. Raises Refusal 429, or 503 when all clients send too much."""
        now = self._clock.monotonic()
        wait_s = self._each.wait_s(self._clients.digest(request.remote, request.headers), now)
        if wait_s > 0:
            raise Refusal(
                429,
                "too_many_requests",
                "This client sends too often.",
                "Send less often, several events in one request. Operators: name proxies under "
                "ingest.trusted_proxies, or all of their clients count as one; or raise ingest.client_rate.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )
        wait_s = self._together.wait_s(_ALL, now)
        if wait_s > 0:
            raise Refusal(
                503,
                "too_many_clients",
                "All clients together send more than is taken here.",
                "Sample fewer sessions (browser.sample), or raise ingest.total_rate.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )

    @asynccontextmanager
    async def turn(self, *, is_long: bool) -> AsyncIterator[None]:
        """For work that takes milliseconds where it `is_long`: one at a time, and others go on in between.

        Without it fifty requests that arrive together would stop the loop for fifty times as long as one.
        """
        if not is_long:
            yield
            return
        async with self._turn:
            try:
                yield
            finally:
                await asyncio.sleep(0)


def check_content_type(request: Request) -> None:
    """Let JSON pass, and what names no type. Raises Refusal 415."""
    said = request.headers.get("Content-Type")
    if said is not None and said.partition(";")[0].strip().lower() not in _CONTENT_TYPES:
        raise Refusal(
            415,
            "content_type",
            "This content type is not taken here.",
            "Send JSON as application/json or text/plain.",
            closes=True,
        )


def cross_origin_headers(origin: str | None, allowed: Collection[str]) -> Mapping[str, str]:
    """What lets a page of an allowed origin read the answer (Fetch, section 3.2.5); else only `Vary`."""
    if origin is None or origin not in allowed:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin}


def preflight(request: Request, allowed: Collection[str], headers: str) -> web.Response:
    """The answer to a CORS preflight (Fetch, section 3.2.2). Raises Refusal 403 if the page may not send."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in allowed:
        raise Refusal(
            403,
            "origin_not_allowed",
            "Pages of this origin may not send here.",
            "List it under origins of the service.",
            headers={"Vary": "Origin"},
        )
    return web.Response(
        status=204,
        headers={
            **cross_origin_headers(origin, allowed),
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": headers,
            "Access-Control-Max-Age": str(_PREFLIGHT_S),
        },
    )
