"""The script as pages get it."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from structlog.testing import capture_logs

from rollwatch.ingest.browser import script
from rollwatch.ingest.browser.script import read_script
from rollwatch.serving.server import Listener
from support.browser_intake import Browsers, browser_config
from support.web import ask, listening

BUILT = b"/*! rollwatch */\n(function (settings) {\n})\n"
TWO = {"web": {"sample": 0.25}, "shop": {}, "api": None}


@asynccontextmanager
async def serving(
    built: bytes | None = BUILT, services: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Browsers, Listener]]:
    browsers = Browsers(browser_config(services=services or TWO), script=built)
    async with listening(routes=browsers.intake.routes()) as listener:
        yield browsers, listener


async def test_a_page_gets_the_script_with_its_settings() -> None:
    async with serving() as (_, listener):
        answer = await ask(listener, "/rum.js?service=web")
        assert answer.status == 200
        assert answer.body == (
            '/*! rollwatch */\n(function (settings) {\n})({"service":"web","sample":0.25});\n'
        )
        assert answer.headers["Content-Type"] == "application/javascript; charset=utf-8"
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert '"sample":1.0' in (await ask(listener, "/rum.js?service=shop")).body


async def test_a_browser_that_has_it_is_told_so() -> None:
    async with serving() as (browsers, listener):
        first = await ask(listener, "/rum.js?service=web")
        again = await ask(
            listener, "/rum.js?service=web", headers={"If-None-Match": f'W/"x", {first.headers["ETag"]}'}
        )
        assert (again.status, again.body, again.headers["ETag"]) == (304, "", first.headers["ETag"])
        assert again.headers["Cache-Control"] == "public, max-age=3600"
        # The settings are part of it.
        browsers.intake.configure(browser_config(services={"web": {"sample": 0.5}}))
        changed = await ask(listener, "/rum.js?service=web", headers={"If-None-Match": first.headers["ETag"]})
        assert changed.status == 200
        assert '"sample":0.5' in changed.body


async def test_it_is_compressed_for_whoever_takes_that() -> None:
    async with serving() as (_, listener), aiohttp.ClientSession(auto_decompress=False) as client:
        url = f"{listener.url}/rum.js?service=web"
        plain = await client.get(url, headers={"Accept-Encoding": "identity"})
        for _ in range(2):
            packed = await client.get(url, headers={"Accept-Encoding": "br, gzip"})
            assert packed.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await packed.read()) == await plain.read()
        assert packed.headers["ETag"] != plain.headers["ETag"]
        unchanged = await client.get(
            url, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
        )
        assert (unchanged.status, await unchanged.read()) == (304, b"")
        assert "Content-Encoding" not in unchanged.headers


async def test_a_head_request_gets_the_headers() -> None:
    async with serving() as (_, listener):
        answer = await ask(listener, "/rum.js?service=web", "HEAD")
        assert (answer.status, answer.body) == (200, "")
        assert int(answer.headers["Content-Length"]) > len(BUILT)


async def test_the_only_service_needs_no_name() -> None:
    async with serving(services={"web": {}, "api": None}) as (_, listener):
        assert '"service":"web"' in (await ask(listener, "/rum.js")).body


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (400, "service_missing")),
        ("?service=", (404, "unknown_service")),
        ("?service=api", (404, "unknown_service")),
        ("?service=nothing", (404, "unknown_service")),
        ("?service=%22%3C%2Fscript%3E", (404, "unknown_service")),
    ],
)
async def test_what_the_page_must_say_is_told(query: str, expected: tuple[int, str]) -> None:
    async with serving() as (_, listener):
        answer = await ask(listener, f"/rum.js{query}", headers={"Accept": "application/json"})
        assert (answer.status, orjson.loads(answer.body)["error"]) == expected
        assert "script>" not in answer.body


async def test_a_script_that_was_not_built_is_said_once_and_with_what_to_do() -> None:
    with capture_logs() as logs:
        async with serving(built=None) as (browsers, listener):
            browsers.intake.configure(browser_config(services=TWO))
            answer = await ask(listener, "/rum.js?service=web")
            assert answer.status == 503
            assert "make rum" in answer.body
            assert "Node" in answer.body
    [warning] = [line for line in logs if line["event"] == "browser_script_missing"]
    assert "make rum" in warning["remedy"]


async def test_nobody_hears_of_a_missing_script_who_has_no_use_for_it() -> None:
    with capture_logs() as logs:
        Browsers(browser_config(services={"api": None}), script=None)
    assert logs == []


def test_the_script_is_read_from_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.resources, "files", lambda _: tmp_path)
    assert read_script() is None
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "rum.js").write_bytes(BUILT)
    assert read_script() == BUILT
