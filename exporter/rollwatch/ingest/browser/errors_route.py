"""`GET /api/monitoring/errors`: the errors of browsers as JSON, for operators."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from aiohttp import web

from rollwatch.clock import SystemClock
from rollwatch.ingest.browser.errors_types import ErrorsJson
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from rollwatch.clock import Clock
    from rollwatch.ingest.browser.errors import GroupView
    from rollwatch.serving.route import Request

__all__ = ["ShowsErrors", "errors_routes", "errors_schema"]

_DEFAULT_LIMIT = 50
_MOST = 200
_SLICE = 20
"""Groups written at once; each may be 20 KB."""


class ShowsErrors(Protocol):
    """Who has them: `BrowserIntake`."""

    def errors(self) -> Mapping[str, list[GroupView]]:
        """The groups by service, newest first."""
        ...


def errors_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the answer."""
    schema = ErrorsJson.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rollwatch browser errors",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def errors_routes(intake: ShowsErrors, roles: frozenset[StrEnum], clock: Clock | None = None) -> list[Route]:
    """The document, for callers with one of `roles`, and its schema."""
    schema = orjson.dumps(errors_schema(), option=orjson.OPT_INDENT_2)
    answer = partial(_errors, intake, clock or SystemClock())
    return [
        Route("GET", "/api/monitoring/errors", answer, roles),
        Route("GET", "/api/monitoring/errors.schema.json", partial(_schema, schema), ANYONE),
    ]


async def _errors(intake: ShowsErrors, clock: Clock, request: Request) -> web.StreamResponse:
    limit = _limit(request.query.get("limit"))
    wanted = request.query.get("service")
    services = intake.errors()
    if wanted is not None and wanted not in services:
        raise Refusal(
            404,
            "unknown_service",
            "There is no such service here, or it has no browser section.",
            "Leave ?service= out to see them all.",
        )
    pieces = [b'{"generated_at":', orjson.dumps(clock.wall()), b',"services":[']
    shown = {name: groups for name, groups in services.items() if wanted in {None, name}}
    for index, (name, groups) in enumerate(shown.items()):
        pieces += [b"," if index else b"", b'{"service":', orjson.dumps(name), b',"groups":[']
        for start in range(0, min(len(groups), limit), _SLICE):
            some = [_group(view) for view in groups[start : min(start + _SLICE, limit)]]
            pieces += [b"," if start else b"", orjson.dumps(some)[1:-1]]
            await asyncio.sleep(0)
        pieces.append(b"]}")
    pieces.append(b"]}")
    return web.Response(body=b"".join(pieces), content_type="application/json")


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= _MOST:
        return int(text)
    raise Refusal(
        400, "limit_invalid", f"limit is no number from 1 to {_MOST}.", "Correct it, or leave it out."
    )


def _group(view: GroupView) -> dict[str, object]:
    return {
        "group": view["fingerprint"],
        "title": view["title"],
        "kind": view["kind"],
        "message": view["message"],
        "stack": view["stack"],
        "path": view["path"],
        "route": view["route"],
        "releases": view["releases"],
        "browsers": view["browsers"],
        "sessions": view["sessions"],
        "count": view["count"],
        "first_seen_at": view["first_seen"],
        "last_seen_at": view["last_seen"],
        "ignored_by": view["ignored_by"],
    }


async def _schema(schema: bytes, _: Request) -> web.StreamResponse:
    return web.Response(body=schema, content_type="application/schema+json")
