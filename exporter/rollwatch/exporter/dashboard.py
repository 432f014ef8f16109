"""`GET /api/monitoring/dashboard`: the state as JSON, and the schema it keeps to (`dashboard_types`)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from rollwatch.clock import SystemClock
from rollwatch.exporter.dashboard_types import SCHEMA_VERSION, DashboardJson
from rollwatch.model import Reason, Verdict
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from enum import StrEnum

    from rollwatch.clock import Clock
    from rollwatch.engine.view import Monitor, ProbeView, ProductionView, RunRecord, ServiceView
    from rollwatch.serving.route import Request

__all__ = ["dashboard_json", "dashboard_routes", "dashboard_schema"]

_SLICE_S = 0.005


def dashboard_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the answer."""
    schema = DashboardJson.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rollwatch dashboard",
        **{key: value for key, value in schema.items() if key != "title"},
    }


async def dashboard_json(
    view: ProductionView, service: str | None = None, clock: Clock | None = None
) -> bytes:
    """The document; of one service only, if `service` says so. Lets the loop turn every few milliseconds."""
    clock = clock or SystemClock()
    services = [s for s in view.services if service is None or s.name == service]
    verdicts = [probe.verdict for s in services for probe in s.probes]
    head = orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "environment": view.environment,
            "location": view.location,
            "generated_at": view.generated_at,
            "started_at": view.started_at,
            "config": {"loaded_at": view.config_loaded_at, "problem": view.config_problem},
            "loop_lag_seconds": view.loop_lag_s,
            "summary": {"probes": len(verdicts), **{v.value: verdicts.count(v) for v in Verdict}},
        }
    )
    pieces: list[bytes] = []
    until = clock.monotonic() + _SLICE_S
    for one in services:
        probes: list[bytes] = []
        for probe in one.probes:
            probes.append(orjson.dumps(_probe(probe)))
            if clock.monotonic() >= until:
                await asyncio.sleep(0)
                until = clock.monotonic() + _SLICE_S
        pieces.append(_with_list(orjson.dumps(_service(one)), "probes", probes))
    return _with_list(head, "services", pieces)


def dashboard_routes(monitor: Monitor, roles: frozenset[StrEnum]) -> list[Route]:
    """The document and its schema."""
    schema = orjson.dumps(dashboard_schema(), option=orjson.OPT_INDENT_2)
    return [
        Route("GET", "/api/monitoring/dashboard", partial(_dashboard, monitor), roles),
        Route("GET", "/api/monitoring/dashboard.schema.json", partial(_schema, schema), ANYONE),
    ]


async def _dashboard(monitor: Monitor, request: Request) -> web.StreamResponse:
    view = monitor.view()
    service = request.query.get("service")
    if service is not None and not any(service == known.name for known in view.services):
        raise Refusal(
            404, "unknown_service", "There is no such service here.", "Leave ?service= out to see them all."
        )
    return web.Response(body=await dashboard_json(view, service), content_type="application/json")


async def _schema(schema: bytes, _: Request) -> web.StreamResponse:
    return web.Response(body=schema, content_type="application/schema+json")


def _with_list(document: bytes, name: str, items: list[bytes]) -> bytes:
    """`document`, a JSON object that is not empty, with one more member."""
    return document[:-1] + b',"' + name.encode() + b'":[' + b",".join(items) + b"]}"


def _service(service: ServiceView) -> dict[str, Any]:
    return {
        "name": service.name,
        "owner": service.owner,
        "verdict": service.verdict,
        "version": None if service.version is None else _valid(service.version),
        "version_changed_at": service.version_changed_at,
        "links": {name: _valid(url) for name, url in service.links.items()},
    }


def _probe(probe: ProbeView) -> dict[str, Any]:
    return {
        "id": probe.id,
        "service": probe.service,
        "name": probe.name,
        "kind": probe.kind,
        "role": probe.role,
        "target": _valid(probe.target),
        "status_page": None if probe.status_page is None else _valid(probe.status_page),
        "interval_seconds": probe.interval_s,
        "timeout_seconds": probe.timeout_s,
        "verdict": probe.verdict,
        "reason": Reason.NOT_STARTED if probe.last is None else probe.last.reason,
        "verdict_since": probe.since_at,
        "last_run": None if probe.last is None else _last_run(probe.last),
        "last_success_at": probe.last_success_at,
        "next_run_at": probe.next_run_at,
        "skipped_runs": probe.skipped_runs,
        "recent": [_run(record) for record in probe.recent],
        "components": [
            {
                "name": _valid(c.name),
                "is_up": c.is_up,
                "is_critical": c.is_critical,
                "word": _valid(c.word),
            }
            for c in probe.components
        ],
    }


def _run(record: RunRecord) -> dict[str, Any]:
    return {
        "started_at": record.started_at,
        "duration_seconds": record.duration_s,
        "verdict": record.verdict,
        "reason": record.reason,
    }


def _last_run(record: RunRecord) -> dict[str, Any]:
    phases = {phase.value: spent for phase, spent in record.phases.items()}
    return {**_run(record), "detail": _valid(record.detail), "phases": phases}


def _valid(text: str) -> str:
    """`text` without lone surrogates, which JSON in UTF-8 has no way to write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
