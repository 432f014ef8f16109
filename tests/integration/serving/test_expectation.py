"""The header Expect: the one expectation is met, others are refused without repeating them."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from support.web import ask, listening, parse


@pytest.mark.parametrize("path", ["/act", "/-/healthy", "/nothing-here"])
@pytest.mark.parametrize("expected", [b"nonsense", b"\xe9", b"100-continue, more"])
async def test_what_nobody_can_do_is_refused(path: str, expected: bytes) -> None:
    with capture_logs() as logs:
        async with listening() as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n".encode()
            writer.write(head + b"Expect: " + expected + b"\r\n\r\nx")
            raw = await reader.read()
            writer.close()
            assert (await ask(listener, "/-/healthy")).status == 200

    answer = parse(raw)
    assert answer.status == 417
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert expected not in raw
    assert [log for log in logs if log["log_level"] == "error"] == []


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on() -> None:
    async with listening() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(
            b"POST /act HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n"
            b"Expect: 100-Continue\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        answer = parse(await reader.read())
        writer.close()
    assert (answer.status, answer.body) == (200, "hello")
