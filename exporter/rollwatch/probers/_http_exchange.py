"""One HTTP/1.1 exchange on one connection: request bytes out, an answer in, within limits (RFC 9112).

The parser is llhttp. What a hostile server can make us hold or do is bounded: head 64 KiB and 256 fields, ten
interim answers, the body by its limit, chunk overhead and trailers by the size of the body.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from httptools import HttpResponseParser
from httptools.parser.errors import HttpParserError

from rollwatch.errors import ProbeFailure
from rollwatch.model import Phase, Reason
from rollwatch.probers._http_answer import BodyFailure, Headers, Response
from rollwatch.probers._socket_errors import lost_failure
from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.probers.run import Run

__all__ = ["Exchange"]

_HEAD_LIMIT = 64 * 1024
_FIELD_LIMIT = 256
_INTERIM_LIMIT = 10
_OVERHEAD_LIMIT = 64 * 1024
_OVERHEAD_PER_BYTE = 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Exchange(asyncio.Protocol):
    """The protocol of a connection that is asked one question at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._parser: HttpResponseParser | None = None
        self._early = b""
        self._is_lost = False
        self._lost_by: Exception | None = None
        self.is_reusable = False
        """Whether the connection may be asked again: the last answer was whole and nothing followed it."""
        self.has_answered = False
        """Whether any byte of an answer came since the last question."""

    def ask(
        self,
        run: Run,
        wire: bytes,
        *,
        method: str,
        body_limit: int,
        keep: bool = False,
        follow: bool = False,
    ) -> asyncio.Future[Response]:
        """Send a request; the future is its answer, the body not decoded yet, or the ProbeFailure.

        Without `keep` the connection is gone when the future is done. With `follow` a redirect is done when
        its head is: nobody needs its body.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._run = run
        self._method = method
        self._limit = body_limit
        self._keep = keep
        self._follow = follow
        self._head_bytes = 0
        self._wire_bytes = 0
        self._interims = 0
        self._is_head_done = False
        self._fields: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._length: int | None = None
        self._status = 0
        self._headers = Headers([])
        self.has_answered = False
        self.is_reusable = False
        self._parser = HttpResponseParser(self)
        run.enter(Phase.PROCESSING)
        if self.transport is not None and not self._is_lost:
            self.transport.write(wire)
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)
        if self._is_lost:
            self._lost(self._lost_by)
        return self._answer

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream: always a Transport

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self._early += data
            return
        if answer.done():
            self.is_reusable = False
            return
        if not self.has_answered:
            self.has_answered = True
            self._run.enter(Phase.TRANSFER)
        try:
            self._feed(data)
        except HttpParserError as error:
            if not answer.done():
                self._fail(self._failure_of(error, data))
        if answer.done() and not self.is_reusable:
            self._parser = None  # it refers to us: left alone, each run would leave a cycle to the collector

    def eof_received(self) -> bool | None:
        self._lost(None)
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._lost_by = exc
        self._lost(exc)

    # What the parser calls. Exceptions end the parsing and arrive in `data_received`.

    def on_message_begin(self) -> None:
        if self._answer is not None and self._answer.done():
            self.is_reusable = False  # something follows the answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head_done:
            return  # trailers are not looked at
        if len(self._fields) >= _FIELD_LIMIT:
            raise ProbeFailure(
                Reason.PROTOCOL_ERROR, f"the answer has more than {_FIELD_LIMIT} header fields"
            )
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self._answer is None or self._answer.done() or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self._interims += 1
            if self._interims > _INTERIM_LIMIT:
                raise ProbeFailure(Reason.PROTOCOL_ERROR, f"more than {_INTERIM_LIMIT} interim answers (1xx)")
            return
        self._is_head_done = True
        self._status = status
        self._headers = Headers(self._fields)
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            raise ProbeFailure(Reason.PROTOCOL_ERROR, f"answered with HTTP {self._parser.get_http_version()}")
        if self._follow and status in _REDIRECTS and "location" in self._headers:
            self._finish(self._response(), whole=False)
            return
        if self._method == "HEAD" or status in (101, 204, 304):
            self._finish(self._response(), whole=status != 101 and self._parser.should_keep_alive())
            return
        if "transfer-encoding" not in self._headers:
            self._length = self._headers.content_length
            if self._length is not None and self._length > self._limit:
                self._too_large(f"the answer's body has {self._length} bytes")

    def on_body(self, data: bytes) -> None:
        if len(self._body) + len(data) > self._limit:
            self._too_large(f"the answer's body is longer than {self._limit} bytes")
        self._body += data

    def on_message_complete(self) -> None:
        if self._answer is None or self._answer.done():
            return
        if not self._is_head_done:
            self._fields = []  # an interim answer; the real one follows
            return
        self._finish(self._response(), whole=self._parser is not None and self._parser.should_keep_alive())

    # How it ends.

    def _feed(self, data: bytes) -> None:
        assert self._parser is not None  # noqa: S101  set by `ask`, before anything is fed
        if not self._is_head_done:
            room = _HEAD_LIMIT - self._head_bytes
            if room <= 0:
                raise HttpParserError("head too large")
            part = data[:room]
            self._head_bytes += len(part)
            self._parser.feed_data(part)
            data = data[room:]
            if data and not self._is_head_done:
                self._fail(
                    ProbeFailure(
                        Reason.PROTOCOL_ERROR, f"the answer's head is longer than {_HEAD_LIMIT // 1024} KiB"
                    )
                )
            if not data or self._is_done:
                return
        self._wire_bytes += len(data)
        self._parser.feed_data(data)
        overhead = self._wire_bytes - len(self._body)
        if overhead > _OVERHEAD_LIMIT + _OVERHEAD_PER_BYTE * len(self._body) and not self._is_done:
            self._fail(ProbeFailure(Reason.PROTOCOL_ERROR, "the answer is nearly all framing and no body"))

    @property
    def _is_done(self) -> bool:
        return self._answer is None or self._answer.done()

    def _response(self) -> Response:
        version = self._parser.get_http_version() if self._parser is not None else ""
        return Response(self._status, self._headers, bytes(self._body), version)

    def _too_large(self, words: str) -> None:
        raise BodyFailure(
            Reason.BODY_TOO_LARGE, f"{words}; body_limit allows {self._limit}", self._response()
        )

    def _finish(self, response: Response, *, whole: bool) -> None:
        if self._answer is None or self._answer.done():
            return
        self.is_reusable = self._keep and whole
        self._answer.set_result(response)
        if not self.is_reusable:
            self.abort()

    def _fail(self, failure: ProbeFailure) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)
        self.abort()

    def abort(self) -> None:
        """End the connection now."""
        self.is_reusable = False
        if self.transport is not None:
            self.transport.abort()

    def _failure_of(self, error: HttpParserError, data: bytes) -> ProbeFailure:
        cause = error.__context__
        if isinstance(cause, ProbeFailure):
            return cause
        if not self._is_head_done and data[:2] == b"\x15\x03":
            return ProbeFailure(Reason.PROTOCOL_ERROR, "the target speaks TLS here; use https://")
        where = "framing of the answer's body" if self._is_head_done else "answer"
        return ProbeFailure(Reason.PROTOCOL_ERROR, f"the {where} is not HTTP/1.1: {clean(str(error), 120)}")

    def _lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        if self._answer is None or self._answer.done():
            return
        if not self._is_head_done:
            when = "in the middle of the answer's head" if self.has_answered else "before it answered"
            self._fail(lost_failure(exc, when))
        elif self._length is not None:
            self._fail(lost_failure(exc, f"after {len(self._body)} of {self._length} bytes of the body"))
        elif exc is not None or self._headers.get("transfer-encoding") is not None:
            self._fail(lost_failure(exc, "in the middle of the body"))
        else:
            self._finish(self._response(), whole=False)  # a body that lasts until the connection ends
