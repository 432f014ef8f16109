"""Beacons over a real listener: who is heard, what is refused, and what the figures then are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from rollwatch.serving.limits import Limits
from rollwatch.serving.server import Listener
from support.browser_intake import AGENT, NOW, ORIGIN, Browsers, beacon, browser_config, error, figures
from support.web import Answer, ask, eventually, listening

PATH = "/ingest/browser"
MAPS = Path(__file__).parents[2] / "unit" / "ingest" / "browser" / "minified"
OTHER = "https://other.example.com"
SAID = {"Origin": ORIGIN, "Content-Type": "text/plain;charset=UTF-8", "User-Agent": AGENT}
LCP = {"type": "vital", "name": "LCP", "value": 1200, "path": "/"}
ACCEPTED = ("", 204)


@asynccontextmanager
async def serving(
    config: Any = None, limits: Limits | None = None
) -> AsyncIterator[tuple[Browsers, Listener]]:
    browsers = Browsers(config or browser_config(goals=["signup"]))
    async with listening(routes=browsers.intake.routes(), limits=limits) as listener:
        yield browsers, listener


async def post(listener: Listener, body: bytes, **headers: str | None) -> Answer:
    """One beacon; a header that is None is left out, and underscores are dashes."""
    said = {**SAID, "Accept": "application/json"}
    said.update({name.replace("_", "-"): value for name, value in headers.items() if value is not None})
    for name in [name.replace("_", "-") for name, value in headers.items() if value is None]:
        said.pop(name, None)
    return await ask(listener, PATH, "POST", headers=said, body=body)


def outcome(answer: Answer) -> tuple[str, int]:
    return ("" if not answer.body else orjson.loads(answer.body)["error"]), answer.status


def counted(browsers: Browsers) -> dict[str, float]:
    """Every outcome that was counted."""
    seen = {**browsers.shown("beacons_total"), **browsers.shown("unread_requests_total")}
    return {key[0]: value for key, value in seen.items() if value}


def everything(browsers: Browsers) -> dict[tuple[str, ...], Any]:
    """Every series, but those that say what was refused."""
    told = {
        "rollwatch_browser_beacons_total",
        "rollwatch_browser_unread_requests_total",
        "rollwatch_browser_unknown_goals_total",
    }
    browsers.intake.refresh()
    return {
        (family.metric.name, *key): getattr(child, "sum", None) or getattr(child, "value", None)
        for family in browsers.store.families()
        for key, child in family.children.items()
        if family.metric.name not in told
    }


# What is taken


@pytest.mark.parametrize(
    "content_type", ["text/plain;charset=UTF-8", "application/json", "Application/JSON ; charset=utf-8", None]
)
async def test_a_beacon_is_taken_whichever_way_a_browser_may_label_it(content_type: str | None) -> None:
    async with serving() as (browsers, listener):
        answer = await post(listener, beacon(LCP), Content_Type=content_type)
        assert (answer.status, answer.body) == (204, "")
        assert browsers.shown("lcp_seconds") == {("/", "mobile"): 1}
        assert counted(browsers) == {"accepted": 1}


async def test_a_page_may_read_the_answer() -> None:
    async with serving() as (_, listener):
        answer = await post(listener, beacon())
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Vary"] == "Origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_an_error_reaches_figures_and_the_list_with_its_browser() -> None:
    async with serving() as (browsers, listener):
        assert (await post(listener, beacon(error(), session="session-1"))).status == 204
        assert (await post(listener, beacon(error(), session="session-2"))).status == 204
        await browsers.intake.work()
        [group] = browsers.intake.errors()["web"]
        assert (group["count"], group["sessions"], group["browsers"]) == (2, 2, ["Chrome 131"])
        assert group["stack"] == "at f (https://www.example.com/app.js:1:2)"
        assert sum(browsers.shown("errors_total").values()) == 2


async def test_a_minified_stack_is_told_in_its_sources() -> None:
    stack = "TypeError: no\n    at l (https://shop.example/assets/app.3f2a9c.js:1:278)"
    async with serving(browser_config(source_maps=str(MAPS))) as (browsers, listener):
        with capture_logs() as logs:
            assert (await post(listener, beacon(error(stack=stack)))).status == 204
            await browsers.intake.work()
        [line] = [line for line in logs if line["event"] == "browser_error"]
        [group] = browsers.intake.errors()["web"]
        assert "../src/cart.js:6:23" in group["stack"]
        assert line["exception"] == group["stack"]


async def test_what_can_be_used_is_taken_beside_a_goal_that_is_not_declared() -> None:
    goal = {"type": "goal", "name": "logout"}
    async with serving() as (browsers, listener):
        assert outcome(await post(listener, beacon(LCP, goal))) == ACCEPTED
        assert outcome(await post(listener, beacon(goal))) == ("unknown_goal", 422)
        assert browsers.shown("unknown_goals_total") == {(): 2}
        assert browsers.shown("lcp_seconds") == {("/", "mobile"): 1}


async def test_while_it_lives_errors_are_told_and_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollwatch.ingest.browser.intake._SWEEP_S", 0.02)
    with capture_logs() as logs:
        async with serving() as (browsers, listener):
            living = asyncio.create_task(browsers.intake.live())
            await post(listener, beacon(error()))
            await eventually(lambda: bool(browsers.intake.errors()["web"]))
            assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["browser_error"]
            browsers.clock.advance(1801)
            # Without a scrape, which would do it as well.
            await eventually(lambda: figures(browsers.store, "session_duration_seconds")["mobile",] == 1)
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living
            assert living.cancelled()


# Who is heard


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (ORIGIN, ACCEPTED),
        (None, ("origin_not_allowed", 403)),
        ("null", ("origin_not_allowed", 403)),
        ("https://www.example.com.evil.example", ("origin_not_allowed", 403)),
        ("http://www.example.com", ("origin_not_allowed", 403)),
        (OTHER, ("origin_not_allowed", 403)),
    ],
)
async def test_only_pages_of_the_services_origins_are_heard(
    origin: str | None, expected: tuple[str, int]
) -> None:
    config = browser_config(services={"web": {}, "other": {"origins": [OTHER]}})
    async with serving(config) as (browsers, listener):
        before = everything(browsers)
        answer = await post(listener, beacon(LCP), Origin=origin)
        assert outcome(answer) == expected
        assert counted(browsers) == {expected[0] or "accepted": 1}
        # Whoever may send for some service may read why it was refused for this one.
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == (origin if origin in {ORIGIN, OTHER} else None)
        assert (everything(browsers) == before) is (expected != ACCEPTED)


@pytest.mark.parametrize("service", ["api", "nothing", "WEB", "web\u0000", "../web"])
async def test_a_service_without_browsers_is_as_unknown_as_none(service: str) -> None:
    async with serving(browser_config(services={"web": {}, "api": None})) as (browsers, listener):
        answer = await post(listener, beacon(service=service))
        assert outcome(answer) == ("unknown_service", 404)
        assert service not in answer.body
        assert counted(browsers) == {"unknown_service": 1}


async def test_one_client_that_sends_too_often_keeps_no_other_from_sending() -> None:
    config = browser_config(ingest={"client_rate": 0.5, "client_burst": 2})
    async with serving(config) as (browsers, listener):
        first = [outcome(await post(listener, beacon(), X_Forwarded_For="192.0.2.1")) for _ in range(3)]
        assert first == [ACCEPTED, ACCEPTED, ("too_many_requests", 429)]
        refused = await post(listener, b"", X_Forwarded_For="evil, 192.0.2.1")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "2")
        assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert outcome(await post(listener, beacon(), X_Forwarded_For="192.0.2.2")) == ACCEPTED
        browsers.clock.advance(2)
        assert outcome(await post(listener, beacon(), X_Forwarded_For="192.0.2.1")) == ACCEPTED
        assert counted(browsers) == {"accepted": 4, "too_many_requests": 2}


async def test_a_forwarded_address_is_not_believed_of_just_anybody() -> None:
    config = browser_config(ingest={"client_rate": 1, "client_burst": 1, "trusted_proxies": ["192.0.2.0/24"]})
    async with serving(config) as (_, listener):
        assert outcome(await post(listener, beacon(), X_Forwarded_For="192.0.2.1")) == ACCEPTED
        assert (await post(listener, beacon(), X_Forwarded_For="192.0.2.2")).status == 429


async def test_all_clients_together_are_bounded_too() -> None:
    async with serving(browser_config(ingest={"total_rate": 2})) as (browsers, listener):
        answers = [
            outcome(await post(listener, beacon(), X_Forwarded_For=f"192.0.2.{index}")) for index in range(3)
        ]
        assert answers == [ACCEPTED, ACCEPTED, ("too_many_clients", 503)]
        assert counted(browsers) == {"accepted": 2, "too_many_clients": 1}


async def test_what_is_not_taken_from_the_gate_is_not_even_read() -> None:
    config = browser_config(ingest={"client_rate": 1, "client_burst": 1})
    async with serving(config) as (browsers, listener):
        await post(listener, beacon())
        assert outcome(await post(listener, b"{", Content_Type="image/png")) == ("too_many_requests", 429)
        assert counted(browsers) == {"accepted": 1, "too_many_requests": 1}


# Preflights


async def test_a_page_may_ask_first_whether_it_may_send() -> None:
    async with serving() as (browsers, listener):
        said = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        answer = await ask(listener, PATH, "OPTIONS", headers=said)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Methods"] == "POST"
        assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"
        refused = await ask(listener, PATH, "OPTIONS", headers={**said, "Origin": OTHER})
        assert refused.status == 403
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert counted(browsers) == {}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_there_is_nothing_to_read_or_to_change(method: str) -> None:
    async with serving() as (_, listener):
        answer = await ask(listener, PATH, method)
        assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST")


# What is refused


def with_member(**members: Any) -> bytes:
    return beacon(LCP, **members)


def nested(depth: int) -> bytes:
    return beacon(LCP).replace(b"1200", b"[" * depth + b"]" * depth)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ("json_invalid", 400)),
        (beacon(LCP)[:-1], ("json_invalid", 400)),
        (nested(10_000), ("json_invalid", 400)),
        (b'{"events":' * 5000, ("json_invalid", 400)),
        (beacon(LCP).replace(b'"/"', b'"\\ud800"'), ("json_invalid", 400)),
        (beacon(LCP).replace(b'"/"', b'"\xed\xa0\x80"'), ("json_invalid", 400)),
        (b"\x1f\x8b" + bytes(100), ("json_invalid", 400)),
        (b"service=web&events=1", ("json_invalid", 400)),
        (b"[" + beacon(LCP) + b"]", ("beacon_invalid", 422)),
        (beacon(LCP).replace(b"1200", b"NaN"), ("beacon_invalid", 422)),
        (beacon(LCP).replace(b"1200", b"-1"), ("beacon_invalid", 422)),
        (beacon(LCP).replace(b"1200", b"1e400"), ("beacon_invalid", 422)),
        (beacon(LCP).replace(b"1200", b'"1200"'), ("beacon_invalid", 422)),
        (beacon(LCP).replace(b"1200", b"true"), ("beacon_invalid", 422)),
        (beacon(LCP).replace(b"1200", b"9" * 4000), ("beacon_invalid", 422)),
        (nested(50), ("beacon_invalid", 422)),
        (beacon(*[LCP] * 51), ("beacon_invalid", 422)),
        (beacon(*[{"type": "view", "path": "/", "query": "?a=b"}]), ("beacon_invalid", 422)),
        (with_member(ip="192.0.2.1"), ("beacon_invalid", 422)),
        (with_member(v=2), ("beacon_invalid", 422)),
        (with_member(sent_at=NOW + 2 * 86_400), ("clock_off", 422)),
        (with_member(sent_at=NOW - 2 * 86_400), ("clock_off", 422)),
        (with_member(sent_at=0), ("clock_off", 422)),
        (beacon({"type": "goal", "name": "<script>"}), ("unknown_goal", 422)),
        (beacon(LCP, release="x" * 65_536), ("body_too_large", 413)),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else value[0],
)
async def test_a_hostile_body_gets_a_name_and_changes_nothing(body: bytes, expected: tuple[str, int]) -> None:
    async with serving() as (browsers, listener):
        before = everything(browsers)
        answer = await post(listener, body)
        assert outcome(answer) == expected
        assert everything(browsers) == before
        # The next one is heard as ever.
        assert outcome(await post(listener, beacon(LCP))) == ACCEPTED


async def test_a_beacon_counts_once() -> None:
    async with serving() as (browsers, listener):
        body = beacon(LCP)
        assert outcome(await post(listener, body)) == ACCEPTED
        before = everything(browsers)
        assert outcome(await post(listener, body)) == ("duplicate", 409)
        assert everything(browsers) == before
        assert counted(browsers) == {"accepted": 1, "duplicate": 1}


async def test_the_same_beacon_twice_at_once_counts_once() -> None:
    async with serving() as (browsers, listener):
        body = beacon(error("a"), error("b"))
        answers = await asyncio.gather(*(post(listener, body) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [204, 409, 409, 409, 409]
        assert browsers.shown("all_errors_total")["error",] == 2


async def test_errors_are_looked_at_for_one_beacon_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as (browsers, listener):
        at_work = browsers.intake._applications["web"]
        examine, at_once = at_work.examine, [0]

        async def slowly(beacon: Any) -> Any:
            at_once.append(at_once[-1] + 1)
            for _ in range(5):
                await asyncio.sleep(0)
            at_once.append(at_once[-1] - 1)
            return await examine(beacon)

        monkeypatch.setattr(at_work, "examine", slowly)
        answers = await asyncio.gather(*(post(listener, beacon(error(text))) for text in "abcde"))
        assert {answer.status for answer in answers} == {204}
        assert max(at_once) == 1


async def test_an_error_that_is_known_waits_for_nobody() -> None:
    async with serving() as (browsers, listener):
        await post(listener, beacon(error()))
        async with browsers.gate.turn(is_long=True):
            answer = await asyncio.wait_for(post(listener, beacon(error(), LCP)), 10)
        assert answer.status == 204
        assert browsers.shown("all_errors_total")["error",] == 2


async def test_a_beacon_that_was_refused_may_come_again() -> None:
    async with serving() as (_, listener):
        body = beacon(LCP)
        assert (await post(listener, body, Origin=None)).status == 403
        assert outcome(await post(listener, body)) == ACCEPTED


@pytest.mark.parametrize(
    "content_type", ["image/png", "text/html", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_other_media_types_are_refused(content_type: str) -> None:
    async with serving() as (browsers, listener):
        answer = await post(listener, beacon(), Content_Type=content_type)
        assert outcome(answer) == ("content_type", 415)
        assert counted(browsers) == {"content_type": 1}


async def raw(listener: Listener, *pieces: bytes) -> bytes:
    """Send as much as the other end takes; what it answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


