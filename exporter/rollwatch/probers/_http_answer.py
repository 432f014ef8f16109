"""An answer as the kinds see it, and its body decoded within bounds."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import orjson

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BodyFailure", "Headers", "Response", "decode_body", "error_said", "parse_json", "retry_after_s"]

_RETRY_AFTER_LIMIT_S = 86_400.0
_SLICE = 128 * 1024
_MEMBERS = 16
_LARGE_BODY = 64 * 1024


class Headers:
    """Header fields; names compare without case, values are decoded as ISO 8859-1."""

    __slots__ = ("_fields", "_first")

    def __init__(self, fields: list[tuple[bytes, bytes]]) -> None:
        self._fields = fields
        self._first: dict[bytes, bytes] = {}
        for name, value in fields:
            self._first.setdefault(name.lower(), value)

    def get(self, name: str) -> str | None:
        """The value of the first field of that name."""
        value = self._first.get(name.lower().encode("latin-1"))
        return value.decode("latin-1").strip() if value is not None else None

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1").strip() for found, value in self._fields if found.lower() == wanted]

    @property
    def content_length(self) -> int | None:
        """What the answer declares; None if nothing that is a number."""
        text = self._first.get(b"content-length")
        return int(text) if text is not None and text.isdigit() and len(text) < 20 else None

    def __contains__(self, name: str) -> bool:
        return name.lower().encode("latin-1") in self._first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@dataclass(slots=True)
class Response:
    """One answer. `body` is decoded, at most `body_limit` bytes; `url` is for people, without secrets."""

    status: int
    headers: Headers
    body: bytes
    http_version: str
    url: str = ""

    @property
    def text(self) -> str:
        """The body as text: UTF-8, anything else in it as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_large(self) -> bool:
        """Whether the body is taken apart in a thread, so that nobody waits for it."""
        return len(self.body) > _LARGE_BODY

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"


class BodyFailure(ProbeFailure):
    """The head came, and the body is no good: too large, or not decodable. `response` holds what there is."""

    def __init__(self, reason: Reason, detail: str, response: Response) -> None:
        self.response = response
        super().__init__(reason, detail)


async def decode_body(response: Response, limit: int) -> Response:
    """The same with its Content-Encoding undone, in slices, so that nobody waits for a large one.

    Raises BodyFailure: BODY_TOO_LARGE past `limit` bytes, ENCODING_INVALID for what is not what it says.
    """
    coding = (response.headers.get("content-encoding") or "identity").lower()
    if coding == "identity" or not response.body:
        return response
    if coding in ("gzip", "x-gzip"):
        bits = 31
    elif coding == "deflate":
        # RFC 9110 means the zlib format; some servers send the bare stream.
        first = int.from_bytes(response.body[:2], "big")
        bits = 15 if response.body[0] & 0x0F == 8 and first % 31 == 0 else -15
    else:
        raise BodyFailure(
            Reason.ENCODING_INVALID,
            f"the body's Content-Encoding is {clean(coding, 40)}, not asked for",
            response,
        )
    try:
        return replace(response, body=await _inflate(response, bits, limit))
    except zlib.error:
        raise BodyFailure(Reason.ENCODING_INVALID, f"the body is no valid {coding} data", response) from None


async def _inflate(response: Response, bits: int, limit: int) -> bytes:
    decoded = bytearray()
    rest = response.body
    for _ in range(_MEMBERS):
        inflater = zlib.decompressobj(bits)
        while not inflater.eof:
            piece = inflater.decompress(rest, _SLICE)
            rest = inflater.unconsumed_tail
            decoded += piece
            if len(decoded) > limit:
                detail = f"the answer's body decodes to more than {limit} bytes, which body_limit allows"
                raise BodyFailure(Reason.BODY_TOO_LARGE, detail, replace(response, body=b""))
            if not piece and not rest and not inflater.eof:
                raise BodyFailure(Reason.ENCODING_INVALID, "the compressed body ends too early", response)
            if rest:
                await asyncio.sleep(0)
        rest = inflater.unused_data
        if not rest or bits != 31:
            return bytes(decoded)
    raise BodyFailure(Reason.ENCODING_INVALID, f"the body has more than {_MEMBERS} gzip members", response)


def parse_json(response: Response) -> Any:
    """The body as JSON. Raises ProbeFailure: ENCODING_INVALID (not UTF-8), JSON_INVALID (not JSON)."""
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        try:
            response.body.decode("utf-8")
        except UnicodeDecodeError as wrong:
            raise ProbeFailure(
                Reason.ENCODING_INVALID, f"the body is not UTF-8: byte {wrong.start} is not valid"
            ) from None
        what = "is empty" if not response.body.strip() else f"is not JSON: {clean(error.msg, 80)}"
        where = f" (line {error.lineno}, column {error.colno})" if response.body.strip() else ""
        raise ProbeFailure(Reason.JSON_INVALID, f"the body {what}{where}") from None


def error_said(document: object) -> str:
    """What a document itself says went wrong, to be added to a sentence; JSON-RPC answers 200 to that."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        error = error.get("message")
    return f"; it says '{clean(error, 100)}'" if isinstance(error, str) and error else ""


def retry_after_s(headers: Headers, now: float) -> float | None:
    """What Retry-After asks for in seconds (RFC 9110 section 10.2.3), at most a day; `now` is Unix time."""
    text = headers.get("retry-after")
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        wait = float(text[:9])
    else:
        try:
            wait = parsedate_to_datetime(text[:64]).timestamp() - now
        except (ValueError, OverflowError, OSError):
            return None
    return min(max(wait, 0.0), _RETRY_AFTER_LIMIT_S)
