"""One connection on a transport of the test: order, turns, back pressure and endings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import CloseCode
from websockets.uri import WebSocketURI

from rollwatch.model import Reason
from rollwatch.probers._ws_link import CLOSE_WITHIN_S, QUIET, Link
from support.virtual import VirtualClock, run_virtual, virtual_clock
from support.ws_peers import BINARY, CONT, PING, PONG, TEXT, accept_head, close, frame, text

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class FakeTransport(asyncio.Transport):
    """Remembers what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_reading = True
        self.aborted = 0

    def write(self, data: Any) -> None:
        self.written += data

    def pause_reading(self) -> None:
        assert self.is_reading
        self.is_reading = False

    def resume_reading(self) -> None:
        assert not self.is_reading
        self.is_reading = True

    def is_closing(self) -> bool:
        return self.aborted > 0

    def abort(self) -> None:
        self.aborted += 1

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None


class Heard:
    """A sink that keeps what it hears, and takes `cost_s` for each message."""

    def __init__(self, clock: VirtualClock, cost_s: float = 0.0) -> None:
        self._clock = clock
        self._cost_s = cost_s
        self.messages: list[str | bytes] = []
        self.pongs: list[bytes] = []

    def message(self, data: bytes | bytearray, text: str | None) -> None:
        self._clock.stall(self._cost_s)
        self.messages.append(bytes(data) if text is None else text)

    def pong(self, payload: bytes) -> None:
        self.pongs.append(payload)


def opened(cost_s: float = 0.0) -> tuple[Link, FakeTransport, Heard]:
    """A link whose upgrade has been accepted."""
    clock = virtual_clock()
    heard = Heard(clock, cost_s)
    ws = ClientProtocol(WebSocketURI(False, "x", 80, "/", "", None, None), logger=QUIET, max_size=10_000)
    link, transport = Link(ws, heard, clock), FakeTransport()
    link.connection_made(transport)
    link.request(ws.connect())
    link.data_received(accept_head(transport.written.decode("latin-1")))
    transport.written = b""
    assert link.is_upgraded
    return link, transport, heard


