"""One loopback port that listens or refuses, and stays ours in between."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    import ssl

__all__ = ["Listener"]

_HOST = "127.0.0.1"
_BIND_ATTEMPTS = 100
_SECONDS_BETWEEN_ATTEMPTS = 0.02


def _bound(port: int) -> socket.socket:
    """A TCP socket on the loopback port; with SO_REUSEADDR several may be bound as long as none listens."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((_HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


class Listener:
    """Serves one application on one port. Raises DemoError if the port is taken.

    A second socket, bound and never listening, keeps the port from everybody else while it refuses.
    """

    def __init__(self, app: web.Application, port: int, title: str) -> None:
        try:
            self._reserved = _bound(port)
        except OSError as error:
            raise DemoError(
                f"port {port} ({title}) can't be used: {error.strerror}. "
                "Stop what holds it, or choose other ports with --base-port"
            ) from error
        self.port: int = self._reserved.getsockname()[1]
        # A prober that gives up must not leave its handler waiting for the fault's end.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        self._site: web.SockSite | None = None
        self._title = title

    async def open(self, tls: ssl.SSLContext | None) -> None:
        """Begin to listen; nothing happens if it does already."""
        if self._site is not None:
            return
        if self._runner.server is None:
            await self._runner.setup()
        site = web.SockSite(self._runner, await self._listening(), ssl_context=tls)
        await site.start()
        self._site = site

    async def refuse(self) -> None:
        """Refuse connections and end those that are open; nothing happens if it does already."""
        if self._site is None:
            return
        await self._site.stop()
        self._site = None
        if self._runner.server is not None:
            for connection in self._runner.server.connections:
                connection.force_close()

    async def close(self) -> None:
        """Give the port back."""
        await self._runner.cleanup()
        self._site = None
        self._reserved.close()

    async def _listening(self) -> socket.socket:
        """A listening socket; the one closed a moment ago may linger until its loop has turned."""
        for attempt in range(_BIND_ATTEMPTS):
            sock: socket.socket | None = None
            try:
                sock = _bound(self.port)
                sock.listen(128)
            except OSError as error:
                if sock is not None:
                    sock.close()
                if error.errno != errno.EADDRINUSE or attempt == _BIND_ATTEMPTS - 1:
                    raise DemoError(
                        f"port {self.port} ({self._title}) can't be used: {error.strerror}"
                    ) from error
                await asyncio.sleep(_SECONDS_BETWEEN_ATTEMPTS)
            else:
                return sock
        raise AssertionError("the last attempt returned or raised")
