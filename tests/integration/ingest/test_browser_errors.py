"""The errors of browsers, as operators read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from rollwatch.ingest.browser.beacon import parse_beacon
from rollwatch.ingest.browser.errors_route import errors_routes, errors_schema
from rollwatch.serving.server import Listener
from support.browser_intake import NOW, Browsers, beacon, browser_config, error
from support.web import Answer, Job, ask, listening, token_digest

PATH = "/api/monitoring/errors"


@asynccontextmanager
async def serving(config: Path | None = None) -> AsyncIterator[tuple[Browsers, Listener]]:
    browsers = Browsers(browser_config(services={"web": {}, "shop": {}, "api": None}))
    routes = errors_routes(browsers.intake, frozenset({Job.READ}), browsers.clock)
    async with listening(config, routes=routes) as listener:
        yield browsers, listener


async def report(browsers: Browsers, *events: dict[str, Any], **members: Any) -> None:
    parsed = parse_beacon(beacon(*events, **members))
    at_work = browsers.intake._applications[parsed.service]
    at_work.take(parsed, await at_work.examine(parsed), "Firefox 145")
    await browsers.intake.work()


def document(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200
    found: dict[str, Any] = orjson.loads(answer.body)
    jsonschema.validate(found, errors_schema())
    return found


async def test_a_group_is_shown_with_everything() -> None:
    async with serving() as (browsers, listener):
        await report(browsers, error(route="/[id]"), release="2.8.1", session="session-1")
        browsers.clock.advance(60)
        await report(browsers, error(), release="2.8.2", session="session-2")
        found = document(await ask(listener, PATH))
        [label] = {group for group, _ in browsers.shown("errors_total")}
    assert found == {
        "generated_at": NOW + 60,
        "services": [
            {"service": "shop", "groups": []},
            {
                "service": "web",
                "groups": [
                    {
                        "group": label,
                        "title": "TypeError: x is not a function",
                        "kind": "error",
                        "message": "x is not a function",
                        "stack": "at f (https://www.example.com/app.js:1:2)",
                        "path": "/",
                        "route": None,
                        "releases": ["2.8.1", "2.8.2"],
                        "browsers": ["Firefox 145"],
                        "sessions": 2,
                        "count": 2,
                        "first_seen_at": NOW,
                        "last_seen_at": NOW + 60,
                        "ignored_by": None,
                    }
                ],
            },
        ],
    }


async def test_groups_are_shown_newest_first_and_as_many_as_are_asked_for() -> None:
    async with serving() as (browsers, listener):
        for number in range(1, 61):
            await report(browsers, error(f"problem {'x' * number}"))

        async def titles(query: str) -> list[str]:
            found = document(await ask(listener, f"{PATH}{query}"))
            return [group["title"] for group in found["services"][-1]["groups"]]

        assert len(await titles("")) == 50
        assert len(await titles("?limit=200")) == 60
        assert [len(title) for title in await titles("?limit=3&service=web")] == [
            len("TypeError: problem ") + number for number in (60, 59, 58)
        ]


async def test_one_service_is_shown_if_one_is_asked_for() -> None:
    async with serving() as (browsers, listener):
        await report(browsers, error(), service="shop")
        found = document(await ask(listener, f"{PATH}?service=shop"))
        assert [(one["service"], len(one["groups"])) for one in found["services"]] == [("shop", 1)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?service=api", (404, "unknown_service")),
        ("?service=nothing", (404, "unknown_service")),
        ("?limit=0", (400, "limit_invalid")),
        ("?limit=201", (400, "limit_invalid")),
        ("?limit=-1", (400, "limit_invalid")),
        ("?limit=%D9%A3", (400, "limit_invalid")),
        ("?limit=" + "9" * 5000, (400, "limit_invalid")),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(query: str, expected: tuple[int, str]) -> None:
    async with serving() as (_, listener):
        answer = await ask(listener, PATH + query)
        assert (answer.status, orjson.loads(answer.body)["error"]) == expected


async def test_errors_are_for_operators_and_their_schema_for_everybody(tmp_path: Path) -> None:
    config = tmp_path / "web.yml"
    config.write_text(
        f"tokens:\n  - {{name: reader, sha256: {token_digest('t' * 32)}, role: {Job.READ.value}}}\n"
    )
    async with serving(config) as (_, listener):
        assert (await ask(listener, PATH)).status == 401
        authorized = await ask(listener, PATH, headers={"Authorization": f"Bearer {'t' * 32}"})
        assert authorized.status == 200
        schema = await ask(listener, f"{PATH}.schema.json")
        assert orjson.loads(schema.body) == errors_schema()


async def test_hostile_text_is_json_like_any_other() -> None:
    hostile = "</script>\"\u202e\u0000\u2028'{{7*7}}"
    async with serving() as (browsers, listener):
        await report(
            browsers,
            error(hostile, name=hostile, stack=hostile, path=f"/{hostile}", route=hostile),
            release=hostile,
        )
        [group] = document(await ask(listener, f"{PATH}?service=web"))["services"][0]["groups"]
    assert "\u202e" not in repr(group)
    assert "\u0000" not in group["path"] + group["message"] + group["releases"][0]
