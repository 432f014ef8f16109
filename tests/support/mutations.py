"""Requests and documents that are almost right: cut, bent, packed, framed in a way that lies."""

from __future__ import annotations

import gzip
import json
import random
import re
from typing import Any

from support.arrivals import request

__all__ = ["hostile_request", "mutated"]

_VALUES = [
    b"1e999", b"-1e999", b"1e-999", b"NaN", b"-Infinity", b"-0", b"01", b".5", b"0x10", b"1_000", b"9" * 400,
    b"9" * 5000, b"-" + b"9" * 5000, b"18446744073709551616", b"null", b"true", b"[]", b"{}", b"[" * 5000,
    b'{"a":' * 5000, b"[[[[[]]]]]", b'""', b'"1"', b'"\x00"', b'"\\u0000"', b'"\\ud800"', b'"\\udfff\\ud800"',
    b'"\xff\xfe"', b'"\xe2\x80\xa8"', b'"\\u202e"', b'"__proto__"', b'"__class__"', b'"%s%n{0}"', b"/**/",
    b"'x'", b'"' + b"A" * 70_000 + b'"',
]  # fmt: skip
_SCALAR = re.compile(rb'(?<=: )("[^"]*"|-?[0-9.e+]+|true|false|null)')
_ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig")
_CONTENT_TYPES = (
    "", "text/html", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
    'text/plain; charset="', ";", "a" * 3000, "application/json, text/plain", "\xe9/\xe9",
)  # fmt: skip
_LENGTHS = ("-1", "1e3", "99999999999999999999", "0x10", "", "5, 5", "+5", " 5 ", "\xb2")
_NAMES = (
    "Authorization", "Origin", "Idempotency-Key", "X-Forwarded-For", "User-Agent", "Host", "Cookie", "Accept",
    "Accept-Language", "Sec-Fetch-Site", "Expect", "Upgrade", "Connection", "Range", "If-None-Match",
)  # fmt: skip
_HEADERS = (
    "", "\x7f", "\xe9", "[::1", "a:99999", "Basic !!!", "Basic " + "A" * 100, "Bearer " + "x" * 5000, "null",
    "100-continue", "websocket", "nonsense", "http://[", "http://a:b:c", '"', "a,b,c," * 200, "%00", "../..",
    "::ffff:1.2.3.4", "1.2.3.4:99999999", "close, keep-alive, upgrade", "bytes=0-", "*/*;q=x",
)  # fmt: skip
_QUERIES = ("%ff", "%00", "x" * 3000, "api&service=web", "[", "%F0%9F")
_METHODS = (
    "GET",
    "PUT",
    "OPTIONS",
    "HEAD",
    "TRACE",
    "CONNECT",
    "DELETE",
    "PRI",
    "post",
    "P\x00ST",
    "X" * 3000,
)


def mutated(document: Any, rng: random.Random) -> bytes:
    """JSON with something wrong about it; now and then nothing is."""
    text = json.dumps(document).encode()
    at = rng.randrange(len(text))
    match rng.randrange(9):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + rng.choice(_VALUES) + text[at:]
        case 2 | 3:
            spot = rng.choice(list(_SCALAR.finditer(text)))
            return text[: spot.start()] + rng.choice(_VALUES) + text[spot.end() :]
        case 4:
            return text.decode().encode(rng.choice(_ENCODINGS))
        case 5:
            return _bent(text, rng)
        case 6:
            return gzip.compress(text)
        case 7:
            name, _, rest = text[1:].partition(b":")
            return b"{" + name + b":" + rest[:-1] + b", " + name + b": 1}"
        case _:
            return rng.choice([b"", b"\x00" * 50, b" " * 60_000, text + text, b"[" * 60_000, *_VALUES])


def hostile_request(path: str, body: bytes, headers: dict[str, str], rng: random.Random) -> bytes:
    """A request with `body`; in every second one something is wrong with the request itself."""
    said = dict(headers)
    match rng.randrange(20):
        case 0:
            said["Content-Type"] = rng.choice(_CONTENT_TYPES)
        case 1:
            said["Content-Encoding"] = rng.choice(["gzip", "br", "identity", "deflate, gzip", ""])
        case 2:
            said["Content-Length"] = rng.choice(_LENGTHS)
        case 3:
            return _in_chunks(path, body, said, rng)
        case 4:
            said[rng.choice(_NAMES)] = rng.choice(_HEADERS)
        case 5:
            path = rng.choice(
                [f"{path}?service={rng.choice(_QUERIES)}", f"{path}?{'a=b&' * 1000}", f"/{path}", f"{path}/",
                 path.upper(), f"http://[::1{path}", f"http://a:999999{path}", "*", f"/%2e%2e{path}",
                 f"{path}\x80"]
            )  # fmt: skip
        case 6:
            return request(path, body, method=rng.choice(_METHODS), headers=said)
        case 7:
            return request(path, body, headers=said)[: rng.randrange(1, 200)]
        case 8:
            whole = request(path, body, headers={**said, "Connection": "keep-alive"})
            return whole + rng.choice([b"garbage\r\n\r\n", rng.randbytes(300), whole * 4, b"\r\n" * 50])
        case 9:
            return rng.randbytes(rng.randrange(1, 500))
        case 10:
            return _bent(request(path, body, headers=said)[:300], rng)
    return request(path, body, headers=said)


def _bent(data: bytes, rng: random.Random) -> bytes:
    bent = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        bent[rng.randrange(len(bent))] = rng.randrange(256)
    return bytes(bent)


def _in_chunks(path: str, body: bytes, headers: dict[str, str], rng: random.Random) -> bytes:
    """In chunked coding, which may lie."""
    coding = rng.choice(["chunked", "chunked", "chunked, chunked", "gzip, chunked", "identity"])
    head = request(path, headers={**headers, "Transfer-Encoding": coding})
    size = b"%x" % len(body)
    return head.replace(b"Content-Length: 0\r\n", b"") + rng.choice(
        [
            size + b"\r\n" + body + b"\r\n0\r\n\r\n",
            size + b";a=b\r\n" + body + b"\r\n0\r\nX: y\r\n\r\n",
            b"zz\r\n",
            b"-5\r\nabc\r\n",
            b"5\r\nab\r\n0\r\n\r\n",
            b"ffffffffffffffff\r\nx",
        ]
    )
