"""The provider prober against real HTTP servers: verdicts, data quality, growth, quotas, status page."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from rollwatch.config.secrets import SecretStore
from rollwatch.model import Reason, Role, Verdict
from rollwatch.probers import _provider_metrics as m
from rollwatch.probers import discover
from rollwatch.probers._provider_spec import ProviderSpec
from rollwatch.probers.contract import ProbeEnv
from rollwatch.probers.provider import KIND
from support.loops import LOOPS, on_loop
from support.manual_clock import ManualClock
from support.provider_probing import ask, build, says, spec_of
from support.running import make_env
from support.running import run_probe as run_once
from support.servers import Server, answering, response, serve

if TYPE_CHECKING:
    from pathlib import Path

    from support.running import Outcome
    from support.servers import Peer

RULES = [
    {"field": "gamma", "not": 0, "critical": True, "name": "gamma-zero"},
    {"field": "gamma", "required": True, "min": 0},
    {"field": "delta", "required": True, "min": -1, "max": 1},
    {"field": "vega", "required": True},
]
GOOD = {"delta": 0.5, "gamma": 0.02, "vega": 0.1}


def samples(outcome: Outcome) -> dict[tuple[str, ...], float]:
    return {(sample.metric.name, *sample.labels): sample.value for sample in outcome.run.samples}


def test_it_is_found_as_a_kind_with_a_role() -> None:
    assert discover()["provider"] is KIND
    spec = ProviderSpec.model_validate({"kind": "provider", "url": "http://x.example/", "role": "fallback"})
    assert KIND.role(spec) is Role.FALLBACK


def test_good_data_is_up_with_a_valid_ratio_of_one() -> None:
    async def main() -> None:
        async with serve(says({"results": [GOOD] * 3})) as server:
            outcome = await ask(server, records="results", rules=RULES)
        assert outcome.reason is Reason.OK, outcome.detail
        found = samples(outcome)
        assert found[m.RECORDS.name,] == 3
        assert found[m.VALID_RATIO.name,] == 1.0
        assert found[m.EXAMINED_TOTAL.name,] == 3
        assert found["probe_http_status_code",] == 200

    for name in LOOPS:
        on_loop(name, main())


@pytest.mark.parametrize(("bad", "ratio"), [(0, 1.0), (5, 0.95), (60, 0.4), (100, 0.0)])
async def test_bad_data_never_makes_a_provider_down_but_lowers_its_valid_ratio(
    bad: int, ratio: float
) -> None:
    document = {"results": [GOOD | {"gamma": 0}] * bad + [GOOD] * (100 - bad)}
    async with serve(says(document)) as server:
        outcome = await ask(server, records="results", rules=RULES)
    found = samples(outcome)
    assert outcome.reason is Reason.OK
    assert found[m.VALID_RATIO.name,] == pytest.approx(ratio)
    assert found[m.INVALID.name, "gamma-zero", "true"] == bad
    assert found[m.INVALID_TOTAL.name, "gamma-zero", "true"] == bad
    assert found[m.INVALID.name, "vega_required", "false"] == 0


async def test_every_checks_counter_exists_from_the_first_run_even_if_that_fails() -> None:
    async with serve(says({}, status="500 Oops")) as server:
        outcome = await ask(server, records="results", rules=RULES)
    counters = {key[1:] for key in samples(outcome) if key[0] == m.INVALID_TOTAL.name}
    assert counters == {
        ("gamma-zero", "true"),
        ("gamma_required_min", "false"),
        ("delta_required_min_max", "false"),
        ("vega_required", "false"),
    }


@pytest.mark.parametrize(
    ("document", "said", "reason", "says_"),
    [
        pytest.param(
            {"results": None}, {}, Reason.RECORDS_MISSING, "no list of records at results", id="null"
        ),
        pytest.param(
            {"data": []}, {}, Reason.RECORDS_MISSING, "no list of records at results", id="no such key"
        ),
        pytest.param({"results": "none"}, {}, Reason.RECORDS_MISSING, "no list of records", id="text"),
        pytest.param([], {}, Reason.RECORDS_MISSING, "no list of records", id="another shape"),
        pytest.param(
            {"results": []}, {}, Reason.RECORDS_MISSING, "has 0 records, expected are at least 1", id="empty"
        ),
        pytest.param({"results": []}, {"min_records": 0}, Reason.OK, "", id="empty, and that is fine"),
        pytest.param(
            {"results": [1, 2]}, {"min_records": 3}, Reason.RECORDS_MISSING, "has 2 records", id="too few"
        ),
        pytest.param({"results": {"gamma": 1}}, {}, Reason.OK, "", id="one object is one record"),
        pytest.param(
            {"results": [GOOD], "status": "ERROR"},
            {"expect": {"json": "status == 'OK'"}},
            Reason.JSON_MISMATCH,
            "not true of the body: status == 'OK'",
            id="an expectation",
        ),
        pytest.param(
            {"error": {"code": -32005, "message": "Node is behind by 42 slots"}},
            {},
            Reason.RECORDS_MISSING,
            "at results; it says 'Node is behind by 42 slots'",
            id="an error in a 200",
        ),
    ],
)
async def test_no_data_makes_a_provider_down(
    document: Any, said: dict[str, Any], reason: Reason, says_: str
) -> None:
    async with serve(says(document)) as server:
        outcome = await ask(server, records="results", **said)
    assert outcome.reason is reason
    assert says_ in outcome.detail


async def test_a_body_that_is_no_json_is_down_only_if_it_is_needed() -> None:
    async with serve(answering(response(b"<html>maintenance</html>"))) as server:
        needed = await ask(server, records="results")
        not_needed = await ask(server)
    assert needed.reason is Reason.JSON_INVALID
    assert not_needed.reason is Reason.OK


def http_date(seconds_ahead: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds_ahead), usegmt=True)


@pytest.mark.parametrize(
    ("status", "retry_after", "reason", "wait"),
    [
        ("401 Unauthorized", None, Reason.CREDENTIALS_REJECTED, None),
        ("403 Forbidden", "60", Reason.CREDENTIALS_REJECTED, None),
        ("429 Too Many Requests", None, Reason.RATE_LIMITED, None),
        ("429 Too Many Requests", "120", Reason.RATE_LIMITED, 120),
        ("429 Too Many Requests", "soon", Reason.RATE_LIMITED, None),
        ("429 Too Many Requests", "-5", Reason.RATE_LIMITED, None),
        ("429 Too Many Requests", "999999999999999999999", Reason.RATE_LIMITED, 86_400),
        ("429 Too Many Requests", "date +300", Reason.RATE_LIMITED, 300),
        ("429 Too Many Requests", "date -300", Reason.RATE_LIMITED, 0),
        ("503 Service Unavailable", "30", Reason.STATUS, 30),
        ("503 Service Unavailable", None, Reason.STATUS, None),
        ("500 Oops", "30", Reason.STATUS, None),
        ("404 Not Found", None, Reason.STATUS, None),
    ],
)
async def test_being_turned_away_is_no_fault_of_the_provider_and_it_is_left_alone_as_it_asks(
    status: str, retry_after: str | None, reason: Reason, wait: float | None
) -> None:
    if retry_after is not None and retry_after.startswith("date "):
        retry_after = http_date(float(retry_after.removeprefix("date ")))
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    async with serve(says({"error": "no"}, status=status, headers=headers)) as server:
        outcome = await ask(server, records="results", rules=RULES)
    assert outcome.reason is reason, outcome.detail
    assert (outcome.reason.verdict is Verdict.DOWN) is (reason is Reason.STATUS)
    assert status[:3] in outcome.detail
    assert outcome.run.retry_after_s == (None if wait is None else pytest.approx(wait, abs=60))


async def test_a_429_is_heeded_even_if_its_body_is_broken() -> None:
    broken = response(
        b"no gzip", status="429 Too Many", headers={"Content-Encoding": "gzip", "Retry-After": "9"}
    )
    async with serve(answering(broken)) as server:
        outcome = await ask(server)
    assert outcome.reason is Reason.RATE_LIMITED
    assert outcome.run.retry_after_s == 9


async def test_a_status_that_is_expected_is_up_whatever_it_is() -> None:
    async with serve(says({}, status="401 Unauthorized")) as server:
        outcome = await ask(server, expect={"status": [401]})
    assert outcome.reason is Reason.OK


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({}, None),
        ({"X-RateLimit-Remaining": "42"}, 42),
        ({"X-Ratelimit-Available": "119"}, 119),
        ({"RateLimit-Remaining": "7, 7;w=60"}, 7),
        ({"RateLimit": '"burst";r=5;t=1, "daily";r=4000;t=3600'}, 5),
        ({"X-RateLimit-Remaining": "unlimited"}, None),
        ({"X-RateLimit-Remaining": "-1"}, None),
        ({"X-RateLimit-Remaining": "9" * 400}, None),
    ],
)
async def test_the_quota_a_provider_tells_is_exported(headers: dict[str, str], left: float | None) -> None:
    for status in ("200 OK", "429 Too Many Requests"):
        async with serve(says({}, headers=headers, status=status)) as server:
            outcome = await ask(server)
        assert samples(outcome).get((m.QUOTA_REMAINING.name,)) == left


RPC = {
    "method": "POST",
    "json": {"jsonrpc": "2.0", "id": 1, "method": "getBlockHeight"},
    "growing": {"value": "result", "within": "2m"},
}


async def test_a_block_height_must_grow_within_its_time_and_says_so_if_it_does_not() -> None:
    height: Any = 100

    async def node(peer: Peer) -> None:
        while True:
            request = await peer.request()
            assert json.loads(request.split(b"\r\n\r\n")[1])["method"] == "getBlockHeight"
            await peer.send(response(json.dumps({"jsonrpc": "2.0", "id": 1, "result": height}).encode()))

    clock = ManualClock()
    env = ProbeEnv(clock=clock, rng=random.random, user_agent="test")
    async with serve(node) as server:
        prober = build(server, env, **RPC)

        async def at(seconds: float, value: Any) -> Outcome:
            nonlocal height
            height = value
            clock.now = 1000 + seconds
            return await run_once(prober, 5)

        first = await at(0, 100)
        assert samples(first)[m.LAST_GROWTH.name,] == clock.wall()
        grown = await at(60, "0x70")
        assert samples(grown)[m.VALUE.name,] == 112
        standing = await at(120, 112)
        assert (grown.reason, standing.reason) == (Reason.OK, Reason.OK)
        stuck = await at(180, 112)
        assert stuck.reason is Reason.VALUE_NOT_GROWING
        assert "has stood at 112 for 120 s, allowed are 120" in stuck.detail
        fell = await at(240, 90)
        assert "it fell from 112 to 90" in fell.detail
        assert samples(fell)[m.VALUE.name,] == 90
        assert samples(fell)[m.LAST_GROWTH.name,] == clock.wall() - 180
        again = await at(300, 113)
        assert again.reason is Reason.OK
        for nothing in (None, True, "high", {"a": 1}):
            missing = await at(301, nothing)
            assert missing.reason is Reason.JSON_MISMATCH
            assert missing.detail == "the body has no number at result"


async def test_an_anomaly_is_found_against_the_history_of_earlier_answers() -> None:
    volatility = 0.30

    async def quotes(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(response(json.dumps([{"ticker": "AAPL", "iv": volatility}]).encode()))

    rule = {
        "field": "iv",
        "name": "iv-anomaly",
        "deviation": {"window": 30, "max_sigma": 4, "min_change": 0.05, "per": "ticker"},
    }
    async with serve(quotes) as server:
        prober = build(server, records="@", rules=[rule])
        for step in range(12):
            volatility = 0.30 + 0.01 * (step % 2)
            assert samples(await run_once(prober, 5))[m.VALID_RATIO.name,] == 1.0
        volatility = 0.95
        spike = await run_once(prober, 5)
        volatility = 0.31
        after = await run_once(prober, 5)
    assert samples(spike)[m.INVALID.name, "iv-anomaly", "false"] == 1
    assert spike.reason is Reason.OK
    assert samples(after)[m.INVALID.name, "iv-anomaly", "false"] == 0


async def test_records_beyond_the_bound_are_counted_as_unexamined() -> None:
    async with serve(says([GOOD] * 30)) as server:
        outcome = await ask(server, records="@", rules=RULES, max_records=10)
    found = samples(outcome)
    assert (found[m.RECORDS.name,], found[m.UNEXAMINED.name,], found[m.EXAMINED_TOTAL.name,]) == (30, 20, 10)


async def test_many_records_do_not_hold_the_loop() -> None:
    document = {"results": [GOOD | {"n": i, "gamma": 0} for i in range(20_000)]}
    async with serve(says(document)) as server:
        prober = build(server, records="results", rules=RULES * 1, max_records=20_000, body_limit="8MiB")
        task = asyncio.create_task(run_once(prober, 30))
        entered: list[int] = []
        examiner = prober._examiner  # type: ignore[attr-defined]
        examine, turns = examiner.examine, 0

        def watched(record: object, tally: Any, **how: Any) -> None:
            entered.append(turns)
            examine(record, tally, **how)

        examiner.examine = watched
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        outcome = task.result()
    assert outcome.reason is Reason.OK
    assert samples(outcome)[m.INVALID.name, "gamma-zero", "true"] == 20_000
    assert len(set(entered)) > 10, "others had no turn while 20,000 records were examined"


async def test_no_secret_is_shown_even_if_the_provider_says_it_back(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cr3t-t0ken\n")
    secrets = SecretStore(tmp_path, {})
    document = {
        "error": {"message": "bad key s3cr3t-t0ken"},
        "results": [{"gamma": 0, "key": "s3cr3t-t0ken"}],
    }
    async with serve(says(document)) as server:
        spec = await asyncio.to_thread(
            spec_of,
            server,
            secrets,
            url=server.url("/x?apikey=${file:token}"),
            headers={"Authorization": "Bearer ${file:token}"},
            records="results",
            rules=[{"field": "key", "in": ["a"]}],
            growing=RPC["growing"],
        )
        outcome = await run_once(KIND.build(spec, make_env()), 5, explain=True)
        assert b"Bearer s3cr3t-t0ken" in server.requests[0]
    notes = repr(outcome.run.notes)
    assert outcome.reason is Reason.JSON_MISMATCH
    assert "it says 'bad key" in outcome.detail
    assert "key is not an allowed value" in notes
    for shown in (outcome.detail, notes, repr(spec), KIND.target(spec)):
        assert "s3cr3t" not in shown


async def test_an_explained_run_shows_which_records_are_invalid_and_why() -> None:
    async with serve(says({"results": [GOOD, GOOD | {"gamma": 0}]})) as server:
        outcome = await ask(server, records="results", rules=RULES)
    notes = outcome.run.notes or []
    assert ("records", "1 of 2 examined are valid, 2 came") in notes
    assert ("invalid", "gamma-zero: record 1: gamma is a forbidden value (0)") in notes


@pytest.mark.parametrize(
    ("said", "says_"),
    [
        ({"rules": RULES}, "needs records"),
        ({"min_records": 2}, "needs records"),
        ({"records": "r", "rules": [RULES[0], RULES[0]]}, "same check label"),
        ({"growing": {"value": "result", "within": "30s"}}, "is shorter than the interval"),
        ({"role": "secondary"}, "'primary' or 'fallback'"),
        ({"records": "r["}, "no JMESPath expression"),
        ({"expect": {"keyword": "ok"}}, "Extra inputs"),
        ({"interval": 60}, "is a number without a unit"),
    ],
)
def test_a_mistake_in_the_file_is_said(said: dict[str, Any], says_: str) -> None:
    with pytest.raises(ValidationError, match=says_):
        spec_of(Server(1), **said)


def test_a_provider_is_asked_once_a_minute_unless_said() -> None:
    assert spec_of(Server(1)).interval == 60
