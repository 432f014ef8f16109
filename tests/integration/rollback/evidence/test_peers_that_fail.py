"""Prometheus, exporter and Alertmanager in every state but the right one: nothing is learnt, nothing told."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from rollwatch.config.fields import HttpUrl
from rollwatch.config.rollback_handler import PeerSpec
from rollwatch.config.template import SecretText, Template
from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.evidence.sources import Sources
from rollwatch.rollback.policy.facts import Unanswered
from support.manual_clock import ManualClock
from support.rollback_prometheus import an_alert, peer
from support.servers import answering, closed_port, response, serve

NOW = 1_780_000_000.0
SECRET = "tok-9f8e7d6c5b4a"


def as_json(value, **more):
    return response(json.dumps(value).encode(), headers={"Content-Type": "application/json"}, **more)


@asynccontextmanager
async def asking(spec):
    sources = Sources(
        spec, spec, spec, clock=ManualClock(wall=NOW), environment="production", watched={}, user_agent="test"
    )
    try:
        yield sources
    finally:
        await sources.close()


async def every_answer(spec):
    alert = an_alert()
    async with asking(spec) as sources:
        return await asyncio.gather(
            sources.fault_before(alert, NOW - 100),
            sources.still_firing(alert),
            sources.recovered(alert),
            sources.service_now("api"),
            sources.silenced(alert),
        )


async def silent(peer):
    await peer.request()
    await peer.stay_silent()


async def dripping(peer):
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        await peer.send(b" ")
        await asyncio.sleep(0.05)


async def endless(peer):
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\n\r\n[")
    while True:
        await peer.send(b" " * 65536)


async def resetting(peer):
    await peer.request()
    peer.reset()


HTML = b"<html><body>It works!</body></html>"


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (silent, "did not answer within 0.4 s"),
        (dripping, "did not answer within 0.4 s"),
        (resetting, "closed the connection without an answer"),
        (answering(response(HTML)), "with something that is no JSON"),
        (answering(response(b"")), "with something that is no JSON"),
        (answering(response(b"x", status="500 Internal Server Error")), "answered 500"),
        (answering(as_json({"error": "query timed out\x00"}, status="503 No")), "503: query timed out?"),
        (answering(response(b"", status="401 Unauthorized")), "does not accept the handler's credentials"),
        (answering(response(b"", status="302 Found", headers={"Location": "/elsewhere"})), "302, a redirect"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[", close=True), "broke off in the middle"),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", close=True), "with something that is no HTTP"),
        (answering(as_json("text")), ""),
        (answering(as_json({"status": "error", "error": "bad_data"})), ""),
        (answering(as_json({"status": "success", "data": {"resultType": "matrix"}})), ""),
        (answering(as_json({"status": "success", "data": {"resultType": "vector", "result": [1]}})), ""),
        (answering(as_json({"status": "success", "data": {"groups": [{"rules": 1}]}})), ""),
        (
            answering(as_json([{"status": {"state": "active"}}, None])),
            "",
        ),
    ],
)
async def test_what_is_no_answer_is_unanswered(behave, why):
    async with serve(behave) as server:
        for answer in await every_answer(peer(server.url(""), timeout=0.4)):
            assert isinstance(answer, Unanswered)
            assert why in answer.why
            assert answer.why.isprintable()
            assert len(answer.why) < 400


async def test_an_endless_answer_is_cut_off():
    async with serve(endless) as server, asking(peer(server.url(""), timeout=20)) as sources:
        assert await sources.fault_before(an_alert(), NOW) == Unanswered(
            "Prometheus answered with more than 1024 KiB"
        )


async def test_nobody_listens():
    for answer in await every_answer(peer(f"http://127.0.0.1:{closed_port()}")):
        assert isinstance(answer, Unanswered)
        assert "can't be reached: Connection refused" in answer.why


def vector(at, **values):
    result = [{"metric": {"is": name}, "value": [at, str(value)]} for name, value in values.items()]
    return as_json({"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (vector(NOW - 90, there=1, data=1, time=NOW - 90), "clock and this host's are 90 s apart"),
        (vector(NOW + 90, there=1, data=1, time=NOW + 90), "clock and this host's are 90 s apart"),
        (vector(NOW, there=1, data=1, time="NaN"), "clock and this host's are"),
        (vector(NOW, data=1), "clock and this host's are"),
        (
            as_json(
                {
                    "status": "success",
                    "warnings": ["store 2 is down"],
                    "data": {"resultType": "vector", "result": []},
                }
            ),
            "Prometheus gave a partial answer: store 2 is down",
        ),
    ],
)
async def test_an_answer_of_another_time_or_of_a_part_counts_for_nothing(answer, why):
    async with serve(answering(answer)) as server, asking(peer(server.url(""))) as sources:
        for found in (await sources.still_firing(an_alert()), await sources.recovered(an_alert())):
            assert isinstance(found, Unanswered)
            assert why in found.why


@pytest.mark.parametrize("age_s", [600, 1e12])
async def test_rules_that_are_not_evaluated_any_more_say_nothing(age_s):
    evaluated = "0001-01-01T00:00:00Z" if age_s > 1e9 else "2026-05-28T20:16:40.123456789Z"
    rule = {"type": "alerting", "name": "RollbackHealthDown", "health": "ok", "lastEvaluation": evaluated}
    rules = as_json({"status": "success", "data": {"groups": [{"interval": 15, "rules": [rule]}]}})

    async def behave(peer):
        head = await peer.request()
        await peer.send(rules if b"/rules" in head else vector(NOW, data=1, time=NOW))

    async with serve(behave) as server, asking(peer(server.url(""))) as sources:
        found = await sources.recovered(an_alert())
        assert isinstance(found, Unanswered)
        assert "last evaluated its rule RollbackHealthDown" in found.why


class Cell:
    """A secret that can be changed and lost."""

    reference = "file:secrets/token"
    version = 1

    def __init__(self, text):
        self.text = text

    def value(self):
        if self.text is None:
            raise SecretUnavailable(self.reference, "there is no such file")
        return self.text


async def test_the_token_is_read_at_each_call_and_goes_nowhere_else():
    cell = Cell(SECRET)
    async with serve(answering(response(b"nothing", status="403 Forbidden"))) as server:
        spec = PeerSpec(
            url=HttpUrl((f"http://user:pass@127.0.0.1:{server.port}/behind/a/proxy/",)),
            token=SecretText((cell,)),
            headers={"X-Scope-OrgID": Template(("tenant",)), "authorization": Template(("Basic abc",))},
        )
        async with asking(spec) as sources:
            first = await sources.silenced(an_alert())
            cell.text = "tok-another-one"
            await sources.silenced(an_alert())
            cell.text = None
            without = await sources.silenced(an_alert())
            cell.text = "tok\r\nX-Evil: 1"
            await sources.silenced(an_alert())
    assert len(server.requests) == 2
    assert b"GET /behind/a/proxy/api/v2/silences HTTP/1.1" in server.requests[0]
    assert f"Authorization: Bearer {SECRET}\r\n".encode() in server.requests[0]
    assert b"X-Scope-OrgID: tenant" in server.requests[0]
    assert b"Basic" not in server.requests[0]
    assert b"Bearer tok-another-one\r\n" in server.requests[1]
    assert "secrets/token" in without.why
    assert all(SECRET not in str(each) and "pass" not in str(each) for each in (first, without))


async def test_credentials_in_the_url_are_sent_as_such():
    async with serve(answering(as_json([]))) as server:
        spec = PeerSpec(url=HttpUrl((f"http://us%40er:pa%3Ass@127.0.0.1:{server.port}",)))
        async with asking(spec) as sources:
            assert await sources.silenced(an_alert()) is False
    assert b"Authorization: Basic dXNAZXI6cGE6c3M=\r\n" in server.requests[0]


async def test_a_question_is_a_bounded_post():
    async with serve(answering(as_json({}))) as server, asking(peer(server.url(""))) as sources:
        await sources.still_firing(an_alert())
    assert server.requests[0].startswith(b"POST /api/v1/query HTTP/1.1")
    assert b"timeout=5000ms" in server.requests[0]
