"""Pushes on a real listener: what is taken, what is answered, and what an application may rely on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rollwatch.ingest.openapi import openapi_document
from rollwatch.ingest.push.mapped import DocumentPlan
from support.manual_clock import ManualClock
from support.pushing import TOKEN, Answered, HurriedClock, Pushing, loaded, pushing
from support.web import closed, eventually, parse

CONFIG = """
environment: test
services:
  api:
    push: {token: "${env:TOKEN}", tokens: ["${env:NEXT}", "${env:SHARED}"]}
    figures:
      app_streams: {type: gauge, help: Live streams.}
      app_users: {type: gauge, help: Users., labels: {window: [day, month]}}
      app_claims_total: {type: counter, help: Claims., labels: {plan: [free, pro]}}
      app_jobs_total: {type: counter, help: Jobs., labels: {queue: any}}
      app_export_seconds: {type: histogram, help: Exports., buckets: [1, 10]}
      app_price: {type: gauge, help: Last price.}
    records:
      trades: {id: id, rules: [{field: price, required: true, min: 0}], figures: {app_price: price}}
  web:
    push: {token: "${env:SHARED}"}
    figures:
      app_views_total: {type: counter, help: Views.}
  coach:
    push:
      token: "${env:COACH}"
      document:
        figures: {coach_streams: {value: live.streams, when: "live != `null`"}}
        records: {trades: "trades || `[]`"}
    figures: {coach_streams: {type: gauge, help: Streams.}}
    records: {trades: {}}
  bot:
    push: {token: "${env:BOT}", document: {figures: {coach_streams: {value: n, when: "n != `null`"}}}}
    figures: {coach_streams: {type: gauge, help: Streams.}}
