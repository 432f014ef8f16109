"""One HTTP connection, with a bound on every wait for its client.

aiohttp bounds the time between two requests only: a client that sends its headers or takes its answer
a byte at a time would hold a connection for ever.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from rollwatch.serving.access_log import AccessLog
from rollwatch.serving.headers import add_security_headers
from rollwatch.serving.refusal import Refusal, refusal_response

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from rollwatch.serving.limits import Limits
    from rollwatch.serving.web_config import WebConfig

__all__ = ["Connection", "Registry"]

_log = structlog.get_logger(__name__)


class Registry(Protocol):
    """Who keeps count of the connections."""

    @property
    def config(self) -> WebConfig:
        """The web configuration in force."""
        ...

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach the listener."""
        ...

    def opened(self, connection: Connection) -> None:
        """`connection` exists from now on."""
        ...

    def closed(self, connection: Connection) -> None:
        """It is gone."""
        ...


class Connection(web.RequestHandler):
    """aiohttp's connection with a deadline for the headers, the answer, and the way out."""

    __slots__ = ("_bound", "_is_idle", "_limits", "_link", "_registry", "is_busy", "waits_since")

    def __init__(
        self, server: web.Server, registry: Registry, limits: Limits, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=limits.idle_s,
            access_log_class=AccessLog,
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            max_headers=limits.headers,
            # A body nobody read is not worth waiting for.
            lingering_time=1.0,
            auto_decompress=False,
        )
        self._registry = registry
        self._limits = limits
        self._link: asyncio.Transport | None = None
        self._bound: asyncio.TimerHandle | None = None
        self._is_idle = False
        self.is_busy = False
        """Whether a request is being answered."""
        self.waits_since: float | None = loop.time()
        """Since when it waits for its client, on the loop's clock: for a request, for more of a body, for it
        to take what it is sent. None while the next step is ours."""

    @property
    def is_loopback(self) -> bool:
        """Whether the listener can be reached from this host only."""
        return self._registry.is_loopback

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # uvloop's transports are no subclasses of asyncio's.
        self._link = cast("asyncio.Transport", transport)
        self._registry.opened(self)
        if self._is_client_named(transport):
            self._bind(self._limits.head_s, "request_head_too_slow")
        else:
            self.drop("client_certificate_has_no_allowed_name")

    def connection_lost(self, exc: BaseException | None) -> None:
        self._unbind()
        self._link = None
        self._registry.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self._is_idle = False
            self._bind(self._limits.head_s, "request_head_too_slow")
        super().data_received(data)

    def begin(self, request_s: float) -> None:
        """A request has arrived, and is to be answered within `request_s`; the sending gets a bit more."""
        self._is_idle = False
        self.is_busy = True
        self.waits_since = None
        self._bind(request_s + self._limits.write_s, "answer_not_taken")

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the context lasts, the next step is the client's, though its request is being answered."""
        self.waits_since = self._loop.time()
        try:
            yield
        finally:
            self.waits_since = None

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self.waits_since = self._loop.time()

    def resume_writing(self) -> None:
        """It took some."""
        super().resume_writing()
        if self.is_busy:
            self.waits_since = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; then wait for the next request, or for the client to take what is left."""
        try:
            return await super().finish_response(request, resp, start_time)
        except RuntimeError as error:
            # uvloop's word for writing to a connection that is gone; the stock loop only drops the data.
            if not self._has_gone:
                raise
            raise ConnectionResetError("the client left before it had its answer") from error
        finally:
            self._is_idle = True
            self.is_busy = False
            self.waits_since = self._loop.time()
            if self._link is not None:
                # A bit later than aiohttp's own idle timer, for what is closing and never gets there.
                self._bind(self._limits.idle_s + self._limits.write_s, "idle")

    @property
    def _has_gone(self) -> bool:
        return self._link is None or self._link.is_closing()

    def drop(self, why: str) -> None:
        """End it now. A polite close would wait until a client that reads nothing has read everything."""
        self._unbind()
        if self._link is not None:
            _log.debug("connection_dropped", client=str(self.peername), why=why)
            self._link.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, to a refusal before any route, and to a fault of ours.

        Without details, which are in the log.
        """
        if isinstance(exc, ConnectionError):
            # The client left, or we broke off; there is nobody to answer.
            raise exc
        if isinstance(exc, RuntimeError) and self._has_gone:
            # aiohttp's and uvloop's word for the same; only of the former aiohttp makes no bug.
            raise ConnectionResetError("the client left before it was answered") from exc
        if isinstance(exc, Refusal):
            refusal = exc
        elif status < 500 or isinstance(exc, HttpProcessingError):
            _log.debug("request_malformed", client=request.remote, why=_without_input(message))
            refusal = Refusal(
                400,
                "malformed",
                "This is no HTTP request this server can read.",
                "Check scheme (http or https), headers and their sizes.",
                closes=True,
            )
        else:
            _log.error(
                "request_failed",
                method=request.method,
                path=request.rel_url.raw_path[:200],
                exc_info=exc,
            )
            refusal = Refusal(
                500,
                "internal_error",
                "rollwatch failed to answer; this is a bug.",
                "The log of the process says more.",
                closes=True,
            )
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun and can't be taken back")
        response = refusal_response(refusal, request.headers.get("Accept"), path=request.rel_url.path)
        add_security_headers(response.headers, self._registry.config.headers)
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """aiohttp's own complaints, in our log."""
        _log.error("connection_failed", why=str(args[0]) if args else "", exc_info=kw.get("exc_info"))

    def _is_client_named(self, transport: asyncio.BaseTransport) -> bool:
        allowed = self._registry.config.client_sans
        if not allowed:
            return True
        certificate = transport.get_extra_info("peercert") or {}
        return any(value in allowed for _, value in certificate.get("subjectAltName", ()))

    def _bind(self, after_s: float, why: str) -> None:
        self._unbind()
        self._bound = self._loop.call_later(after_s, self.drop, why)

    def _unbind(self) -> None:
        if self._bound is not None:
            self._bound.cancel()
            self._bound = None


def _without_input(message: str | None) -> str:
    """What the parser says is wrong, without the line it quotes: credentials may stand in it."""
    return re.split(r"[:'\"\n]", message or "", maxsplit=1)[0].strip()[:100]