HEAD = (
    b"POST /ingest/browser HTTP/1.1\r\nHost: a\r\nConnection: close\r\nOrigin: https://www.example.com\r\n"
    b"Content-Type: text/plain\r\n"
)


async def test_ten_megabytes_are_not_waited_for() -> None:
    async with serving() as (browsers, listener):
        answer = await raw(listener, HEAD + b"Content-Length: 10485760\r\n\r\n", b"x" * 1000)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert counted(browsers) == {"body_too_large": 1}
        chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
        answer = await raw(listener, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 9)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert counted(browsers) == {"body_too_large": 2}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"Content-Length": "10485760"}, ("body_too_large", 413)),
        ({"Content-Encoding": "gzip"}, ("encoded_body", 415)),
    ],
)
async def test_what_is_refused_by_what_it_declares_is_counted_and_told_to_the_page(
    declared: dict[str, str], expected: tuple[str, int]
) -> None:
    async with serving() as (browsers, listener):
        answer = await post(listener, beacon(), **declared)
        assert outcome(answer) == expected
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert counted(browsers) == {expected[0]: 1}


async def test_a_body_that_drips_is_given_up() -> None:
    async with serving(limits=Limits(body_s=0.2)) as (browsers, listener):
        answer = await raw(listener, HEAD + b"Content-Length: 100\r\n\r\n", b"x")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert counted(browsers) == {"body_too_slow": 1}


