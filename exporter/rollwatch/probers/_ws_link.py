"""One WebSocket connection: frames in, whole messages out, and never more than a bounded turn of work.

The protocol itself is the Sans-I/O `websockets` library (RFC 6455, RFC 7692); this puts it on a transport.

A peer that sends as fast as it can must not keep other probes waiting: one turn parses for about a
millisecond, then reading rests for twice as long as the turn took, and TCP holds the peer back. A peer that
makes us answer (pings) and does not read the answers is not read either. What is held in memory is bounded
by one read of the socket, the message limit and the write limit.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from websockets.exceptions import InvalidHandshake, PayloadTooBig
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import State

from rollwatch.model import Reason
from rollwatch.probers._socket_errors import lost_failure
from rollwatch.probers._ws_head import BadHeadError, find_head
from rollwatch.text import clean

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.http11 import Request

    from rollwatch.clock import Clock
    from rollwatch.probers._ws_head import Head

__all__ = ["CLOSE_WITHIN_S", "QUIET", "Ending", "Link", "Sink"]

CLOSE_WITHIN_S = 1.0
"""How long a peer may take to end the connection once the closing has begun."""

# Not from the registry: nobody may set its level.
QUIET = logging.Logger("rollwatch.websocket", level=logging.CRITICAL)  # noqa: LOG001
"""For the protocol library, which at debug level would log request headers, and so credentials."""

_SLICE = 2048
_DENSE_SLICE = 512
_DENSE_FRAMES = 64
_TURN_S = 0.001
_REST_PER_TURN = 2.0
_WRITE_LIMIT = 64 * 1024
_LATE_DATA_LIMIT = 512 * 1024


class Sink(Protocol):
    """Who hears of what arrives. Calls must be short; they are made within a turn."""

    def message(self, data: bytes | bytearray, text: str | None) -> None:
        """A whole message: its payload, and the text if it is a text message."""
        ...

    def pong(self, payload: bytes) -> None:
        """The answer to a ping, or a pong nobody asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended: its close code (RFC 6455 7.4; 1006 without a close frame), and why in words."""

    code: int
    reason: Reason
    detail: str


class Link(asyncio.Protocol):
    """A connection from its upgrade request to its end, as a transport's protocol. Needs a running loop.

    `head` becomes the answer's head (None if the connection ended before), `ended` the ending: for a good
    close as soon as the peer's close frame is here. Neither ever holds an exception.
    """

    def __init__(self, ws: ClientProtocol, sink: Sink, clock: Clock) -> None:
        self._loop = asyncio.get_running_loop()
        self.head: asyncio.Future[Head | None] = self._loop.create_future()
        self.ended: asyncio.Future[Ending] = self._loop.create_future()
        self.rested_s = -math.inf
        """When reading last had to rest; what the peer said by then may still be on its way to us."""
        self._ws = ws
        self._sink = sink
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._inbox = bytearray()
        self._frames: deque[Frame] = deque()
        self._slice = _SLICE
        self._partial: bytearray | None = None
        self._is_partial_text = False
        self._is_reading = True
        self._may_write = True
        self._is_lost = False
        self._lost_by: Exception | None = None
        self._late_bytes = 0
        self._rest: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None

    # What the owner of the connection does.

    @property
    def is_upgraded(self) -> bool:
        """Whether the connection became a session, even if that has ended."""
        return self._ws.state is not State.CONNECTING

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the server chose."""
        return self._ws.subprotocol

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions in force."""
        return tuple(str(extension.name) for extension in self._ws.extensions)

    @property
    def _may_speak(self) -> bool:
        # The protocol is ahead of `ended` while frames wait for their turn: a close may be among them.
        return not self.ended.done() and self._ws.state is State.OPEN

    def request(self, request: Request) -> None:
        """Ask for the upgrade."""
        self._ws.send_request(request)
        self._flush()

    def send(self, text: str) -> None:
        """Send a text message; nothing happens once the session has ended."""
        if self._may_speak:
            self._ws.send_text(text.encode())
            self._flush()

    def ping(self, payload: bytes) -> None:
        """Send a ping; nothing happens once the session has ended."""
        if self._may_speak:
            self._ws.send_ping(payload)
            self._flush()

    def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE, ending: Ending | None = None) -> None:
        """Say goodbye and return at once; the connection is gone within CLOSE_WITHIN_S. Idempotent."""
        if not self.ended.done():
            if self._may_speak:
                self._ws.send_close(code)
            self._end(ending or Ending(int(code), Reason.OK, "closed by rollwatch"))

    def abort(self, ending: Ending | None = None) -> None:
        """Drop the connection now, as ended by `ending`."""
        if not self.ended.done():
            self._end(ending or Ending(CloseCode.ABNORMAL_CLOSURE, Reason.OK, "dropped by rollwatch"))
        if self._transport is not None:
            self._transport.abort()

    # What the transport does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_LIMIT)

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            self._late_bytes += len(data)
            if self._late_bytes > _LATE_DATA_LIMIT:
                self.abort()
            return
        if not self.head.done():
            self._inbox += data
            self._read_head()
            if not self.head.done():
                return
        elif self._rest is not None or not self._may_write or len(data) > self._slice:
            self._inbox += data
        else:
            self._parse(data)
        if self._rest is None:
            self._work()

    def eof_received(self) -> None:
        """Let the transport close itself; `connection_lost` follows."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._lost_by = exc
        if self._linger is not None:
            self._linger.cancel()
        # Nothing can be written any more, so that holds nothing back: what has arrived still counts.
        self._may_write = True
        if not self.head.done():
            self._end(self._loss())
        elif self._rest is None:
            self._work()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        if self._rest is None and self.head.done():
            self._work()

    # How what arrives is worked through.

    def _read_head(self) -> None:
        try:
            found = find_head(self._inbox)
        except BadHeadError as error:
            self._end(Ending(CloseCode.PROTOCOL_ERROR, Reason.PROTOCOL_ERROR, str(error)))
            return
        if found is None:
            return
        head, length = found
        self.head.set_result(head)
        if head.status == 101:
            self._ws.receive_data(bytes(self._inbox[:length]))
            self._ws.events_received()
            problem = self._ws.handshake_exc
            if problem is not None:
                self._end(Ending(CloseCode.PROTOCOL_ERROR, Reason.PROTOCOL_ERROR, _handshake_words(problem)))
            del self._inbox[:length]
        else:
            detail = f"the server answered {head.status} to the upgrade request"
            self._end(Ending(CloseCode.ABNORMAL_CLOSURE, Reason.STATUS, detail))

    def _work(self) -> None:
        self._rest = None
        began = self._clock.monotonic()
        while not self.ended.done():
            if self._frames:
                self._take(self._frames.popleft())
            elif self._ws.parser_exc is not None:
                self._end(_violation(self._ws.parser_exc))
                return
            elif self._inbox and self._may_write:
                part = bytes(self._inbox[: self._slice])
                del self._inbox[: self._slice]
                self._parse(part)
            else:
                break
            if not self._frames and not self._inbox:
                continue
            now = self._clock.monotonic()
            spent = now - began
            if spent >= _TURN_S:
                self.rested_s = now
                self._stop_reading()
                self._rest = self._loop.call_later(spent * _REST_PER_TURN, self._work)
                return
        if self.ended.done():
            return
        if self._is_lost:
            self._end(self._loss())
        elif self._may_write:
            self._go_on_reading()
        else:
            self._stop_reading()

    def _parse(self, data: bytes) -> None:
        self._ws.receive_data(data)
        # The answer of the handshake has been taken: all that comes now are frames.
        events = cast("list[Frame]", self._ws.events_received())
        # Tiny frames cost the most per byte; a smaller slice keeps the turn short.
        self._slice = _DENSE_SLICE if len(events) > _DENSE_FRAMES else _SLICE
        self._frames.extend(events)
        self._flush()

    def _take(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            is_text = opcode is Opcode.TEXT
            if frame.fin:
                self._deliver(bytes(frame.data), is_text=is_text)
            else:
                self._partial, self._is_partial_text = bytearray(frame.data), is_text
        elif opcode is Opcode.CONT and self._partial is not None:
            self._partial += frame.data
            if frame.fin:
                whole, self._partial = self._partial, None
                self._deliver(whole, is_text=self._is_partial_text)
        elif opcode is Opcode.PONG:
            self._sink.pong(bytes(frame.data))
        elif opcode is Opcode.CLOSE:
            self._end(_closed_by_peer(self._ws.close_rcvd))

    def _deliver(self, data: bytes | bytearray, *, is_text: bool) -> None:
        text = None
        if is_text:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                detail = "the server sent a text message that is not UTF-8"
                self._ws.fail(CloseCode.INVALID_DATA, "invalid UTF-8")
                self._end(Ending(CloseCode.INVALID_DATA, Reason.ENCODING_INVALID, detail))
                return
        self._sink.message(data, text)

    def _end(self, ending: Ending) -> None:
        if self.ended.done():
            return
        self._flush()
        self.ended.set_result(ending)
        if not self.head.done():
            self.head.set_result(None)
        self._inbox.clear()
        self._frames.clear()
        self._partial = None
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._transport is not None and not self._is_lost:
            self._go_on_reading()  # only to see the connection end
            self._linger = self._loop.call_later(CLOSE_WITHIN_S, self._transport.abort)

    def _loss(self) -> Ending:
        when = "without a close frame" if self.head.done() else "before it answered the upgrade request"
        failure = lost_failure(self._lost_by, when)
        return Ending(CloseCode.ABNORMAL_CLOSURE, failure.reason, failure.detail)

    def _flush(self) -> None:
        # The empty string asks for a half-close; the end of the connection is ours to decide.
        writes = self._ws.data_to_send()
        if not writes:
            return
        data = b"".join(writes)
        if data and self._transport is not None and not self._is_lost and not self._transport.is_closing():
            self._transport.write(data)

    def _stop_reading(self) -> None:
        if self._is_reading and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._is_reading = False

    def _go_on_reading(self) -> None:
        if not self._is_reading and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._is_reading = True


def _handshake_words(problem: Exception) -> str:
    words = str(problem) if isinstance(problem, InvalidHandshake) else type(problem).__name__
    return f"the upgrade was answered wrongly: {clean(words)}"


def _violation(problem: Exception) -> Ending:
    if isinstance(problem, PayloadTooBig):
        detail = f"the server sent a message larger than the limit: {clean(str(problem))}"
        return Ending(CloseCode.MESSAGE_TOO_BIG, Reason.MESSAGE_TOO_LARGE, detail)
    if isinstance(problem, UnicodeDecodeError):
        detail = "the server sent a close frame whose reason is not UTF-8"
        return Ending(CloseCode.INVALID_DATA, Reason.ENCODING_INVALID, detail)
    detail = f"the server broke the WebSocket protocol: {clean(str(problem))}"
    return Ending(CloseCode.PROTOCOL_ERROR, Reason.PROTOCOL_ERROR, detail)


def _closed_by_peer(close: Close | None) -> Ending:
    code = CloseCode.NO_STATUS_RCVD if close is None else close.code
    words = f"({clean(close.reason)})" if close is not None and close.reason else ""
    detail = f"the server closed the session with code {int(code)} {words}".rstrip()
    return Ending(int(code), Reason.CLOSED_BY_PEER, detail)
