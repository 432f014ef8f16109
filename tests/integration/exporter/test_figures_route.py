"""`GET /api/metrics`: what operators see of figures and records, and that age shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from rollwatch.exporter.figures_route import figures_json, figures_routes
from rollwatch.exporter.figures_types import FiguresJson
from rollwatch.serving.route import ANYONE
from support.manual_clock import ManualClock
from support.pushing import TOKEN, HurriedClock, Pushing, loaded, made, pushing
from support.turns import turns_of_the_loop
from support.web import listening

CONFIG = """
environment: test
services:
  web:
    features:
      checkout: {core: true, endpoints: [/cart, /pay]}
      browse: {endpoints: [/]}
    push: {token: "${env:TOKEN}"}
    figures:
      app_streams:
        type: gauge
        help: Live streams.
        labels: {room: any}
        stale_after: 60s
        expire_after: 5m
        limits: {P1: {below: 1, for: 10m}, P3: {above: 500}}
      app_claims_total: {type: counter, help: Claims., limits: {P2: {above: 5, per: 1h}}}
      app_export_seconds: {type: histogram, help: Exports., buckets: [1, 10], stale_after: 60s}
    records:
      trades: {id: id, keep: 30, rules: [{field: price, required: true, min: 0}]}
  api:
    push: {tokens: ["${env:TOKEN}"]}
    figures: {app_jobs_total: {type: counter, help: Jobs.}}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def parts(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Pushing]:
    async with pushing(await loaded(tmp_path, CONFIG, env={"TOKEN": TOKEN}), clock) as parts:
        yield parts


@pytest.fixture
async def operators(parts: Pushing, clock: ManualClock) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        listening(routes=figures_routes(parts.board, ANYONE, clock)) as listener,
        aiohttp.ClientSession(listener.url) as session,
    ):
        yield session


async def read(operators: aiohttp.ClientSession, query: str = "?service=web") -> dict[str, Any]:
    async with operators.get(f"/api/metrics{query}") as answer:
        assert answer.status == 200
        document: dict[str, Any] = await answer.json()
    jsonschema.validate(document, FiguresJson.model_json_schema(mode="serialization"))
    return document


async def push(parts: Pushing, **document: Any) -> None:
    assert (await parts.push({"service": "web", **document})).status == 200


async def test_it_shows_everything_that_is_declared_and_what_arrived(
    parts: Pushing, operators: aiohttp.ClientSession, clock: ManualClock
) -> None:
    came = clock.wall()
    await push(
        parts,
        metrics=[
            {"name": "app_streams", "labels": {"room": "b"}, "value": 4},
            {"name": "app_streams", "labels": {"room": "a"}, "value": 2},
            {"name": "app_export_seconds", "observe": [0.5, 20, 1]},
        ],
        records={"trades": [{"id": n, "price": 1.5 if n else -1, "deep": {"er": 1}} for n in (0, 1, 2, 1)]},
    )
    clock.advance(5)
    document = await read(operators, "")
    assert (document["schema_version"], document["environment"]) == (1, "test")
    assert document["generated_at"] == came + 5
    assert [service["name"] for service in document["services"]] == ["api", "web"]
    claims, export, streams = document["services"][1]["figures"]
    assert streams == {
        "name": "app_streams",
        "type": "gauge",
        "help": "Live streams.",
        "labels": ["room"],
        "updated_at": came,
        "is_stale": False,
        "stale_after_seconds": 60,
        "expire_after_seconds": 300,
        "limits": [
            {"priority": "P1", "above": None, "below": 1, "for_seconds": 600, "window_seconds": 0},
            {"priority": "P3", "above": 500, "below": None, "for_seconds": 0, "window_seconds": 0},
        ],
        "series": [
            {"labels": {"room": "a"}, "value": 2, "first_seen_at": came},
            {"labels": {"room": "b"}, "value": 4, "first_seen_at": came},
        ],
    }
    assert export["series"] == [
        {"labels": {}, "count": 3, "sum": 21.5, "buckets": [[1, 2], [10, 2]], "first_seen_at": came}
    ]
    assert (claims["limits"][0]["window_seconds"], claims["updated_at"]) == (3600, None)
    assert claims["series"] == [{"labels": {}, "value": 0, "first_seen_at": None}]
    [trades] = document["services"][1]["records"]
    last = trades.pop("last")
    assert trades == {
        "name": "trades",
        "examined": 3,
        "valid": 2,
        "duplicates": 1,
        "invalid": {"price_required_min": 1},
        "last_at": came,
    }
    assert [one["record"] for one in last] == [{"id": 2, "price": 1.5}, {"id": 1, "price": 1.5}]
    assert document["services"][1]["features"] == [
        {"name": "browse", "core": False, "endpoints": ["/"]},
        {"name": "checkout", "core": True, "endpoints": ["/cart", "/pay"]},
    ]


