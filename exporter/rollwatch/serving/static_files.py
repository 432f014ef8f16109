"""A program's own files for browsers, under names that change with their content: they may be kept."""

from __future__ import annotations

import asyncio
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

if TYPE_CHECKING:
    from rollwatch.serving.route import Request

__all__ = ["StaticFiles"]

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class _File(NamedTuple):
    body: bytes
    content_type: str
    etag: str


class _Files(NamedTuple):
    addresses: dict[str, str]
    by_address: dict[str, _File]


class StaticFiles:
    """The directory `static` of `package`; read once, by whoever comes first."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._read: _Files | None = None

    def load(self) -> None:
        """Read them all. Blocks, once."""
        if self._read is None:
            self._read = _load(self._package)

    def url(self, name: str) -> str:
        """Where `name` (`style.css`) is found. Raises KeyError if there is no such file."""
        return f"static/{self._files.addresses[name]}"

    async def answer(self, request: Request) -> web.StreamResponse:
        """`GET /static/{name}`."""
        if self._read is None:
            await asyncio.to_thread(self.load)
        file = self._files.by_address.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        headers = {"ETag": f'"{file.etag}"', "Cache-Control": "public, max-age=31536000, immutable"}
        if file.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, content_type=file.content_type, headers=headers)

    @property
    def _files(self) -> _Files:
        if self._read is None:
            self._read = _load(self._package)
        return self._read


def _load(package: str) -> _Files:
    found = _Files({}, {})
    for entry in resources.files(package).joinpath("static").iterdir():
        stem, _, ending = entry.name.rpartition(".")
        if ending in _TYPES:
            body = entry.read_bytes()
            etag = hashlib.sha256(body).hexdigest()[:12]
            address = f"{stem}.{etag}.{ending}"
            found.addresses[entry.name] = address
            found.by_address[address] = _File(body, _TYPES[ending], etag)
    return found
