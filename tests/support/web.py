"""A real listener around a few routes, and clients that speak to it byte by byte."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import bcrypt
from aiohttp import web

from rollwatch.serving.app import build_app
from rollwatch.serving.body import read_body
from rollwatch.serving.limits import Limits
from rollwatch.serving.route import ANYONE, Route
from rollwatch.serving.server import Listener, serve
from rollwatch.serving.web_config_file import WebConfigSource


class Job(StrEnum):
    READ = "read"
    ACT = "act"


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello\n")


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await read_body(request))


async def fail(_: web.Request) -> web.Response:
    raise RuntimeError("a secret inside")


ROUTES = (
    Route("GET", "/-/healthy", hello, ANYONE),
    Route("GET", "/", hello, frozenset(Job)),
    Route("POST", "/act", echo, frozenset({Job.ACT})),
    Route("POST", "/guarded", echo, frozenset({Job.ACT}), is_open=False),
    Route("GET", "/fail", fail, ANYONE),
)


def password_hash(password: str, cost: int = 4) -> str:
    """A bcrypt hash, as cheap as they come."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@asynccontextmanager
async def listening(
    config: Path | None = None,
    *,
    routes: Iterable[Route] = ROUTES,
    limits: Limits | None = None,
    address: str = "127.0.0.1:0",
    source: WebConfigSource | None = None,
) -> AsyncIterator[Listener]:
    """A listener on a free port."""
    source = source or await WebConfigSource.opened(config, Job)
    async with serve(build_app(routes, source, limits=limits), address) as listener:
        yield listener


@dataclass
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


async def ask(
    listener: Listener,
    target: str = "/",
    method: str = "GET",
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", listener.port, ssl=tls, server_hostname="localhost" if tls else None
    )
    try:
        said = {"Host": f"127.0.0.1:{listener.port}", "Connection": "close", **(headers or {})}
        if body is not None:
            said.setdefault("Content-Length", str(len(body)))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in said.items()) + "\r\n"
        writer.write(head.encode() + (body or b""))
        raw = await reader.read()
    finally:
        writer.close()
        await closed(writer)
    return parse(raw)


def parse(raw: bytes) -> Answer:
    """What came back, whole or nothing."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    if headers.get("Transfer-Encoding") == "chunked":
        body = _unchunked(body)
    return Answer(int(first.split()[1]), headers, body.decode())


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return whole
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]


async def closed(writer: asyncio.StreamWriter) -> None:
    """Wait for the end of a connection, whichever way it ends."""
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def eventually(
    holds: Callable[[], bool] | Callable[[], Awaitable[bool]], *, within_s: float = 10
) -> None:
    """Wait until `holds`; fail if it never does."""
    async with asyncio.timeout(within_s):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)
