"""Whatever is pushed, the answer is a 4xx that names the fault, and no series changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rollwatch.clock import SystemClock
from support.pushing import TOKEN, Pushing, loaded, pushing
from support.web import ask

CONFIG = """
environment: test
services:
  api:
    push: {token: "${env:TOKEN}"}
    figures:
      app_streams: {type: gauge, help: Live streams.}
      app_claims_total: {type: counter, help: Claims., labels: {plan: any}}
      app_export_seconds: {type: histogram, help: Exports., buckets: [1, 10]}
    records:
      trades: {rules: [{field: price, required: true}], figures: {app_streams: price}}
"""
ONE = {"name": "app_streams", "value": 1}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Pushing]:
    async with pushing(await loaded(tmp_path, CONFIG, env={"TOKEN": TOKEN}), SystemClock()) as parts:
        await parts.push({"metrics": [{"name": "app_claims_total", "labels": {"plan": "a"}, "total": 5}]})
        yield parts


def nested(levels: int) -> bytes:
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    return b'{"records":{"trades":[{"price":' + deep + b"}]}}"


def metric(**said: Any) -> bytes:
    return json.dumps({"metrics": [{"name": "app_streams", **said}]}).encode()


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "json_invalid"),
    "truncated": (json.dumps({"metrics": [ONE]}).encode()[:-3], 400, "json_invalid"),
    "two documents": (b'{"metrics":[]}{"metrics":[]}', 400, "json_invalid"),
    "not UTF-8": (b'{"metrics":[{"name":"\xff"}]}', 400, "json_invalid"),
    "UTF-16": (json.dumps({"metrics": [ONE]}).encode("utf-16"), 400, "json_invalid"),
    "compressed": (b"\x1f\x8b\x08\x00" * 10, 400, "json_invalid"),
    "nested deeply": (nested(100), 400, "json_invalid"),
    "nested beyond reason": (nested(100_000), 400, "json_invalid"),
    "brackets": (b"[" * 500_000, 400, "json_invalid"),
    "NaN": (b'{"metrics":[{"name":"app_streams","value":NaN}]}', 400, "json_invalid"),
    "Infinity": (b'{"metrics":[{"name":"app_streams","value":Infinity}]}', 400, "json_invalid"),
    "1e400": (b'{"metrics":[{"name":"app_streams","value":1e400}]}', 400, "json_invalid"),
    "10,000 digits": (b'{"metrics":[{"value":' + b"9" * 10_000 + b"}]}", 400, "json_invalid"),
    "a key twice": (b'{"metrics":[{"name":"app_streams","value":1,"value":2}]}', 400, "json_invalid"),
    "lone surrogate": (metric(value=1, labels={"\ud800": "\udfff"}), 400, "json_invalid"),
    "a list": (b"[]", 422, "document_invalid"),
    "a number": (b"0", 422, "document_invalid"),
    "null": (b"null", 422, "document_invalid"),
    "text as number": (metric(value="1"), 422, "document_invalid"),
    "true as number": (metric(value=True), 422, "document_invalid"),
    "list as number": (metric(value=[1]), 422, "document_invalid"),
    "unknown key": (metric(value=1, valeu=1), 422, "document_invalid"),
    "1001 metrics": (json.dumps({"metrics": [ONE] * 1001}).encode(), 422, "document_invalid"),
    "labels of 10 kB": (metric(value=1, labels={"a": "x" * 10_240}), 422, "document_invalid"),
    "milliseconds": (json.dumps({"metrics": [ONE], "sent_at": 1.7e12}).encode(), 422, "document_invalid"),
    "far future": (json.dumps({"metrics": [ONE], "sent_at": 9e10}).encode(), 422, "in_future"),
    "far past": (json.dumps({"metrics": [ONE], "sent_at": 1}).encode(), 422, "too_old"),
    "began in the future": (json.dumps({"metrics": [ONE], "started_at": 9e10}).encode(), 422, "in_future"),
    "negative counter": (
        b'{"metrics":[{"name":"app_claims_total","labels":{"plan":"a"},"add":-1}]}',
        422,
        "refused",
    ),
    "negative total": (
        b'{"metrics":[{"name":"app_claims_total","labels":{"plan":"a"},"total":-1}]}',
        422,
        "refused",
    ),
    "beyond counting": (
        b'{"metrics":[{"name":"app_claims_total","labels":{"plan":"a"},"add":1e300}]}',
        422,
        "refused",
    ),
    "negative duration": (b'{"metrics":[{"name":"app_export_seconds","observe":[-1]}]}', 422, "refused"),
    "another's name": (
        b'{"metrics":[{"name":"rollwatch_push_requests_total","add":1},{"name":"up","value":0}]}',
        422,
        "refused",
    ),
    "a name like a label": (
        metric(value=1, name='app_streams{service="web"}', labels={}),
        422,
        "refused",
    ),
    "records undeclared": (b'{"records":{"__proto__":[{}]}}', 422, "refused"),
    "too large": (b'{"metrics":[]' + b" " * 1024**2 + b"}", 413, "body_too_large"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "error"), BODIES.values(), ids=BODIES.keys())
async def test_bad_input_is_named_and_changes_nothing(
    parts: Pushing, body: bytes, status: int, error: str
) -> None:
    before = await parts.figures()
    answered = await parts.push(body=body)
    assert (answered.status, answered.json["error"]) == (status, error)
    assert answered.json["message"].endswith(".")
    assert answered.json["message"].isprintable()
    assert await parts.figures() == before
    exposed = await parts.exposed()
    assert exposed[f'rollwatch_push_requests_total{{service="api",outcome="{error}"}}'] == 1
    again = await parts.push({"metrics": [{"name": "app_claims_total", "labels": {"plan": "a"}, "total": 8}]})
    assert again.status == 200
    assert (await parts.figures())['app_claims_total{service="api",plan="a"}'] == 3


async def test_a_flood_of_label_values_makes_few_series(parts: Pushing) -> None:
    for start in range(0, 3000, 1000):
        metrics = [
            {"name": "app_claims_total", "labels": {"plan": f"plan{n}"}, "add": 1}
            for n in range(start, start + 1000)
        ]
        assert (await parts.push({"metrics": metrics})).status == 200
    claims = {name: value for name, value in (await parts.figures()).items() if "claims" in name}
    assert len(claims) <= 51
    assert sum(claims.values()) == 3000


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"Content-Type": "application/xml"}, 415, "content_type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "content_type"),
        ({"Content-Type": ";"}, 415, "content_type"),
        ({"Content-Encoding": "gzip"}, 415, "encoded_body"),
        ({"Idempotency-Key": ""}, 400, "idempotency_key_invalid"),
        ({"Idempotency-Key": '""'}, 400, "idempotency_key_invalid"),
        ({"Idempotency-Key": "x" * 65}, 400, "idempotency_key_invalid"),
        ({"Idempotency-Key": "two words"}, 400, "idempotency_key_invalid"),
        ({"Idempotency-Key": "other"}, 422, "document_invalid"),
    ],
    ids=str,
)
async def test_headers_that_can_not_be_are_named(
    parts: Pushing, headers: dict[str, str], status: int, error: str
) -> None:
    before = await parts.figures()
    answered = await parts.push({"id": "one", "metrics": [ONE]}, headers=headers)
    assert (answered.status, answered.json["error"]) == (status, error)
    assert await parts.figures() == before
    exposed = await parts.exposed()
    assert exposed[f'rollwatch_push_requests_total{{service="api",outcome="{error}"}}'] == 1


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "text/plain", "text/plain;charset=UTF-8", None],
)
async def test_json_is_taken_under_these_names(parts: Pushing, content_type: str | None) -> None:
    assert parts.listener is not None
    headers = {"Authorization": f"Bearer {TOKEN}"} | ({"Content-Type": content_type} if content_type else {})
    body = json.dumps({"metrics": [ONE]}).encode()
    answer = await ask(parts.listener, "/api/metrics/export", "POST", headers=headers, body=body)
    assert answer.status == 200


async def test_a_body_without_end_is_broken_off_at_the_limit(parts: Pushing) -> None:
    assert parts.listener is not None
    assert parts.session is not None
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536
            await asyncio.sleep(0)

    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    try:
        async with parts.session.post(
            f"{parts.listener.url}/api/metrics/export", data=endless(), headers=headers
        ) as answer:
            assert answer.status == 413
    except aiohttp.ClientConnectionError:
        pass  # the answer may be lost, since the connection ends with it
    exposed = await parts.exposed()
    assert exposed['rollwatch_push_requests_total{service="api",outcome="body_too_large"}'] == 1
    assert sent < 16 * 1024**2


@pytest.mark.parametrize("mebibytes", [5, 50])
async def test_a_body_that_is_declared_too_long_is_not_waited_for(parts: Pushing, mebibytes: int) -> None:
    assert parts.listener is not None
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Length": str(mebibytes * 1024**2)}
    answer = await ask(parts.listener, "/api/metrics/export", "POST", headers=headers, body=b"{")
    assert answer.status == 413
    assert "larger than 1024 KiB" in answer.body
    exposed = await parts.exposed()
    assert exposed['rollwatch_push_requests_total{service="api",outcome="body_too_large"}'] == 1


async def test_a_client_that_leaves_in_the_middle_disturbs_nobody(parts: Pushing) -> None:
    assert parts.listener is not None
    head = f"POST /api/metrics/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    for body in ("Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
        _, writer = await asyncio.open_connection("127.0.0.1", parts.listener.port)
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await parts.push({"metrics": [ONE]})).status == 200
