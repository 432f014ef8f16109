"""Whatever bytes arrive in whatever pieces: an answer or a reason, never an exception, always bounded."""

from __future__ import annotations

import asyncio
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from rollwatch.clock import SystemClock
from rollwatch.errors import ProbeFailure
from rollwatch.probers._http_answer import Response, decode_body
from rollwatch.probers._http_exchange import Exchange
from rollwatch.probers.run import Run

LIMIT = 500
FRAGMENTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.0 304 Not Modified\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"Upgrade: x\r\nConnection: upgrade\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Location: /next\r\n",
        b"\r\n",
        b"hello",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"x" * 600,
    ]
)


class Wire(asyncio.Transport):
    """Takes everything, remembers whether it was ended."""

    is_ended = False

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None:
        self.is_ended = True


async def exchange(pieces: list[bytes], method: str, *, keep: bool, follow: bool) -> None:
    wire = Wire()
    protocol = Exchange()
    protocol.connection_made(wire)
    answer = protocol.ask(
        Run(SystemClock()), b"request", method=method, body_limit=LIMIT, keep=keep, follow=follow
    )
    for piece in pieces:
        protocol.data_received(piece)
    protocol.eof_received()
    protocol.connection_lost(None)
    assert answer.done()
    assert not protocol.is_reusable
    failure = answer.exception()
    if failure is not None:
        assert isinstance(failure, ProbeFailure)
        assert wire.is_ended
        assert failure.detail.isprintable()
        return
    response = answer.result()
    assert isinstance(response, Response)
    assert 101 <= response.status <= 999
    assert len(response.body) <= LIMIT
    with contextlib.suppress(ProbeFailure):
        assert len((await decode_body(response, LIMIT)).body) <= LIMIT


@settings(deadline=None, max_examples=300)
@given(
    st.lists(FRAGMENTS | st.binary(max_size=30), max_size=12),
    st.sampled_from(["GET", "HEAD"]),
    st.booleans(),
    st.booleans(),
)
def test_every_stream_of_bytes_comes_to_an_end(
    pieces: list[bytes], method: str, keep: bool, follow: bool
) -> None:
    asyncio.run(exchange(pieces, method, keep=keep, follow=follow))
