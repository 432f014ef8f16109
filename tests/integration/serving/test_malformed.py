"""Requests that are no HTTP: what the log says of them holds nothing that may be a credential."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from support.web import listening

TOKEN = "the-token-of-somebody"
MALFORMED = {
    "a space before the colon": f"Authorization : Bearer {TOKEN}\r\n",
    "a control character": f"Authorization: Bearer {TOKEN}\x01\r\n",
    "a line end that is none": f"Authorization: Bearer {TOKEN}\nX\r\n",
    "a header that is too long": f"Authorization: Bearer {TOKEN * 1000}\r\n",
    "a line without a colon": f"{TOKEN}\r\n",
}


@pytest.mark.parametrize("line", MALFORMED.values(), ids=MALFORMED)
async def test_the_log_tells_why_and_quotes_nothing(line: str) -> None:
    with capture_logs() as logs:
        async with listening() as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(f"GET / HTTP/1.1\r\nHost: x\r\n{line}\r\n".encode())
            answer = await reader.read()
            writer.close()

    assert answer.startswith(b"HTTP/1.0 400 ")
    (said,) = [log for log in logs if log["event"] == "request_malformed"]
    assert len(said["why"]) > 5
    assert TOKEN not in repr(logs)
