"""One line per request at level debug: no query strings, no credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiohttp.abc import AbstractAccessLogger

from rollwatch.serving.access import ANONYMOUS, PRINCIPAL

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["AccessLog"]

_log = structlog.get_logger(__name__)


class AccessLog(AbstractAccessLogger):
    """Called by aiohttp when an answer is through, or its client is gone."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        principal = request.get(PRINCIPAL, ANONYMOUS)
        _log.debug(
            "request",
            method=request.method,
            # As it was sent, percent signs and all: nothing in it can break a line of the log.
            path=request.rel_url.raw_path[:200],
            status=response.status,
            bytes=response.body_length,
            duration_ms=round(time * 1000, 1),
            client=request.remote,
            caller=principal.name or principal.kind,
        )
