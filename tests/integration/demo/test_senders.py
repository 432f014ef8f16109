"""What the production sends by itself: in the forms the exporter takes, and whether or not it is there."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
from importlib import resources
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from rollwatch.clock import SystemClock
from rollwatch.demo.faults import Fault
from rollwatch.demo.production.browsers import BROWSERS
from rollwatch.demo.production.logfile import LogFile
from rollwatch.demo.production.part import Tokens
from rollwatch.demo.production.postbox import Outcome, Postbox
from rollwatch.demo.production.pusher import Pusher
from rollwatch.demo.production.registry import ports_from
from rollwatch.demo.production.request_log import RequestLog
from rollwatch.demo.production.sender import SenderEnv
from rollwatch.demo.production.serve import Production
from rollwatch.demo.production.settings import ProductionSettings
from rollwatch.demo.production.visitors import Visit
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.stack.ports import StackPorts
from rollwatch.demo.switchboard import Switchboard
from rollwatch.demo.trouble import DemoError
from rollwatch.ingest.browser.beacon import ErrorEvent, SessionStartEvent, TimeEvent, parse_beacon
from rollwatch.ingest.push.own_shape import check_form
from support.web import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.fake_ingest import FakeIngest

    from .conftest import Visitor

PUSH = "/api/metrics/export"
BEACONS = "/ingest/browser"


@pytest.fixture
async def said() -> list[str]:
    return []


@pytest.fixture
async def postbox(ingest: FakeIngest, said: list[str]) -> AsyncIterator[Postbox]:
    async with aiohttp.ClientSession() as session:
        yield Postbox(session, f"http://127.0.0.1:{ingest.port}", said.append)


@pytest.fixture
async def env(postbox: Postbox, tmp_path: Path) -> SenderEnv:
    clock, ids = SystemClock(), _ids()
    return SenderEnv(
        board=Switchboard(clock),
        clock=clock,
        rng=random.Random(3),
        new_id=lambda: next(ids),
        tokens=Tokens(
            "", "", "", push_api="api-token", push_trading="desk-token", push_web="lab-token", inbox=""
        ),
        postbox=postbox,
        logs=tmp_path,
        interval_s=1.0,
        page="http://127.0.0.1:9731",
        visitors=1,
    )


def _ids() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"made-up-{number}"


async def test_all_of_it_arrives_as_the_exporter_takes_it(visitor: Visitor) -> None:
    arrived = visitor.ingest
    await eventually(
        lambda: bool(arrived.trades() and arrived.metrics("rollwatch_payments_total") and arrived.of(BEACONS))
    )

    for push in arrived.of(PUSH):
        document = json.loads(push.body)
        check_form(document)
        name = {"api-1": "push-api", "desk-1": "push-trading", "lighthouse": "push-web"}[document["source"]]
        assert push.headers["Authorization"] == f"Bearer {visitor.secret(name)}"
    for beacon in arrived.of(BEACONS):
        assert parse_beacon(beacon.body).service == "web"
        assert beacon.headers["Origin"] == f"http://127.0.0.1:{visitor.production.ports['front']}"
        assert beacon.headers["X-Forwarded-For"].startswith("203.0.113.")


async def test_running_totals_never_fall(visitor: Visitor) -> None:
    def hits() -> list[float]:
        return [
            metric["total"]
            for metric in visitor.ingest.metrics("rollwatch_cache_requests_total")
            if metric["labels"] == {"outcome": "hit"}
        ]

    await eventually(lambda: len(hits()) >= 3)
    assert hits() == sorted(hits())
    assert hits()[-1] > hits()[0]
    ids = [document["id"] for document in visitor.ingest.pushed()]
    assert len(set(ids)) == len(ids)


def visit_of(env: SenderEnv, browser: int = 0) -> Visit:
    return Visit(env, BROWSERS[browser], "203.0.113.9")


async def test_a_visit_begins_once_and_measures_what_it_loads(env: SenderEnv) -> None:
    visit = visit_of(env)
    beacons = [parse_beacon(visit.beacon()) for _ in range(30)]

    starts = [event for beacon in beacons for event in beacon.events if isinstance(event, SessionStartEvent)]
    assert len(starts) == 1
    assert len({beacon.session for beacon in beacons}) == 1
    assert len({beacon.id for beacon in beacons}) == 30
    largest = [
        event.value
        for beacon in beacons
        for event in beacon.events
        if isinstance(event, TimeEvent) and event.name == "LCP"
    ]
    assert 5 <= len(largest) < 30
    assert all(value < 2500 for value in largest)


@pytest.mark.parametrize("browser", range(len(BROWSERS)))
async def test_visitors_tell_of_a_page_that_is_slow_and_broken(env: SenderEnv, browser: int) -> None:
    env.board.switch_on(Fault.SLOW_PAGE)
    env.board.switch_on(Fault.SCRIPT_ERROR)
    events = parse_beacon(visit_of(env, browser).beacon()).events

    (largest,) = [event.value for event in events if isinstance(event, TimeEvent) and event.name == "LCP"]
    assert largest > 4000
    (error,) = [event for event in events if isinstance(event, ErrorEvent)]
    assert (error.name, error.first) == ("TypeError", True)
    assert "toFixed" in error.message
    assert error.stack is not None
    assert "showFee" in error.stack
    place = re.search(rf"{env.page}/page\.js:(\d+):(\d+)", error.stack)
    assert place is not None
    line = (
        resources.files("rollwatch.demo.production")
        .joinpath("page/page.js")
        .read_text()
        .splitlines()[int(place[1]) - 1]
    )
    assert line[int(place[2]) - 1 :].startswith("toFixed"), "where a real browser says it fails"


async def test_nobody_sees_a_page_that_can_not_be_opened(tmp_path: Path, ingest: FakeIngest) -> None:
    settings = ProductionSettings(
        RunDir(tmp_path / "run"), ports_from(0), StackPorts(ingest=ingest.port), interval="1s", visitors=100
    )
    production = Production(settings, clock=SystemClock(), say=lambda _text: None)
    production.board.switch_on(Fault.FRONTEND_DOWN)
    await production.start()
    try:
        # In the time of so many trades, half of the visitors would have come.
        await eventually(lambda: len(ingest.trades()) >= 8)
        assert ingest.of(BEACONS) == []
        production.board.heal()
        await eventually(lambda: bool(ingest.of(BEACONS)))
    finally:
        await production.stop()


def parsed(log: RequestLog, writes: int) -> list[dict[str, Any]]:
    return [json.loads(line) for _ in range(writes) for line in log.lines()]


def requests_of(lines: list[dict[str, Any]], prefix: str = "/api/") -> list[dict[str, Any]]:
    return [line for line in lines if line["message"] == "request" and line["path"].startswith(prefix)]


async def test_the_log_of_a_well_api(env: SenderEnv) -> None:
    lines = parsed(RequestLog(env), 400)

    requests = requests_of(lines)
    assert {line["status"] for line in requests} == {200, 201, 404}
    assert all(line["ms"] < 500 for line in requests)
    webhooks = [line["outcome"] for line in lines if line["message"] == "payment webhook"]
    assert len(webhooks) == 200
    assert webhooks.count("failed") <= 1
    assert sum(line["level"] == "error" for line in lines) <= 3


@pytest.mark.parametrize("fault", [Fault.API_5XX, Fault.BAD_RELEASE])
async def test_requests_that_fail_are_logged_with_their_error(env: SenderEnv, fault: Fault) -> None:
    env.board.switch_on(fault)
    lines = parsed(RequestLog(env), 100)

    assert {line["status"] for line in requests_of(lines, "/api/orders")} == {500}
    users = {line["status"] for line in requests_of(lines, "/api/users")}
    assert users == {500} if fault is Fault.API_5XX else 500 not in users
    assert {line["name"] for line in lines if line["level"] == "error"} >= {"TypeError"}


async def test_slow_requests_are_logged_with_their_time(env: SenderEnv) -> None:
    env.board.switch_on(Fault.SLOW)
    lines = parsed(RequestLog(env), 50)

    assert all(line["ms"] > 2000 for line in requests_of(lines, "/api/orders"))
    assert all(line["ms"] < 500 for line in requests_of(lines, "/api/users"))


async def test_nothing_is_logged_of_requests_that_hang(env: SenderEnv) -> None:
    env.board.switch_on(Fault.HANG)

    assert requests_of(parsed(RequestLog(env), 50)) == []


async def test_failed_webhooks_are_logged(env: SenderEnv) -> None:
    env.board.switch_on(Fault.FAILING_PAYMENTS)
    lines = parsed(RequestLog(env), 400)

    outcomes = [line["outcome"] for line in lines if line["message"] == "payment webhook"]
    assert outcomes.count("failed") == 150
    assert {line["status"] for line in requests_of(lines)} == {200, 201, 404}


def test_a_log_is_begun_anew_when_it_is_full_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    log = LogFile(path, limit=100)
    for number in range(12):
        log.write([f"line {number} of ten bytes"])
    kept = (tmp_path / "api.log.1").read_text() + path.read_text()

    assert path.stat().st_size < 130
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept.splitlines()[-5:] == [f"line {number} of ten bytes" for number in range(7, 12)]


async def test_a_log_that_can_not_be_written_ends_the_production_with_a_reason(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / "run")
    settings = ProductionSettings(run_dir, ports_from(0), stack=StackPorts(ingest=1), visitors=0)
    production = Production(settings, clock=SystemClock(), say=lambda _text: None)
    await production.start()
    try:
        run_dir.logs.rename(tmp_path / "elsewhere")
        run_dir.logs.write_text("no directory")
        with pytest.raises(DemoError, match="can't be written: Not a directory"):
            await asyncio.wait_for(production.until_it_fails(), 10)
    finally:
        await production.stop()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.TAKEN),
        (204, Outcome.TAKEN),
        (409, Outcome.TAKEN),
        (401, Outcome.REFUSED),
        (422, Outcome.REFUSED),
        (429, Outcome.LATER),
        (503, Outcome.LATER),
    ],
)
async def test_what_becomes_of_a_post(
    postbox: Postbox, ingest: FakeIngest, status: int, outcome: Outcome
) -> None:
    ingest.answer = (status, "")

    assert await postbox.post(BEACONS, b"{}", {}) is outcome


async def test_a_refusal_is_said_once_and_again_when_it_is_another(
    postbox: Postbox, ingest: FakeIngest, said: list[str]
) -> None:
    for answer in (
        (204, ""),
        (422, '{"message": "No such goal."}'),
        (422, ""),
        (401, "no\x1b[2J"),
        (204, ""),
    ):
        ingest.answer = answer
        await postbox.post(BEACONS, b"{}", {})
    ingest.answer = (422, "[]")
    await postbox.post(BEACONS, b"{}", {})

    url = f"http://127.0.0.1:{ingest.port}"
    assert said == [
        f"{url} takes what is sent",
        f"{url}{BEACONS} refuses what is sent: 422 No such goal.",
        f"{url}{BEACONS} refuses what is sent: 401 no?[2J",
        f"{url}{BEACONS} refuses what is sent: 422 []",
    ]


async def test_an_exporter_that_is_not_there_is_said_once(said: list[str]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with aiohttp.ClientSession() as session:
            postbox = Postbox(session, url, said.append)
            outcomes = [await postbox.post(path, b"{}", {}) for path in (BEACONS, PUSH, BEACONS)]

    assert outcomes == [Outcome.LATER] * 3
    assert len(said) == 1
    assert f"nothing answers at {url}" in said[0]
    assert "--web.ingest-address" in said[0]


async def test_a_push_that_is_not_taken_goes_before_the_next(env: SenderEnv, ingest: FakeIngest) -> None:
    pusher = Pusher(env.postbox, "token", "api-1", env.clock, env.new_id)
    ingest.answer = (503, "")
    await pusher.push(metrics=[{"name": "first_total", "add": 1}])
    await pusher.push(metrics=[{"name": "second_total", "add": 1}])
    ingest.answer = (200, "{}")
    await pusher.push(metrics=[{"name": "third_total", "add": 1}])

    documents = ingest.pushed()
    assert [document["metrics"][0]["name"] for document in documents] == [
        *("first_total", "first_total"),
        *("first_total", "second_total", "third_total"),
    ]
    assert len({document["id"] for document in documents[:3]}) == 1, "the same push, by its id"
    moments = [document["sent_at"] for document in documents[2:]]
    assert moments == sorted(moments)
    assert {(document["source"], document["started_at"]) for document in documents} == {
        ("api-1", documents[0]["started_at"])
    }


async def test_a_push_that_is_refused_is_not_sent_again(env: SenderEnv, ingest: FakeIngest) -> None:
    pusher = Pusher(env.postbox, "token", "api-1", env.clock, env.new_id)
    ingest.answer = (422, '{"message": "Nothing was accepted."}')
    await pusher.push(metrics=[{"name": "first_total", "add": 1}])
    ingest.answer = (200, "{}")
    await pusher.push(metrics=[{"name": "second_total", "add": 1}])

    assert [document["metrics"][0]["name"] for document in ingest.pushed()] == ["first_total", "second_total"]


async def test_no_more_than_a_hundred_pushes_wait(env: SenderEnv, ingest: FakeIngest) -> None:
    pusher = Pusher(env.postbox, "token", "api-1", env.clock, env.new_id)
    ingest.answer = (503, "")
    for number in range(130):
        await pusher.push(metrics=[{"name": "a_total", "add": number}])
    ingest.arrived.clear()
    ingest.answer = (200, "{}")
    await pusher.push(metrics=[{"name": "a_total", "add": 130}])

    assert [document["metrics"][0]["add"] for document in ingest.pushed()] == list(range(31, 131))
