"""`GET /rum.js`: the script that pages load, with the settings of their service."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import orjson
import structlog
from aiohttp import web

from rollwatch.metrics.negotiation import accepts_gzip
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.serving.route import Request

__all__ = ["Script", "read_script"]

_log = structlog.get_logger(__name__)

_REMEDY = (
    "Run `make rum` in the source tree (it needs Node and npm), or install a package or image that was built "
    "with Node."
)


def read_script() -> bytes | None:
    """The script as it was built into the package, or None. Blocks."""
    file = resources.files("rollwatch.ingest").joinpath("static", "rum.js")
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


@dataclass(slots=True)
class _Served:
    """The script for one service. `etag` is without quotes."""

    body: bytes
    etag: str
    compressed: bytes | None = None


class Script:
    """Serves `script`, which is a function expression, called with the settings."""

    def __init__(self, script: bytes | None) -> None:
        self._script = script
        self._samples: Mapping[str, float] = {}
        self._served: dict[str, _Served] = {}
        self._is_told = False

    def configure(self, samples: Mapping[str, float]) -> None:
        """Serve these services from now on; `samples` has the share of their sessions that report."""
        if samples and self._script is None and not self._is_told:
            self._is_told = True
            _log.warning(
                "browser_script_missing",
                effect="/rum.js answers 503, and pages that load it report nothing; all else works",
                remedy=_REMEDY,
            )
        self._served = {
            name: served
            for name, served in self._served.items()
            if name in samples and samples[name] == self._samples[name]
        }
        self._samples = dict(samples)

    def routes(self) -> list[Route]:
        """For the listener that browsers reach."""
        return [Route("GET", "/rum.js", self._answer, ANYONE)]

    async def _answer(self, request: Request) -> web.StreamResponse:
        served = self._for(self._service(request))
        headers = {
            "Cache-Control": "public, max-age=3600",
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
        }
        body, etag = served.body, served.etag
        if accepts_gzip(request.headers.get("Accept-Encoding")):
            if served.compressed is None:
                served.compressed = await asyncio.to_thread(gzip.compress, body, 9, mtime=0)
            body, etag = served.compressed, f"{etag}-gzip"
            headers["Content-Encoding"] = "gzip"
        headers["ETag"] = f'"{etag}"'
        if f'"{etag}"' in request.headers.get("If-None-Match", ""):
            headers.pop("Content-Encoding", None)
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=body, content_type="application/javascript", charset="utf-8", headers=headers
        )

    def _service(self, request: Request) -> str:
        name = request.query.get("service")
        if name is None:
            if len(self._samples) == 1:
                return next(iter(self._samples))
            raise Refusal(
                400,
                "service_missing",
                "Which service the page belongs to is not said.",
                "Load it as /rum.js?service=NAME, with a service that has `browser` in rollwatch.yml.",
            )
        if name not in self._samples:
            raise Refusal(
                404,
                "unknown_service",
                "No service of this name takes beacons.",
                "Give the service a browser section in rollwatch.yml.",
            )
        return name

    def _for(self, service: str) -> _Served:
        if self._script is None:
            raise Refusal(
                503, "script_missing", "The browser script is not part of this installation.", _REMEDY
            )
        served = self._served.get(service)
        if served is None:
            settings = orjson.dumps({"service": service, "sample": self._samples[service]})
            body = self._script.rstrip() + b"(" + settings + b");\n"
            etag = hashlib.sha256(body).hexdigest()[:16]
            served = self._served[service] = _Served(body, etag)
        return served
