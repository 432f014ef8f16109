"""What every answer has, and what the refused and the failed ones say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from rollwatch.errors import CantStart
from rollwatch.serving.limits import Limits
from rollwatch.serving.route import ANYONE, Route
from support.web import ROUTES, ask, eventually, listening


async def test_every_answer_is_dressed_and_says_nothing_of_its_makers() -> None:
    async with listening() as listener:
        for target in ("/", "/no-such-page", "/fail"):
            headers = (await ask(listener, target)).headers
            assert headers["Server"] == "rollwatch"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            assert headers["Cache-Control"] == "no-store"
            assert headers["Content-Security-Policy"].startswith("default-src 'none';")
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


async def test_headers_of_the_web_configuration_win(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("http_server_config: {headers: {X-Frame-Options: sameorigin}}")
    async with listening(path) as listener:
        assert (await ask(listener)).headers["X-Frame-Options"] == "sameorigin"


@pytest.mark.parametrize(
    ("target", "method", "status", "error"),
    [
        ("/nowhere", "GET", 404, "not_found"),
        ("/act", "GET", 405, "method_not_allowed"),
        ("/", "DELETE", 405, "method_not_allowed"),
        ("/fail", "GET", 500, "internal_error"),
    ],
)
async def test_a_refusal_is_text_or_json_and_says_what_to_do(
    target: str, method: str, status: int, error: str
) -> None:
    async with listening() as listener:
        text = await ask(listener, target, method)
        as_json = await ask(listener, target, method, headers={"Accept": "application/json"})
    assert (text.status, as_json.status) == (status, status)
    assert text.headers["Content-Type"].startswith("text/plain")
    document = json.loads(as_json.body)
    assert document["error"] == error
    assert text.body == f"{document['message']}\n{document['remedy']}\n"


async def test_a_wrong_method_is_told_the_right_ones() -> None:
    async with listening() as listener:
        assert (await ask(listener, "/act")).headers["Allow"] == "POST"
        assert (await ask(listener, "/", "POST")).headers["Allow"] == "GET, HEAD"


async def test_a_fault_of_ours_shows_nothing_and_is_in_the_log() -> None:
    async with listening() as listener:
        with capture_logs() as logs:
            answer = await ask(listener, "/fail?token=hunter22", headers={"Accept": "text/html"})
    assert answer.status == 500
    assert "secret" not in answer.body
    assert "Traceback" not in answer.body
    failed = next(entry for entry in logs if entry["event"] == "request_failed")
    assert isinstance(failed["exc_info"], RuntimeError)
    assert "hunter22" not in str(logs)


async def test_the_access_log_has_no_query_and_no_line_breaks() -> None:
    async with listening() as listener:
        with capture_logs() as logs:
            await ask(listener, "/%0Ainjected?token=hunter22")
            await eventually(lambda: any(entry["event"] == "request" for entry in logs))
    entry = next(entry for entry in logs if entry["event"] == "request")
    assert (entry["path"], entry["status"], entry["log_level"]) == ("/%0Ainjected", 404, "debug")
    assert "hunter22" not in str(logs)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_a_post_from_another_site_reaches_no_handler(headers: dict[str, str], status: int) -> None:
    calls: list[str] = []

    async def act(_: web.Request) -> web.Response:
        calls.append("called")
        return web.Response()

    async with listening(routes=[Route("POST", "/act", act, ANYONE)]) as listener:
        assert (await ask(listener, "/act", "POST", headers=headers, body=b"x")).status == status
    assert len(calls) == (status == 200)


async def test_two_listeners_on_one_port_are_said_clearly() -> None:
    async with listening() as first:
        with pytest.raises(CantStart, match=f"{first.address}: the port is taken"):
            async with listening(address=str(first.address)):
                pass


async def test_the_port_is_free_again_after_the_end() -> None:
    async with listening() as listener:
        address = str(listener.address)
    async with listening(address=address) as listener:
        assert (await ask(listener)).status == 200


@pytest.mark.parametrize(("address", "is_warned"), [("127.0.0.1:0", False), ("[::1]:0", False), (":0", True)])
async def test_listening_to_the_world_without_authentication_is_warned_of(
    address: str, is_warned: bool
) -> None:
    with capture_logs() as logs:
        async with listening(address=address):
            pass
    warned = [entry for entry in logs if entry["event"] == "listening_without_authentication"]
    assert bool(warned) is is_warned


async def test_a_request_under_way_is_finished_at_the_end_and_an_idle_one_is_not_waited_for() -> None:
    may_answer = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await may_answer.wait()
        return web.Response(text="done")

    async with listening(routes=[*ROUTES, Route("GET", "/wait", wait, ANYONE)]) as listener:
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", listener.port)
        under_way = asyncio.create_task(ask(listener, "/wait"))
        await eventually(lambda: listener.busy == 1)
        asyncio.get_running_loop().call_later(0.1, may_answer.set)
    assert (await under_way).body == "done"
    assert await idle_reader.read() == b""
    idle_writer.close()


async def test_the_end_comes_even_if_a_handler_never_ends() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    async with asyncio.timeout(20):
        limits = Limits(shutdown_s=0.2)
        async with listening(routes=[Route("GET", "/hang", hang, ANYONE)], limits=limits) as listener:
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
            await eventually(lambda: listener.busy == 1)
    assert listener.open == 0
    writer.close()
