"""Listening: sockets, TLS of the moment, the connection cap, and a bounded end.

`serve` accepts by itself, since a server of the loop would keep one TLS context for its lifetime and
take every connection. Here a changed certificate counts from the next connection on, handshakes count
as connections, and at the cap the one that has waited longest for its client makes room: clients that say
nothing, send a body by the byte or take no answer can't lock others out.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from rollwatch.serving.address import ListenAddress, bind, parse_listen_address
from rollwatch.serving.app import WEB
from rollwatch.serving.connection import Connection
from rollwatch.serving.expectation import without_expectations
from rollwatch.serving.limits import LIMITS

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import AsyncIterator, Coroutine

    from rollwatch.serving.web_config import WebConfig
    from rollwatch.serving.web_config_file import WebConfigSource

__all__ = ["Listener", "serve"]

_log = structlog.get_logger(__name__)

_TLS_GOODBYE_S = 2.0
_PAUSE_S = 0.5
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """A listening socket and its connections. Made by `serve`."""

    def __init__(self, sock: socket.socket, server: web.Server, app: web.Application) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._server = server
        self._limits = app[LIMITS]
        self._web = app[WEB]
        self._handshakes: dict[asyncio.Task[None], float] = {}
        """Of TLS, which may take their time, by when they began."""
        self._arriving: set[asyncio.Task[None]] = set()
        """Without TLS: connections within a turn of the loop or two."""
        self._connections: set[Connection] = set()
        self.dropped = 0
        """Connections closed at the cap."""
        self.address = ListenAddress(*sock.getsockname()[:2])
        """What is really listened on, the port included."""

    @property
    def port(self) -> int:
        return self.address.port

    @property
    def url(self) -> str:
        """Where a client on this host finds it."""
        scheme = "http" if self.config.ssl_context is None else "https"
        host = {"": "localhost", "::": "localhost", "0.0.0.0": "localhost"}.get(  # noqa: S104  read, not bound
            self.address.host, self.address.host
        )
        return f"{scheme}://{ListenAddress(host, self.port)}"

    @property
    def config(self) -> WebConfig:
        return self._web.current

    @property
    def is_loopback(self) -> bool:
        return self.address.is_loopback

    @property
    def open(self) -> int:
        """Connections, handshakes under way included."""
        return len(self._connections) + len(self._handshakes) + len(self._arriving)

    @property
    def busy(self) -> int:
        """Requests being answered."""
        return sum(connection.is_busy for connection in self._connections)

    async def refresh(self) -> None:
        """Read the web configuration now if it changed, and not only at its next turn."""
        await self._web.refresh()

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def start(self) -> None:
        """Accept from now on."""
        self._loop.add_reader(self._sock.fileno(), self._accept)

    async def stop(self) -> None:
        """Accept no more, and give up handshakes."""
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        handshakes = list(self._handshakes)
        for task in handshakes:
            task.cancel()
        await asyncio.gather(*handshakes, *self._arriving, return_exceptions=True)

    def abort(self) -> None:
        """Drop what is still open."""
        for connection in list(self._connections):
            connection.drop("shutdown")

    def _accept(self) -> None:
        for _ in range(16):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF_RESOURCES:
                    raise
                # The connection stays in the queue; without a pause this would spin.
                _log.error("accept_failed", why=error.strerror, pause_s=_PAUSE_S)
                self._loop.remove_reader(self._sock.fileno())
                self._loop.call_later(_PAUSE_S, self._resume)
                return
            sock.setblocking(False)
            if self.open >= self._limits.connections:
                self.dropped += 1
                if not self._make_room():
                    sock.close()
                    continue
            context = self.config.ssl_context
            task = self._loop.create_task(self._welcome(sock, context), name="serving-handshake")
            if context is None:
                self._arriving.add(task)
            else:
                self._handshakes[task] = self._loop.time()
            task.add_done_callback(self._arrived)

    def _resume(self) -> None:
        if self._sock.fileno() != -1:
            self.start()

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._arriving.discard(task)
        self._handshakes.pop(task, None)

    async def _welcome(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        try:
            if context is None:
                await self._loop.connect_accepted_socket(self._make_connection, sock)
            else:
                await self._loop.connect_accepted_socket(
                    self._make_connection,
                    sock,
                    ssl=context,
                    ssl_handshake_timeout=self._limits.handshake_s,
                    ssl_shutdown_timeout=_TLS_GOODBYE_S,
                )
        except OSError as error:
            # TLS errors and timeouts included: the other end's business, and anybody can cause it.
            _log.debug("handshake_failed", why=str(error)[:200])
            sock.close()

    def _make_connection(self) -> Connection:
        return Connection(self._server, self, self._limits, self._loop)

    def _make_room(self) -> bool:
        """Close what has waited longest for its client. False if the next step is ours everywhere."""
        waiting = [(c.waits_since, c) for c in self._connections if c.waits_since is not None]
        idle_since, idle = min(waiting, key=itemgetter(0), default=(math.inf, None))
        oldest = next((task for task in self._handshakes if not task.done()), None)
        if oldest is not None and self._handshakes[oldest] <= idle_since:
            del self._handshakes[oldest]
            oldest.cancel()
            return True
        if idle is None:
            return False
        self._connections.discard(idle)
        idle.drop("room_needed")
        return True


@contextlib.asynccontextmanager
async def serve(app: web.Application, address: str) -> AsyncIterator[Listener]:
    """Serve `app` (of `build_app`) on `address` while the context lasts.

    Leaving it closes idle connections at once and gives requests under way `Limits.shutdown_s`.
    Raises CantStart when the address can't be had, UsageError when it is not written as one.
    """
    web_source: WebConfigSource = app[WEB]
    sock = await bind(parse_listen_address(address))
    # aiohttp waits this long for requests under way, and as long again for them to notice.
    runner = web.AppRunner(app, shutdown_timeout=app[LIMITS].shutdown_s / 2)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(sock.close)
        await runner.setup()
        if runner.server is None:
            raise AssertionError("a runner that was set up has a server")
        runner.server.request_handler = without_expectations(runner.server.request_handler)
        listener = Listener(sock, runner.server, app)
        stack.callback(listener.abort)
        stack.push_async_callback(runner.cleanup)
        await stack.enter_async_context(_running(web_source.watch()))
        listener.start()
        stack.push_async_callback(listener.stop)
        _announce(listener)
        yield listener


@contextlib.asynccontextmanager
async def _running(watch: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(watch, name="web-config-watch")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _announce(listener: Listener) -> None:
    _log.info("listening", url=listener.url, tls=listener.config.ssl_context is not None)
    if not listener.address.is_loopback and not listener.config.asks_who:
        _log.warning(
            "listening_without_authentication",
            address=str(listener.address),
            remedy="everybody who reaches this port may use it: listen on 127.0.0.1, or set --web.config.file"
            " (--web.ingest-address: tokens and origins guard it; keep it behind your proxy)",
        )