def on_virtual_time(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(main())


MANY = [f"message {n}" for n in range(200)]


def test_a_long_turn_is_broken_off_and_reading_rests_twice_as_long_as_it_took() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        link, transport, heard = opened(cost_s=0.0004)
        link.data_received(b"".join(text(each) for each in MANY))
        assert heard.messages == MANY[:3]
        assert not transport.is_reading
        began = loop.time()
        while len(heard.messages) == 3:
            await asyncio.sleep(0.0001)
        assert loop.time() - began == pytest.approx(0.0024 + 0.0012, abs=0.0003)
        await asyncio.sleep(1)
        assert heard.messages == MANY
        assert transport.is_reading

    on_virtual_time(main)


def test_what_arrives_during_a_rest_waits_its_turn() -> None:
    async def main() -> None:
        link, _, heard = opened(cost_s=0.0015)
        link.data_received(b"".join(text(each) for each in MANY[:100]))
        link.data_received(b"".join(text(each) for each in MANY[100:]))
        assert len(heard.messages) == 1
        await asyncio.sleep(2)
        assert heard.messages == MANY

    on_virtual_time(main)


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_what_had_arrived_is_counted_though_the_connection_is_gone(error: Exception | None) -> None:
    async def main() -> None:
        link, _, heard = opened(cost_s=0.0015)
        link.data_received(b"".join(text(each) for each in MANY))
        link.connection_lost(error)
        assert not link.ended.done()
        ending = await link.ended
        assert heard.messages == MANY
        assert ending.code == 1006
        assert ending.reason is (Reason.CONNECTION_CLOSED if error is None else Reason.CONNECTION_RESET)

    on_virtual_time(main)


def test_a_peer_that_does_not_read_our_answers_is_not_read_until_it_does() -> None:
    async def main() -> None:
        link, transport, heard = opened()
        link.data_received(frame(PING, b"1"))
        assert len(transport.written) == 7
        link.pause_writing()
        link.data_received(frame(PING, b"2") * 100 + text("later"))
        assert not transport.is_reading
        assert len(transport.written) == 7
        assert heard.messages == []
        link.resume_writing()
        assert transport.is_reading
        assert len(transport.written) == 7 * 101
        assert heard.messages == ["later"]

    on_virtual_time(main)


def test_a_peer_that_reads_nothing_and_is_then_gone_ends_the_session() -> None:
    async def main() -> None:
        link, transport, heard = opened()
        link.pause_writing()
        link.data_received(frame(PING, b"2") + text("last"))
        link.connection_lost(None)
        assert (await link.ended).code == 1006
        assert heard.messages == ["last"]
        assert transport.written == b""

    on_virtual_time(main)


def test_nothing_is_said_once_the_session_has_ended() -> None:
    async def main() -> None:
        link, transport, _ = opened()
        link.data_received(close(1000))
        written = transport.written
        link.send("x")
        link.ping(b"x")
        link.close()
        assert transport.written == written
        assert (await link.ended).code == 1000

    on_virtual_time(main)


def test_nothing_is_said_after_a_close_frame_that_still_waits_for_its_turn() -> None:
    async def main() -> None:
        link, transport, _ = opened(cost_s=0.01)
        link.data_received(text("a") + text("b") + close(4000))
        assert not link.ended.done()
        written = transport.written
        link.send("x")
        link.ping(b"x")
        assert transport.written == written
        assert (await link.ended).code == 4000

    on_virtual_time(main)


def test_the_close_handshake_has_a_second_and_no_more() -> None:
    async def main() -> None:
        link, transport, _ = opened()
        link.close(CloseCode.GOING_AWAY)
        assert link.ended.result().code == 1001
        await asyncio.sleep(CLOSE_WITHIN_S - 0.01)
        assert not transport.aborted
        await asyncio.sleep(0.02)
        assert transport.aborted

    on_virtual_time(main)


def test_a_peer_that_keeps_sending_into_the_close_handshake_is_cut_off() -> None:
    async def main() -> None:
        link, transport, heard = opened()
        link.close()
        for _ in range(9):
            link.data_received(text("x" * 200) * 320)
        assert transport.aborted
        assert heard.messages == []

    on_virtual_time(main)


def test_pongs_are_told_in_order() -> None:
    async def main() -> None:
        link, _, heard = opened()
        link.data_received(frame(PONG, b"a") + text("x") + frame(PONG))
        assert heard.pongs == [b"a", b""]

    on_virtual_time(main)


_TEXTS = st.text(max_size=300)
_MESSAGES = st.lists(st.one_of(_TEXTS, st.binary(max_size=300)), max_size=20)


def _frames(message: str | bytes, parts: int) -> bytes:
    opcode, data = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
    step = max(1, -(-len(data) // parts))
    pieces = [data[i : i + step] for i in range(0, len(data), step)] or [b""]
    last = len(pieces) - 1
    return frame(PING, b"between").join(
        frame(CONT if i else opcode, piece, fin=i == last) for i, piece in enumerate(pieces)
    )


@settings(max_examples=60, deadline=None)
@given(
    messages=_MESSAGES,
    parts=st.integers(1, 5),
    cuts=st.lists(st.integers(1, 700), min_size=1, max_size=30),
    cost_s=st.sampled_from([0.0, 0.0004, 0.002]),
)
def test_however_the_bytes_are_cut_the_messages_are_the_same(
    messages: list[str | bytes], parts: int, cuts: list[int], cost_s: float
) -> None:
    async def main() -> None:
        link, _, heard = opened(cost_s)
        data = b"".join(_frames(message, parts) for message in messages)
        at = 0
        while at < len(data):
            for cut in cuts:
                if data[at : at + cut]:
                    link.data_received(data[at : at + cut])
                at += cut
        await asyncio.sleep(10)
        assert heard.messages == messages

    on_virtual_time(main)