@pytest.mark.parametrize(
    ("query", "count"), [("", 10), ("&records=0", 0), ("&records=3", 3), ("&records=999", 30)]
)
async def test_the_newest_records_come_first_as_many_as_asked_for(
    parts: Pushing, operators: aiohttp.ClientSession, query: str, count: int
) -> None:
    await push(parts, records={"trades": [{"id": n, "price": n} for n in range(40)]})
    document = await read(operators, f"?service=web{query}")
    last = document["services"][0]["records"][0]["last"]
    assert [one["record"]["id"] for one in last] == list(range(39, 39 - count, -1))


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ("?service=nope", 404, "unknown_service"),
        ("?service=", 404, "unknown_service"),
        ("?records=-1", 400, "records_invalid"),
        ("?records=1001", 400, "records_invalid"),
        ("?records=²", 400, "records_invalid"),
        ("?records=", 400, "records_invalid"),
    ],
)
async def test_what_is_asked_wrongly_is_said(
    operators: aiohttp.ClientSession, query: str, status: int, error: str
) -> None:
    async with operators.get(f"/api/metrics{query}") as answer:
        assert (answer.status, (await answer.json())["error"]) == (status, error)


async def test_a_figure_that_stops_arriving_is_stale_and_then_gone(
    parts: Pushing, operators: aiohttp.ClientSession, clock: ManualClock
) -> None:
    came = clock.wall()
    series = 'app_streams{service="web",room="a"}'
    updated = 'rollwatch_figure_last_update_timestamp_seconds{service="web",figure="app_streams"}'
    streams = {"name": "app_streams", "labels": {"room": "a"}, "value": 2}
    await push(parts, metrics=[streams, {"name": "app_export_seconds", "observe": 1}])

    async def seen() -> tuple[bool, int, bool, bool]:
        _, export, figure = (await read(operators))["services"][0]["figures"]
        assert figure["updated_at"] == came
        exposed = await parts.exposed()
        assert exposed[updated] == came
        return figure["is_stale"], len(figure["series"]), series in exposed, export["is_stale"]

    assert await seen() == (False, 1, True, False)
    clock.advance(61)
    assert await seen() == (True, 1, True, True)
    clock.advance(238)
    assert await seen() == (True, 1, True, True)
    clock.advance(2)
    assert await seen() == (True, 0, False, True)
    assert 'app_export_seconds_count{service="web"}' in await parts.exposed(), "what is counted stays"
    await push(parts, metrics=[streams])
    came = clock.wall()
    assert await seen() == (False, 1, True, True)


async def test_a_long_document_lets_the_loop_live(tmp_path: Path) -> None:
    parts = made(await loaded(tmp_path, CONFIG, env={"TOKEN": TOKEN}))
    records = [{"id": n, "price": n} | {f"f{m}": "x" * 190 for m in range(45)} for n in range(200)]
    web = parts.board.service("web")
    assert web is not None
    web.take_records("trades", records)
    async with turns_of_the_loop() as turns:
        await figures_json(parts.board, HurriedClock(), records=30)
        assert len(turns) > 30


async def test_text_that_can_not_be_written_as_utf8_is_shown_all_the_same(tmp_path: Path) -> None:
    parts = made(await loaded(tmp_path, CONFIG, env={"TOKEN": TOKEN}))
    web = parts.board.service("web")
    assert web is not None
    web.take_records("trades", [{"id": "\ud800", "price": 1, "\udfff": "é"}])
    document = FiguresJson.model_validate_json(await figures_json(parts.board, ManualClock()))
    [kept] = document.services[1].records[0].last
    assert kept.record == {"id": "?", "price": 1, "?": "é"}
