"""Clients that are slow, large, many, or speak no HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from rollwatch.serving.limits import Limits
from rollwatch.serving.route import ANYONE, Route
from rollwatch.serving.server import Listener
from support.web import ROUTES, ask, closed, eventually, listening, parse

QUICK = Limits(head_s=0.2, body_s=0.2, request_s=0.5, write_s=0.2, body_bytes=1024, connections=4)


async def raw(listener: Listener, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces, and give back everything until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        await closed(writer)


async def test_a_client_that_says_nothing_is_closed() -> None:
    async with listening(limits=QUICK) as listener:
        assert await raw(listener) == b""


async def test_a_client_that_drips_its_headers_is_closed_however_long_it_could_go_on() -> None:
    async with listening(limits=QUICK) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"GET / HTTP/1.1\r\n")

        async def drip() -> None:
            while not writer.is_closing():
                writer.write(b"X-A: b\r\n")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        try:
            assert await asyncio.wait_for(reader.read(), 10) == b""
        except ConnectionResetError:
            pass
        finally:
            dripping.cancel()
            writer.close()
            await closed(writer)


async def test_the_headers_of_a_second_request_have_a_deadline_too() -> None:
    async with listening(limits=QUICK) as listener:
        answer = await raw(listener, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HT", pause_s=0.05)
    assert parse(answer).body == "hello\n"


async def test_a_body_that_drips_is_answered_408_and_closed() -> None:
    async with listening(limits=QUICK) as listener:
        head = b"POST /act HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
        answer = parse(await raw(listener, head, b"x"))
    assert answer.status == 408
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /act HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n",
        b"POST /act HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"400\r\n" + b"x" * 1024 + b"\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n",
    ],
    ids=["declared", "in chunks"],
)
async def test_a_body_that_is_too_large_is_refused(request_: bytes) -> None:
    async with listening(limits=QUICK) as listener:
        answer = parse(await raw(listener, request_))
    assert answer.status == 413
    assert "larger than 1 KiB" in answer.body


async def test_a_compressed_body_is_refused() -> None:
    async with listening(limits=QUICK) as listener:
        answer = await ask(listener, "/act", "POST", headers={"Content-Encoding": "gzip"}, body=b"x")
    assert answer.status == 415


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(100)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["TLS", "no HTTP", "a long header", "a long address", "many headers", "two lengths"],
)
async def test_what_is_no_proper_request_gets_a_plain_400_and_the_end(request_: bytes) -> None:
    async with listening(limits=QUICK) as listener:
        answer = parse(await raw(listener, request_))
        assert (await ask(listener)).status == 200
    assert answer.status == 400
    assert answer.headers["Server"] == "rollwatch"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "aiohttp" not in answer.body


async def test_idle_connections_make_room_for_one_that_asks() -> None:
    async with listening(limits=Limits(connections=4)) as listener:
        silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(12)]
        assert (await ask(listener)).status == 200
        await eventually(lambda: listener.dropped >= 9)
        # The oldest were closed, without a word.
        assert await asyncio.wait_for(_end(silent[0][0]), 10)
        for _, writer in silent:
            writer.close()
            await closed(writer)


@contextlib.contextmanager
def saying(listener: Listener, request: bytes, times: int) -> Iterator[list[socket.socket]]:
    """So many clients that send `request`, and then neither send nor read."""
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", listener.port))) for _ in range(times)
        ]
        for client in clients:
            client.sendall(request)
        yield clients


async def test_bodies_that_drip_make_room_for_one_that_asks() -> None:
    async with listening(limits=Limits(connections=4)) as listener:
        with saying(listener, b"POST /act HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx", 4):
            await eventually(lambda: listener.busy == 4)
            assert (await ask(listener)).status == 200


async def test_a_client_that_makes_room_in_the_moment_it_asks_is_no_bug() -> None:
    with capture_logs() as logs:
        async with listening(limits=Limits(connections=4)) as listener:
            with saying(listener, b"", 4) as early:
                await eventually(lambda: len(listener._connections) == 4)
                for sock in early:
                    sock.sendall(b"POST /act HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx")
                # Before the loop turns once.
                with saying(listener, b"", 4):
                    await eventually(lambda: listener.dropped == 4)
                    assert (await ask(listener, "/-/healthy")).status == 200
    assert [log for log in logs if log["log_level"] == "error"] == []


async def test_clients_that_take_nothing_make_room_for_one_that_asks() -> None:
    async def huge(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    routes = (*ROUTES, Route("GET", "/huge", huge, ANYONE))
    async with listening(routes=routes, limits=Limits(connections=4)) as listener:

        async def gets_through() -> bool:
            return b"200 OK" in await raw(listener, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

        with saying(listener, b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n", 4):
            await eventually(lambda: listener.busy == 4)
            # Once as much is under way to them as sockets hold.
            await eventually(gets_through)


async def test_where_all_are_busy_one_more_is_turned_away() -> None:
    may_answer = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await may_answer.wait()
        return web.Response(text="done")

    routes = (*ROUTES, Route("GET", "/wait", wait, ANYONE))
    async with listening(routes=routes, limits=Limits(connections=4)) as listener:
        busy = [asyncio.create_task(ask(listener, "/wait")) for _ in range(4)]
        await eventually(lambda: listener.busy == 4)
        assert await raw(listener, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == b""
        may_answer.set()
        assert [answer.body for answer in await asyncio.gather(*busy)] == ["done"] * 4
        assert (await ask(listener)).status == 200


async def test_a_handler_that_takes_too_long_is_answered_503() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async with listening(routes=[Route("GET", "/hang", hang, ANYONE)], limits=QUICK) as listener:
        answer = await ask(listener, "/hang")
    assert answer.status == 503
    assert "was not done within 0.5 s" in answer.body


async def test_a_route_may_take_the_time_it_needs() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response(text="done")

    limits = Limits(request_s=0.1, write_s=0.0)
    async with listening(
        routes=[Route("GET", "/slow", slow, ANYONE, request_s=30)], limits=limits
    ) as listener:
        assert (await ask(listener, "/slow")).body == "done"


async def test_a_client_that_takes_nothing_of_its_answer_is_dropped() -> None:
    ended: list[Any] = []

    async def huge(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except BaseException as error:
            ended.append(type(error))
            raise

    async with listening(routes=[Route("GET", "/huge", huge, ANYONE)], limits=QUICK) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1024)
        writer.write(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
        await eventually(lambda: bool(ended) and listener.open == 0)
        writer.close()
        await closed(writer)


async def _end(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True