# Privacy


async def test_nothing_of_a_person_is_kept_or_logged() -> None:
    message = "no order 4111111111111111 for ada@example.com at https://h/x?token=SECRET1"
    stack = "Error: ada@example.com\n    at f (https://www.example.com/app.js?user=SECRET2:1:2)"
    body = beacon(
        error(message, stack=stack, path="/users/ada@example.com"),
        session="SESSION-OF-ADA",
        id="BEACON-OF-ADA",
    )
    with capture_logs() as logs:
        async with serving() as (browsers, listener):
            await post(
                listener,
                body,
                X_Forwarded_For="203.0.113.77",
                Referer="https://www.example.com/?q=SECRET3",
                User_Agent=f"{AGENT} SECRET4",
            )
            await browsers.intake.work()
            seen = repr((logs, browsers.intake.errors(), everything(browsers)))
    assert "browser_error" in seen
    for secret in ("ada@", "4111", "SECRET", "OF-ADA", "203.0.113.77"):
        assert secret not in seen


async def test_a_reload_while_an_error_is_looked_at_leaves_no_series(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as (browsers, listener):
        at_work = browsers.intake._applications["web"]
        examine = at_work.examine

        async def slowly(beacon: Any) -> Any:
            browsers.intake.configure(browser_config(services={}))
            return await examine(beacon)

        monkeypatch.setattr(at_work, "examine", slowly)
        assert outcome(await post(listener, beacon(error()))) == ACCEPTED
        assert browsers.store.families() == []
