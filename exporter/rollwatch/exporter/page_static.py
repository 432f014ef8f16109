"""The page's own files, under names that change with their content, so that browsers may keep them."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

if TYPE_CHECKING:
    from rollwatch.serving.route import Request

__all__ = ["load_static", "serve_static", "static_url"]

_TYPES = {"css": "text/css", "svg": "image/svg+xml"}


class _File(NamedTuple):
    body: bytes
    content_type: str
    etag: str


def static_url(name: str) -> str:
    """Where `name` (`style.css`) is found. Raises KeyError if there is no such file."""
    return f"static/{load_static().addresses[name]}"


async def serve_static(request: Request) -> web.StreamResponse:
    """`GET /static/{name}`."""
    if not load_static.cache_info().currsize:
        await asyncio.to_thread(load_static)
    file = load_static().by_address.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    headers = {"ETag": f'"{file.etag}"', "Cache-Control": "public, max-age=31536000, immutable"}
    if file.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.body, content_type=file.content_type, headers=headers)


class _Files(NamedTuple):
    addresses: dict[str, str]
    by_address: dict[str, _File]


@cache
def load_static() -> _Files:
    """Read them all. Blocks, once."""
    found = _Files({}, {})
    for entry in resources.files(__package__).joinpath("static").iterdir():
        stem, _, ending = entry.name.rpartition(".")
        if ending in _TYPES:
            body = entry.read_bytes()
            etag = hashlib.sha256(body).hexdigest()[:12]
            address = f"{stem}.{etag}.{ending}"
            found.addresses[entry.name] = address
            found.by_address[address] = _File(body, _TYPES[ending], etag)
    return found
