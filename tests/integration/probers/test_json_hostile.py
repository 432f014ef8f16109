"""Servers that mean no good, and what they can make a json probe show: a reason, bounds, no secret."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.config.secrets import SecretStore
from rollwatch.metrics.exposition import render
from rollwatch.model import Reason, Verdict
from rollwatch.probers.json import KIND
from support.hostile import BAD_HTTP, SLOW
from support.json_probing import JsonService, says
from support.loops import on_loop
from support.servers import answering, closed_port, response, serve

if TYPE_CHECKING:
    from pathlib import Path

LIVE = {"app_live": {"type": "gauge", "help": "Streams that are live."}}
VIEWERS = {
    "app_viewers": {"type": "gauge", "help": "Viewers.", "labels": {"stream": "any"}},
    "app_errors_total": {"type": "counter", "help": "Errors.", "labels": {"type": "any"}},
}
READS = {
    "app_viewers": {"each": "streams", "value": "viewers", "labels": {"stream": "name"}},
    "app_errors_total": {"each": "errors", "value": "value", "labels": {"type": "key"}},
}
QUOTES = {"quotes": {"rules": [{"field": "delta", "min": -1, "max": 1}], "keep": 5}}
TOKEN = "plainsecrettoken0123456789abcdef"
LOGIN = base64.b64encode(f"user:{TOKEN}".encode()).decode()


@pytest.mark.parametrize("name", [*BAD_HTTP, *SLOW])
def test_a_hostile_server_gets_its_reason(name: str) -> None:
    hostile = (BAD_HTTP | SLOW)[name]

    async def main() -> None:
        async with serve(hostile.behave) as server:
            service = JsonService(server, {"app_live": "live"}, LIVE)
            outcome = await service.run(timeout=0.3 if name in SLOW else 20)
        assert outcome.reason is hostile.reason
        assert outcome.reason in KIND.reasons | {Reason.TIMEOUT}
        assert len(outcome.detail) <= 300
        assert outcome.detail.isprintable()

    on_loop("uvloop", main())


async def test_nobody_there_is_down() -> None:
    async with serve(answering(b"")) as server:
        server.port = closed_port()
        outcome = await JsonService(server, {"app_live": "live"}, LIVE).run()
    assert outcome.reason is Reason.CONNECT_REFUSED


DEEP = b'{"live":' * 900 + b"1" + b"}" * 900


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", Reason.JSON_INVALID, id="empty"),
        pytest.param(b'{"live":', Reason.JSON_INVALID, id="truncated"),
        pytest.param(b"\xff\xfe[", Reason.ENCODING_INVALID, id="no UTF-8"),
        pytest.param(b"[" * 100_000, Reason.JSON_INVALID, id="deep"),
        pytest.param(DEEP, Reason.JSON_MISMATCH, id="deep and valid: an object, no number"),
        pytest.param(b'{"live":NaN}', Reason.JSON_INVALID, id="NaN is no JSON"),
        pytest.param(b'{"live":1e999}', Reason.JSON_INVALID, id="a number beyond any float"),
        pytest.param(b'{"live":"1e999"}', Reason.JSON_MISMATCH, id="the same as text"),
        pytest.param(b'{"live":"NaN"}', Reason.JSON_MISMATCH, id="NaN as text"),
        pytest.param(b'{"live":' + b"9" * 5000 + b"}", Reason.JSON_INVALID, id="an endless integer"),
        pytest.param(b'{"live":"' + b"9" * 5000 + b'"}', Reason.JSON_MISMATCH, id="the same as text"),
        pytest.param(b'{"live":"' + "\u0663".encode() + b'"}', Reason.JSON_MISMATCH, id="Arabic digits"),
        pytest.param(b'{"live":{"a":1}}', Reason.JSON_MISMATCH, id="an object"),
        pytest.param(b'{"live":[1]}', Reason.JSON_MISMATCH, id="a list"),
        pytest.param(b'{"x":"' + b"a" * 1_100_000 + b'"}', Reason.BODY_TOO_LARGE, id="too large"),
        pytest.param(b"true", Reason.JSON_MISMATCH, id="no object at all"),
    ],
)
async def test_a_hostile_body_is_down_and_becomes_no_series(body: bytes, reason: Reason) -> None:
    async with serve(answering(response(body))) as server:
        service = JsonService(server, {"app_live": "live"}, LIVE)
        outcome = await service.run()
    assert outcome.reason is reason
    assert outcome.verdict is Verdict.DOWN
    assert outcome.detail.isprintable()
    assert service.values("app_live") == {}


async def test_a_million_items_become_a_thousand_reads_and_fifty_names() -> None:
    body = b'{"streams":[' + b'{"name":1,"viewers":1},' * 60_000 + b"{}" + b",0" * 1_000_000 + b"]}"
    names = ",".join(f'{{"name":"s{number}","viewers":{number}}}' for number in range(1000)).encode()
    body = body.replace(b'{"name":1,"viewers":1},' * 60_000, names + b",", 1)
    async with serve(answering(response(body))) as server:
        service = JsonService(server, READS, VIEWERS, body_limit="16MiB")
        outcome = await service.run(timeout=30)
    assert outcome.reason is Reason.OK
    assert len(service.values("app_viewers")) == 51
    assert service.values("app_viewers")["other",] == 999
    assert service.faults() == {"too_many": 1, "not_found": 1}


async def test_a_flood_of_records_is_cut_and_each_is_judged() -> None:
    body = b'{"quotes":[' + b'{"delta":9},' * 80_000 + b"null]}"
    async with serve(answering(response(body))) as server:
        service = JsonService(server, kept=QUOTES, records={"quotes": "quotes"})
        outcome = await service.run(timeout=30)
    assert outcome.reason is Reason.OK
    assert service.values("rollwatch_records_examined_total") == {("quotes",): 1000}


TOLD: dict[str, Any] = {
    "a label": {"streams": [{"name": TOKEN, "viewers": 1}]},
    "a part of a label": {"streams": [{"name": f"x{TOKEN}x", "viewers": 1}]},
    "a name in a mapping": {"errors": {TOKEN: 1}},
    "a record": {"quotes": [{"delta": 0.5, "note": f"for {TOKEN}", TOKEN: 1}]},
    "its credentials": {"streams": [{"name": LOGIN, "viewers": 1}], "quotes": [{"note": LOGIN}]},
    "an error": {"error": f"no {TOKEN}"},
    "an error, cut": {"error": "x" * 80 + TOKEN},
}


@pytest.mark.parametrize("escaped", [False, True], ids=["plain", "escaped"])
@pytest.mark.parametrize("said", ["bearer", "basic"])
@pytest.mark.parametrize("document", TOLD.values(), ids=TOLD)
async def test_a_server_that_says_our_secret_back_gets_it_nowhere(
    document: Any, said: str, escaped: bool, tmp_path: Path
) -> None:
    secrets = SecretStore(tmp_path, {"TOKEN": TOKEN})
    basic = {"username": "user", "password": "${env:TOKEN}"}
    auth = {"basic": basic} if said == "basic" else {"bearer": "${env:TOKEN}"}
    body = json.dumps(document)
    if escaped:
        body = body.replace(TOKEN, "".join(f"\\u{ord(letter):04x}" for letter in TOKEN))
    async with serve(answering(response(body.encode()))) as server:
        service = JsonService(
            server, READS, VIEWERS, kept=QUOTES, records={"quotes": "quotes"}, secrets=secrets, auth=auth
        )
        outcome = await service.run()
        assert TOKEN.encode() in server.requests[0] or LOGIN.encode() in server.requests[0]
    kept = [one.record for one in service.figures.records["quotes"].kept]
    exposed = b"".join([piece async for piece in render(service.store, openmetrics=False)]).decode()
    everything = outcome.shown + exposed + repr((kept, outcome.run.figures))
    sent = [TOKEN, LOGIN] if said == "basic" else [TOKEN]
    assert [secret for secret in sent if secret in everything] == []
    assert ("***" in everything) is any(secret in json.dumps(document) for secret in sent)


async def test_what_is_expected_is_asked_of_the_document_as_it_came(tmp_path: Path) -> None:
    secrets = SecretStore(tmp_path, {"TOKEN": TOKEN})
    expect = {"json": f"tenant == '{TOKEN}'"}
    async with serve(says({"tenant": TOKEN, "live": 1})) as server:
        service = JsonService(
            server,
            {"app_live": "live"},
            LIVE,
            secrets=secrets,
            auth={"bearer": "${env:TOKEN}"},
            expect=expect,
        )
        outcome = await service.run()
    assert outcome.reason is Reason.OK