"""
TOKENS = {
    "TOKEN": TOKEN,
    "NEXT": "the-next-token",
    "SHARED": "one-token-for-both",
    "COACH": "token-of-coach",
    "BOT": "token-of-bot",
}
STREAMS = {"metrics": [{"name": "app_streams", "value": 3}]}


def claims(**said: Any) -> dict[str, Any]:
    return {"metrics": [{"name": "app_claims_total", "labels": {"plan": "pro"}, **said}]}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def parts(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Pushing]:
    async with pushing(await loaded(tmp_path, CONFIG, env=TOKENS), clock) as parts:
        yield parts


async def value(parts: Pushing, series: str) -> float | None:
    return (await parts.exposed()).get(series)


async def pro_claims(parts: Pushing) -> float | None:
    return await value(parts, 'app_claims_total{service="api",plan="pro"}')


def held_to_the_description(answered: Answered) -> None:
    """The answer has the shape that /openapi.json promises for its status."""
    described = openapi_document()
    response = described["paths"]["/api/metrics/export"]["post"]["responses"][str(answered.status)]
    schema = response["content"]["application/json"]["schema"]
    jsonschema.validate(answered.json, {**schema, "components": described["components"]})


async def test_every_kind_of_figure_and_records_are_taken_in_one_push(parts: Pushing) -> None:
    answered = await parts.push(
        {
            "metrics": [
                {"name": "app_streams", "value": 3},
                {"name": "app_users", "labels": {"window": "day"}, "value": 120},
                {"name": "app_claims_total", "labels": {"plan": "pro"}, "add": 2},
                {"name": "app_export_seconds", "observe": [0.5, 2, 20]},
            ],
            "records": {"trades": [{"id": 1, "price": 5.5}, {"id": 1, "price": 5.5}, {"id": 2, "price": -1}]},
        }
    )
    assert (answered.status, answered.json) == (200, {"accepted": 9, "refused": [], "refused_total": 0})
    held_to_the_description(answered)
    assert await parts.figures() == {
        'app_streams{service="api"}': 3,
        'app_users{service="api",window="day"}': 120,
        'app_claims_total{service="api",plan="free"}': 0,
        'app_claims_total{service="api",plan="pro"}': 2,
        'app_export_seconds_bucket{service="api",le="1.0"}': 1,
        'app_export_seconds_bucket{service="api",le="10.0"}': 2,
        'app_export_seconds_bucket{service="api",le="+Inf"}': 3,
        'app_export_seconds_sum{service="api"}': 22.5,
        'app_export_seconds_count{service="api"}': 3,
        'app_price{service="api"}': 5.5,
        'app_views_total{service="web"}': 0,
    }
    exposed = await parts.exposed()
    assert exposed['rollwatch_push_requests_total{service="api",outcome="accepted"}'] == 1
    assert exposed['rollwatch_push_last_timestamp_seconds{service="api"}'] == parts.clock.wall()
    assert exposed['rollwatch_records_duplicates_total{service="api",records="trades"}'] == 1


async def test_what_is_not_declared_is_refused_by_name_and_the_rest_counts(parts: Pushing) -> None:
    answered = await parts.push(
        {
            "metrics": [
                *STREAMS["metrics"],
                {"name": "app_no", "value": 1},
                {"name": "app_claims_total", "labels": {"plan": "gold"}, "add": 1},
                {"name": "app_users", "value": 1},
            ],
            "records": {"quotes": [{"id": 1}]},
        }
    )
    assert answered.status == 200
    held_to_the_description(answered)
    assert answered.json == {
        "accepted": 1,
        "refused": [
            {"records": "quotes", "error": "undeclared", "message": "quotes are no records of this service."},
            {
                "metric": "app_no",
                "error": "undeclared",
                "message": "app_no is no figure of this service.",
            },
            {"metric": "app_users", "error": "label_missing", "message": "app_users needs the label window."},
            {
                "metric": "app_claims_total",
                "error": "label_value",
                "message": "app_claims_total has a label plan that is none of free, pro.",
            },
        ],
        "refused_total": 4,
    }
    exposed = await parts.exposed()
    assert exposed['rollwatch_push_requests_total{service="api",outcome="partly_refused"}'] == 1
    assert exposed['rollwatch_figure_faults_total{service="api",source="push",fault="undeclared"}'] == 2


async def test_where_all_is_refused_it_is_no_success(parts: Pushing) -> None:
    before = await parts.figures()
    answered = await parts.push({"metrics": [{"name": f"app_n{n}", "value": n} for n in range(150)]})
    assert answered.status == 422
    held_to_the_description(answered)
    said = answered.json
    assert (said["accepted"], len(said["refused"]), said["refused_total"]) == (0, 100, 150)
    assert said["error"] == "refused"
    assert "app_n0 is no figure of this service" in said["message"]
    assert said["remedy"]
    assert await parts.figures() == before
    assert await value(parts, 'rollwatch_push_requests_total{service="api",outcome="refused"}') == 1
    assert await value(parts, 'rollwatch_push_last_timestamp_seconds{service="api"}') is None


@pytest.mark.parametrize(
    ("token", "document", "status", "body"),
    [
        ("COACH", {"live": {"streams": 3}, "trades": [{}]}, 200, {"accepted": 2}),
        ("COACH", {"service": "whatever", "live": {"streams": 3}}, 200, {"accepted": 1}),
        ("COACH", {}, 200, {"accepted": 0, "refused_total": 0}),
        ("COACH", {"live": {}}, 422, {"error": "refused", "refused_total": 1}),
        ("BOT", {"n": 3}, 200, {"accepted": 1}),
        ("BOT", {}, 422, {"error": "nothing_found", "refused": []}),
        ("BOT", [1], 422, {"error": "nothing_found"}),
        ("BOT", "n", 422, {"error": "nothing_found"}),
        ("BOT", {"n": "x"}, 422, {"error": "refused"}),
        ("TOKEN", {"records": {"trades": []}}, 200, {"accepted": 0, "refused_total": 0}),
    ],
)
async def test_an_application_may_keep_its_own_document(
    parts: Pushing, token: str, document: Any, status: int, body: dict[str, Any]
) -> None:
    answered = await parts.push(document, token=TOKENS[token])
    assert (answered.status, body) == (status, {name: answered.json.get(name) for name in body})
    held_to_the_description(answered)


@pytest.mark.parametrize(("padding", "in_thread"), [(100, False), (40_000, True)])
async def test_a_document_that_is_gone_through_for_long_keeps_nobody_waiting(
    parts: Pushing, monkeypatch: pytest.MonkeyPatch, padding: int, in_thread: bool
) -> None:
    threads: list[threading.Thread] = []
    read = DocumentPlan.read

    def reading(plan: DocumentPlan, raw: Any) -> Any:
        threads.append(threading.current_thread())
        return read(plan, raw)

    monkeypatch.setattr(DocumentPlan, "read", reading)
    answered = await parts.push({"live": {"streams": 3}, "padding": "x" * padding}, token=TOKENS["COACH"])
    assert answered.status == 200
    assert [thread is not threading.main_thread() for thread in threads] == [in_thread]


async def test_an_application_may_count_up_by_what_is_new(parts: Pushing) -> None:
    for _ in range(3):
        await parts.push(claims(add=5))
    assert await pro_claims(parts) == 15


async def test_a_running_total_may_fall_when_the_application_is_restarted(parts: Pushing) -> None:
    counted = []
    for total in (1000, 1040, 1040, 7, 9):
        await parts.push(claims(total=total))
        counted.append(await pro_claims(parts))
    assert counted == [0, 40, 40, 47, 49]


async def test_running_totals_of_two_instances_are_added_up(parts: Pushing) -> None:
    for source, total in (("a", 100), ("b", 7000), ("a", 110), ("b", 7005), ("a", 3)):
        await parts.push({"source": source, **claims(total=total)})
    assert await pro_claims(parts) == 10 + 5 + 3


async def test_a_new_instance_that_says_when_it_began_counts_whole(
    parts: Pushing, clock: ManualClock
) -> None:
    clock.advance(60)
    began = clock.wall()
    clock.advance(60)
    await parts.push({"source": "old", "started_at": began - 3600, **claims(total=500)})
    await parts.push({"source": "new", "started_at": began, **claims(total=12)})
    assert await pro_claims(parts) == 12


async def test_the_same_push_counts_once(parts: Pushing) -> None:
    for headers, document in (
        ({}, {"id": "6f1d", **claims(add=1)}),
        ({"Idempotency-Key": '"77aa"'}, claims(add=1)),
        ({"Idempotency-Key": "88bb"}, {"id": "88bb", **claims(add=1)}),
    ):
        first = await parts.push(document, headers=headers)
        again = await parts.push(document, headers=headers)
        assert (first.status, again.status, again.json["error"]) == (200, 409, "duplicate")
        held_to_the_description(again)
    assert await pro_claims(parts) == 3
    by_header = await parts.push(claims(add=1), headers={"Idempotency-Key": "6f1d"})
    assert by_header.status == 409, "header and document name the same keys"


async def test_two_of_one_push_at_the_same_time_count_once(tmp_path: Path) -> None:
    records = [{"id": number, "price": 1} for number in range(50)]
    document = {"id": "6f1d", **claims(add=1), "records": {"trades": records}}
    async with pushing(await loaded(tmp_path, CONFIG, env=TOKENS), HurriedClock()) as parts:
        answers = await asyncio.gather(*(parts.push(document) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409]
        assert await pro_claims(parts) == 1


async def test_a_refused_push_may_be_corrected_and_sent_with_the_same_id(parts: Pushing) -> None:
    wrong = await parts.push({"id": "6f1d", "metrics": [{"name": "app_claims_total", "add": 1}]})
    right = await parts.push({"id": "6f1d", **claims(add=1)})
    assert (wrong.status, right.status) == (422, 200)


async def test_a_push_partly_refused_is_not_taken_again(parts: Pushing) -> None:
    document = {"id": "6f1d", "metrics": [*claims(add=1)["metrics"], {"name": "app_nope", "add": 1}]}
    assert [(await parts.push(document)).status for _ in range(2)] == [200, 409]
    assert await pro_claims(parts) == 1


@pytest.mark.parametrize(
    ("seconds", "status", "error"),
    [(301, 422, "in_future"), (1e8, 422, "in_future"), (-3601, 422, "too_old"), (-10, 409, "out_of_order")],
)
async def test_a_push_out_of_its_time_is_not_taken(
    parts: Pushing, seconds: float, status: int, error: str
) -> None:
    now = parts.clock.wall()
    assert (await parts.push({"sent_at": now, **STREAMS})).status == 200
    answered = await parts.push({"sent_at": now + seconds, "metrics": [{"name": "app_streams", "value": 99}]})
    assert (answered.status, answered.json["error"]) == (status, error)
    held_to_the_description(answered)
    assert await value(parts, 'app_streams{service="api"}') == 3
    assert await value(parts, f'rollwatch_push_requests_total{{service="api",outcome="{error}"}}') == 1
    other = await parts.push({"sent_at": now - 10, "source": "other", **STREAMS})
    assert other.status == 200, "each source has an order of its own"


async def test_wrong_and_missing_token_get_the_same_answer(parts: Pushing) -> None:
    answers = [
        await parts.push(STREAMS, token=token, headers=headers)
        for token, headers in (
            (None, {}),
            ("wrong", {}),
            (TOKEN[:-1], {}),
            (TOKEN + "x", {}),
            (None, {"Authorization": "Basic YTpi"}),
            (None, {"Authorization": "Bearer"}),
            (None, {"Authorization": f"Bearer {TOKEN} {TOKEN}"}),
        )
    ]
    for answered in answers:
        answered.headers.pop("Date")
        assert answered.status == 401
        assert (answered.text, answered.headers) == (answers[0].text, answers[0].headers)
    held_to_the_description(answers[0])
    assert answers[0].headers["WWW-Authenticate"].startswith("Bearer")
    assert set((await parts.figures()).values()) == {0}
    assert await value(parts, 'rollwatch_push_unread_requests_total{error="unauthorized"}') == len(answers)


async def test_guessing_tokens_is_bounded_and_stops_no_application(parts: Pushing) -> None:
    guesses = [await parts.push(STREAMS, token="guess" if n % 2 else None) for n in range(60)]
    assert {answer.status for answer in guesses[:50]} == {401}
    assert {answer.status for answer in guesses[50:]} == {429}
    held_to_the_description(guesses[-1])
    assert int(guesses[-1].headers["Retry-After"]) >= 1
    guesses[-1].headers.pop("Date"), guesses[-2].headers.pop("Date")
    assert (guesses[-1].text, guesses[-1].headers) == (guesses[-2].text, guesses[-2].headers)
    assert (await parts.push(STREAMS)).status == 200


async def test_two_tokens_are_good_while_one_replaces_the_other(parts: Pushing) -> None:
    assert {(await parts.push(STREAMS, token=token)).status for token in (TOKEN, "the-next-token")} == {200}


VIEWS = {"metrics": [{"name": "app_views_total", "add": 1}]}


@pytest.mark.parametrize(
    ("token", "query", "document", "result"),
    [
        ("SHARED", "", VIEWS, "400 service_unnamed"),
        ("SHARED", "", {"service": "web", **VIEWS}, "200 ok"),
        ("SHARED", "?service=web", VIEWS, "200 ok"),
        ("SHARED", "?service=web", {"service": "web", **VIEWS}, "200 ok"),
        ("SHARED", "?service=api", {"service": "web", **VIEWS}, "403 service_not_allowed"),
        ("SHARED", "?service=nope", VIEWS, "403 service_not_allowed"),
        ("SHARED", "", {"service": "nope", **VIEWS}, "403 service_not_allowed"),
        ("TOKEN", "?service=web", VIEWS, "403 service_not_allowed"),
        ("TOKEN", "", {"service": "web", **VIEWS}, "403 service_not_allowed"),
        ("TOKEN", "?service=api", {"service": "api", **STREAMS}, "200 ok"),
    ],
)
async def test_a_push_is_for_a_service_of_its_token(
    parts: Pushing, token: str, query: str, document: Any, result: str
) -> None:
    answered = await parts.push(document, token=TOKENS[token], query=query)
    assert f"{answered.status} {answered.json.get('error', 'ok')}" == result
    held_to_the_description(answered)
    assert await value(parts, 'app_views_total{service="web"}') == float(
        result == "200 ok" and token == "SHARED"
    )


async def test_a_reload_changes_what_is_taken_and_forgets_no_id(parts: Pushing, tmp_path: Path) -> None:
    assert (await parts.push({"id": "6f1d", **claims(add=1)})).status == 200
    changed = CONFIG.replace("app_streams", "app_rooms").replace("${env:TOKEN}", "${env:FRESH}")
    parts.configure(await loaded(tmp_path, changed, env={**TOKENS, "FRESH": "a-fresh-token"}))
    assert (await parts.push(STREAMS)).status == 401
    fresh = await parts.push(STREAMS, token="a-fresh-token")
    assert (fresh.status, fresh.json["refused"][0]["error"]) == (422, "undeclared")
    assert (await parts.push({"id": "6f1d", **claims(add=1)}, token="a-fresh-token")).status == 409
    assert await pro_claims(parts) == 1


async def test_a_service_that_is_gone_takes_nothing_and_leaves_nothing(
    parts: Pushing, tmp_path: Path
) -> None:
    await parts.push(STREAMS)
    without = CONFIG[: CONFIG.index("  api:")] + CONFIG[CONFIG.index("  web:") :]
    parts.configure(await loaded(tmp_path, without, env=TOKENS))
    assert (await parts.push(STREAMS)).status == 401
    assert [name for name in await parts.exposed() if 'service="api"' in name] == []
    nobody = "environment: test\nservices: {web: {owner: me}}\n"
    parts.configure(await loaded(tmp_path, nobody, env=TOKENS))
    assert await parts.exposed() == {}
    assert (await parts.push(VIEWS)).status == 401


async def test_a_service_that_goes_while_its_push_arrives_takes_nothing(
    parts: Pushing, tmp_path: Path
) -> None:
    listener = parts.listener
    assert listener is not None
    body = json.dumps({"service": "web", **VIEWS}).encode()
    head = (
        f"POST /api/metrics/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS['SHARED']}\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(head.encode() + body[:10])
    await eventually(lambda: listener.busy == 1)
    without = CONFIG[: CONFIG.index("  web:")] + CONFIG[CONFIG.index("  coach:") :]
    parts.configure(await loaded(tmp_path, without, env=TOKENS))
    writer.write(body[10:])
    answer = parse(await reader.read())
    writer.close()
    await closed(writer)
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "unauthorized")


async def test_the_limit_of_the_body_is_the_configured_one_from_a_reload_on(
    parts: Pushing, tmp_path: Path
) -> None:
    body = b'{"metrics":[{"name":"app_streams","value":3}]}' + b" " * 3000
    assert (await parts.push(body=body)).status == 200
    parts.configure(await loaded(tmp_path, "ingest: {push_limit: 2KiB}\n" + CONFIG, env=TOKENS))
    refused = await parts.push(body=body)
    assert (refused.status, refused.json["error"]) == (413, "body_too_large")
    assert "2 KiB" in refused.json["message"]
    held_to_the_description(refused)
    assert await value(parts, 'rollwatch_push_requests_total{service="api",outcome="body_too_large"}') == 1
