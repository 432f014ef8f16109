"""A page that pushes: admitted by its origin and its rate, and told by CORS what it may read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rollwatch.ingest.push.json_text import read_json
from support.manual_clock import ManualClock
from support.pushing import TOKEN, Pushing, loaded, pushing
from support.turns import turns_of_the_loop

PAGE, OTHER = "https://app.example.com", "https://evil.example.com"
CONFIG = """
environment: test
ingest: {client_burst: 20}
services:
  api:
    push: {token: "${env:TOKEN}", origins: [https://app.example.com]}
    figures: {app_claims_total: {type: counter, help: Claims.}}
  web:
    push: {origins: [https://app.example.com, https://www.example.com]}
    figures: {app_clicks_total: {type: counter, help: Clicks.}}
"""
CLAIM = {"metrics": [{"name": "app_claims_total", "add": 1}]}
CLICK = {"metrics": [{"name": "app_clicks_total", "add": 1}]}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Pushing]:
    async with pushing(await loaded(tmp_path, CONFIG, env={"TOKEN": TOKEN}), ManualClock()) as parts:
        yield parts


async def test_a_page_of_an_allowed_origin_may_push_and_read_the_answer(parts: Pushing) -> None:
    by_query = await parts.push(CLICK, token=None, headers={"Origin": PAGE}, query="?service=web")
    by_document = await parts.push({"service": "web", **CLICK}, token=None, headers={"Origin": PAGE})
    only_one = await parts.push(CLICK, token=None, headers={"Origin": "https://www.example.com"})
    for answered in (by_query, by_document, only_one):
        assert (answered.status, answered.json["accepted"]) == (200, 1)
        assert answered.headers["Vary"] == "Origin"
    assert by_query.headers["Access-Control-Allow-Origin"] == PAGE
    assert (await parts.figures())['app_clicks_total{service="web"}'] == 3


@pytest.mark.parametrize(
    ("origin", "query", "status", "error"),
    [
        (OTHER, "?service=web", 403, "origin_not_allowed"),
        ("null", "?service=web", 403, "origin_not_allowed"),
        ("https://app.example.com:8443", "?service=web", 403, "origin_not_allowed"),
        ("http://app.example.com", "?service=web", 403, "origin_not_allowed"),
        ("https://www.example.com", "?service=api", 403, "origin_not_allowed"),
        (PAGE, "?service=nope", 403, "origin_not_allowed"),
        (PAGE, "", 400, "service_unnamed"),
    ],
)
async def test_other_pages_may_not(parts: Pushing, origin: str, query: str, status: int, error: str) -> None:
    answered = await parts.push(CLICK, token=None, headers={"Origin": origin}, query=query)
    assert (answered.status, answered.json["error"]) == (status, error)
    assert set((await parts.figures()).values()) == {0}
    may_read = origin in {PAGE, "https://www.example.com"}
    assert (answered.headers.get("Access-Control-Allow-Origin") == origin) is may_read
    assert (await parts.exposed())[f'rollwatch_push_unread_requests_total{{error="{error}"}}'] == 1


async def test_a_page_reads_errors_too(parts: Pushing) -> None:
    answered = await parts.push({}, token=None, headers={"Origin": PAGE}, query="?service=web")
    assert (answered.status, answered.json["error"]) == (422, "document_invalid")
    assert answered.headers["Access-Control-Allow-Origin"] == PAGE


async def test_a_page_is_bounded_by_its_rate_and_an_application_is_not(parts: Pushing) -> None:
    pages = [
        await parts.push(CLICK, token=None, headers={"Origin": PAGE}, query="?service=web") for _ in range(25)
    ]
    assert [answer.status for answer in pages] == [200] * 20 + [429] * 5
    assert pages[-1].headers["Access-Control-Allow-Origin"] == PAGE
    assert (await parts.push(CLAIM)).status == 200


async def test_a_page_sends_no_more_than_its_browser_would_when_it_is_left(parts: Pushing) -> None:
    long = json.dumps(CLAIM).encode() + b" " * 64 * 1024
    answered = await parts.push(body=long, token=None, headers={"Origin": PAGE}, query="?service=api")
    assert (answered.status, answered.json["error"]) == (413, "body_too_large")
    assert "64 KiB" in answered.json["message"]
    assert answered.headers["Access-Control-Allow-Origin"] == PAGE
    assert (await parts.push(body=long)).status == 200, "an application may"


async def test_what_pages_send_at_once_is_read_one_after_the_other(
    parts: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = json.dumps(CLAIM).encode() + b" " * 60_000

    def reading(body: bytes) -> Any:
        turns[-1] += 1
        return read_json(body)

    monkeypatch.setattr("rollwatch.ingest.push.intake.read_json", reading)
    page = {"body": long, "token": None, "headers": {"Origin": PAGE}, "query": "?service=api"}
    async with turns_of_the_loop() as turns:
        answers = await asyncio.gather(*(parts.push(**page) for _ in range(15)))
        assert sum(turns) == 15
        assert max(turns) == 1
    assert {answered.status for answered in answers} == {200}


async def test_a_page_with_a_token_is_an_application(parts: Pushing) -> None:
    answered = await parts.push(CLAIM, headers={"Origin": OTHER})
    assert answered.status == 200
    assert "Access-Control-Allow-Origin" not in answered.headers
    wrong = await parts.push(CLICK, token="wrong", headers={"Origin": PAGE}, query="?service=web")
    assert wrong.status == 401


async def test_no_page_can_spoil_what_an_application_pushes(parts: Pushing) -> None:
    now = parts.clock.wall()
    spoiling = {"service": "api", "id": "6f1d", "source": "pod-1", "sent_at": now + 200, **CLAIM}
    assert (await parts.push(spoiling, token=None, headers={"Origin": PAGE})).status == 200
    again = await parts.push(spoiling, token=None, headers={"Origin": PAGE})
    assert (again.status, again.json["error"]) == (409, "duplicate")
    honest = {"id": "6f1d", "source": "pod-1", "sent_at": now, **CLAIM}
    assert (await parts.push(honest)).status == 200
    assert (await parts.figures())['app_claims_total{service="api"}'] == 2


async def test_a_page_has_no_running_total(parts: Pushing) -> None:
    totals = {"service": "api", "metrics": [{"name": "app_claims_total", "total": 5}]}
    answered = await parts.push(totals, token=None, headers={"Origin": PAGE})
    assert (answered.status, answered.json["refused"][0]["error"]) == (422, "wrong_operation")


async def test_the_preflight_says_what_an_allowed_page_may_send(parts: Pushing) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key",
    }
    answered = await parts.push(body=b"", method="OPTIONS", token=None, headers=asked)
    assert answered.status == 204
    assert answered.headers["Access-Control-Allow-Origin"] == PAGE
    assert answered.headers["Access-Control-Allow-Methods"] == "POST"
    allowed = answered.headers["Access-Control-Allow-Headers"].split(", ")
    assert set(allowed) == {"Content-Type", "Idempotency-Key", "Authorization"}
    refused = await parts.push(body=b"", method="OPTIONS", token=None, headers={**asked, "Origin": OTHER})
    assert refused.status == 403
    assert "Access-Control-Allow-Origin" not in refused.headers
