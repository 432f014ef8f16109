"""`GET /`, `GET /probe?id=service/probe` and the files they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.exporter.page import message_page, probe_page, status_page
from rollwatch.exporter.page_arriving import ArrivingLine
from rollwatch.exporter.page_static import page_files
from rollwatch.serving.negotiation import HTML
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from enum import StrEnum

    from rollwatch.engine.view import Monitor
    from rollwatch.serving.route import Request

__all__ = ["page_routes"]

_REFRESH_S = 15
_REFRESH_MIN_S = 5
_REFRESH_MAX_S = 3600


Arriving = Callable[[float], Mapping[str, tuple[ArrivingLine, ...]]]
"""What arrives at each service by itself, at a moment in Unix seconds."""


def page_routes(
    monitor: Monitor, roles: frozenset[StrEnum], arriving: Arriving = lambda _: {}
) -> list[Route]:
    """The pages, for callers with one of `roles`, and their files, for anyone."""
    return [
        Route("GET", "/", partial(_status, monitor, arriving), roles),
        Route("GET", "/probe", partial(_probe, monitor), roles),
        Route("GET", "/static/{name}", page_files().answer, ANYONE),
    ]


async def _status(monitor: Monitor, arriving: Arriving, request: Request) -> web.StreamResponse:
    view = monitor.view()
    return _html(await status_page(view, _refresh_s(request), arriving=arriving(view.generated_at)))


async def _probe(monitor: Monitor, request: Request) -> web.StreamResponse:
    view = monitor.view()
    wanted = request.query.get("id", "")
    for service in view.services:
        for probe in service.probes:
            if probe.id == wanted:
                return _html(await probe_page(view, probe, _refresh_s(request)))
    body = await message_page(
        "There is no such probe here.", "It may have left the configuration; the status page lists them all."
    )
    return _html(body, status=404)


def _refresh_s(request: Request) -> int:
    """Seconds between reloads by the browser; 0 is never."""
    text = request.query.get("refresh", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return _REFRESH_S
    return min(max(int(text), _REFRESH_MIN_S), _REFRESH_MAX_S) if int(text) else 0


def _html(body: str, *, status: int = 200) -> web.Response:
    return web.Response(status=status, text=body, content_type=HTML)
