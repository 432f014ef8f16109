"""One HTTP call in a thread of its own, which ends with the call.

A timeout of `requests` is one of each read: whoever sends a byte now and then holds its thread for ever. Here
the loop ends the connection when time is up, and it is known whether anything can have been sent before.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from rollwatch.config.template import MASK

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from rollwatch.clock import Clock

__all__ = ["BODY_MAX", "Failed", "Outgoing", "Raw", "exchange"]

BODY_MAX = 2 * 1024 * 1024
_CHUNK = 64 * 1024
_CONNECT_S = 5.0
"""For each address of a name."""
_SHORTEST_SECRET = 6
"""Of a shorter one any document may be full."""
_ENDS_WITHIN_S = 2.0
"""How long is waited for a thread whose connection was ended; only a resolver can hold it for longer."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request, ready to be sent. Never shown: its headers hold the token."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    secret: str = field(repr=False)
    """Taken out of whatever is answered, before anybody reads it."""


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer; names of headers are in lower case. `json` is None where there is none: `trouble`."""

    status: int
    headers: Mapping[str, str]
    json: Any = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer. `sent` is False only where it is proven that no byte of the request left."""

    why: str
    sent: bool


async def exchange(
    request: Outgoing, *, clock: Clock, seconds: float, trust: Callable[[], ssl.SSLContext]
) -> Raw | Failed:
    """Send it, and read its answer, within `seconds` for all of it.

    Cancelled, it ends the connection and its thread first. `trust` is called in the thread.
    """
    call = _Call(request, clock, seconds, trust)
    call.start()
    try:
        async with asyncio.timeout(seconds):
            await call.ended.wait()
    except TimeoutError:
        sent = call.wire.abort()
        await call.gone()
        return Failed(f"no whole answer within {seconds:.3g} s", sent)
    except asyncio.CancelledError:
        call.wire.abort()
        await call.gone()
        raise
    if call.outcome is None:
        raise AssertionError("the thread has told of it")
    return call.outcome


class _Wire:
    """The connection of one call, as both threads see it.

    The first of `begin` and `abort` wins (`dict.setdefault` is one step), so that what was given up before it
    was connected is never sent.
    """

    def __init__(self) -> None:
        self._fate: dict[str, bool] = {}
        self._socket: socket.socket | None = None

    @property
    def may_have_sent(self) -> bool:
        return self._fate.get("sent", False)

    def opened(self, sock: socket.socket) -> None:
        """There is a connection. A duplicate is kept, since TLS takes the first over.

        Raises ConnectionAbortedError, with the connection closed, if the call was given up.
        """
        self._socket = sock.dup()
        if self._fate.get("sent") is False:
            sock.close()
            raise ConnectionAbortedError

    def begin(self) -> None:
        """Sending begins now. Raises ConnectionAbortedError if the call was given up."""
        if not self._fate.setdefault("sent", True):
            raise ConnectionAbortedError

    def abort(self) -> bool:
        """End it; whether anything may have been sent."""
        sent = self._fate.setdefault("sent", False)
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        return sent

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class _Call:
    def __init__(
        self, request: Outgoing, clock: Clock, seconds: float, trust: Callable[[], ssl.SSLContext]
    ) -> None:
        self.wire = _Wire()
        self.ended = asyncio.Event()
        self.outcome: Raw | Failed | None = None
        self._request = request
        self._clock = clock
        self._end = clock.monotonic() + seconds
        self._trust = trust
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        # Of its own: a resolver that hangs must not hold up the loop's executor, nor the end of the process.
        threading.Thread(target=self._run, name="rollwatch-http", daemon=True).start()

    async def gone(self) -> None:
        """Wait for the thread, in bounded time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await self.ended.wait()

    def _run(self) -> None:
        try:
            self.outcome = self._exchange()
        finally:
            self.wire.close()
            # The loop may be closed where a resolver held the thread for longer than the process wanted.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.ended.set)

    @property
    def _left(self) -> float:
        return self._end - self._clock.monotonic()

    def _exchange(self) -> Raw | Failed:
        request = self._request
        if self._left <= 0:
            return Failed("no time was left for it", sent=False)
        try:
            with requests.Session() as session:
                # Neither proxies, nor .netrc, nor trust of the environment.
                session.trust_env = False
                is_plain = request.url.lower().startswith("http://")
                adapter = _Adapter(self.wire, None if is_plain else self._trust())
                session.mount("http://", adapter)
                session.mount("https://", adapter)
                with session.request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    data=request.body,
                    timeout=(min(_CONNECT_S, self._left), self._left),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    return self._answer(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            return Failed(_words(error), self.wire.may_have_sent)

    def _answer(self, response: requests.Response) -> Raw:
        headers = {name.lower(): value for name, value in response.headers.items()}
        json, trouble = self._document(response)
        return Raw(response.status_code, headers, json, trouble)

    def _document(self, response: requests.Response) -> tuple[Any, str]:
        body = bytearray()
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=False):
                body += chunk
                if len(body) > BODY_MAX:
                    return None, "its answer is longer than 2 MiB"
                if self._left <= 0:
                    return None, "its answer did not end in time"
        except (urllib3.exceptions.HTTPError, HTTPException, OSError):
            return None, "the connection was lost in the middle of its answer"
        secret = self._request.secret.encode()
        if len(secret) >= _SHORTEST_SECRET:
            body = body.replace(secret, MASK.encode())
        try:
            return (orjson.loads(body) if body else None), ""
        except orjson.JSONDecodeError:
            return None, "its answer is no JSON"


class _Adapter(HTTPAdapter):
    """Tells the wire of its connection; trusts whom the system trusts."""

    def __init__(self, wire: _Wire, trust: ssl.SSLContext | None) -> None:
        self._pools = _watched_by(wire)
        self._trust = trust
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._trust, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        # The base adds the authorities that come with requests to those of the context.
        conn.cert_reqs = "CERT_REQUIRED"


def _watched_by(wire: _Wire) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            wire.opened(sock)
            return sock

        def connect(self) -> None:
            super().connect()
            wire.begin()

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            wire.opened(sock)
            return sock

        def connect(self) -> None:
            super().connect()
            wire.begin()

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _words(error: BaseException) -> str:
    """What happened, in words of ours: those of `requests` quote addresses."""
    chain = [error]
    while (cause := _cause(chain[-1])) is not None and len(chain) < 8:
        chain.append(cause)
    for kinds, words in _WORDS:
        if any(isinstance(one, kinds) for one in chain):
            return words
    return f"the call failed ({type(error).__name__})"


def _cause(error: BaseException) -> BaseException | None:
    for inner in (getattr(error, "reason", None), *error.args[:1], error.__cause__, error.__context__):
        if isinstance(inner, BaseException):
            return inner
    return None


_WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), "the name of its host can't be resolved"),
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError), "no trusted TLS connection comes about"),
    ((ConnectionRefusedError,), "nobody listens at its address"),
    ((urllib3.exceptions.ConnectTimeoutError,), "it can't be reached in time"),
    ((TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError), "it did not answer in time"),
    ((urllib3.exceptions.NewConnectionError,), "it can't be reached"),
    ((ConnectionError, urllib3.exceptions.ProtocolError), "the connection was lost without an answer"),
    ((requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError), "its address is no URL"),
)
