"""The json prober against real servers: what is read, what is not, and what that makes of the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from rollwatch.model import Reason, Role, Verdict
from rollwatch.probers import discover
from rollwatch.probers._json_spec import JsonSpec
from rollwatch.probers.json import KIND
from support.json_probing import JsonService, Teller, says
from support.servers import answering, response, serve

if TYPE_CHECKING:
    from support.running import Outcome

LIVE = {"app_live": {"type": "gauge", "help": "Streams that are live."}}
VIEWERS = {"app_viewers": {"type": "gauge", "help": "Viewers.", "labels": {"stream": "any"}}}
CLAIMS = {"app_claims_total": {"type": "counter", "help": "Claims.", "labels": {"plan": ["free", "pro"]}}}
EXPORTS = {"app_exports": {"type": "histogram", "help": "Lengths of exports.", "buckets": [1, 10]}}
READS_CLAIMS = {"app_claims_total": {"each": "claims", "value": "value", "labels": {"plan": "key"}}}
READS_VIEWERS = {"app_viewers": {"each": "streams", "value": "viewers", "labels": {"stream": "name"}}}


def notes(outcome: Outcome, name: str) -> list[str]:
    return [value for noted, value in outcome.run.notes or () if noted == name]


def streams(**viewers: int) -> dict[str, Any]:
    return {"streams": [{"name": name, "viewers": count} for name, count in viewers.items()]}


def test_it_is_found_as_a_kind_without_a_role_that_asks_once_a_minute() -> None:
    assert discover()["json"] is KIND
    spec = JsonSpec.model_validate({"url": "http://x.example/", "figures": {"app_live": "live"}})
    assert KIND.role(spec) is Role.NONE
    assert spec.interval == 60
    assert spec.readings().keys() == {"app_live"}


def test_a_probe_that_reads_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="reads nothing"):
        JsonSpec.model_validate({"url": "http://x.example/"})


async def test_one_request_gives_every_figure_of_every_kind() -> None:
    document = {
        "live": "12",
        "up": True,
        "claims": {"free": 90, "pro": 4},
        "exports": [0.5, 5, 50],
        "new_signups": 3,
        **streams(bell=310, club=88),
    }
    reads = {
        "app_live": "live",
        "rollwatch_database_up": "up",
        **READS_CLAIMS,
        **READS_VIEWERS,
        "app_exports": "exports",
        "app_signups_total": {"add": "new_signups"},
    }
    signups = {"app_signups_total": {"type": "counter", "help": "Sign-ups."}}
    async with serve(says(document)) as server:
        service = JsonService(server, reads, LIVE | VIEWERS | CLAIMS | EXPORTS | signups)
        outcome = await service.run()
        assert len(server.requests) == 1
    assert outcome.reason is Reason.OK, outcome.detail
    assert outcome.sampled("probe_http_status_code") == 200
    assert service.values("app_live") == {(): 12}
    assert service.values("rollwatch_database_up") == {(): 1}
    assert service.values("app_viewers") == {("bell",): 310, ("club",): 88}
    assert service.values("app_claims_total") == {("free",): 0, ("pro",): 0}  # where counting begins
    assert service.values("app_signups_total") == {(): 3}
    assert service.values("app_exports_sum") == {(): 55.5}
    assert service.values("app_exports_bucket") == {("1.0",): 1, ("10.0",): 2, ("+Inf",): 3}
    assert service.faults() == {}


@pytest.mark.parametrize("length", [3, 3000], ids=["read on the loop", "read in a thread"])
async def test_items_that_appear_and_disappear_take_their_series_with_them(length: int) -> None:
    teller = Teller(streams(bell=310, club=88))
    async with serve(teller) as server:
        service = JsonService(server, READS_VIEWERS, VIEWERS)
        await service.run(explain=False)
        teller.document = {**streams(club=90, dawn=1), "padding": ["x" * 100] * length}
        await service.run(explain=False)
        assert service.values("app_viewers") == {("club",): 90, ("dawn",): 1}
        teller.document = {"streams": []}
        assert (await service.run(explain=False)).reason is Reason.OK
        assert service.values("app_viewers") == {}


async def test_a_list_that_is_missing_leaves_its_series_as_they_were() -> None:
    teller = Teller({"live": 1, **streams(bell=310)})
    async with serve(teller) as server:
        service = JsonService(server, {"app_live": "live", **READS_VIEWERS}, LIVE | VIEWERS)
        await service.run()
        teller.document = {"live": 2, "streams": None}
        outcome = await service.run()
    assert outcome.reason is Reason.OK
    assert service.values("app_live") == {(): 2}
    assert service.values("app_viewers") == {("bell",): 310}
    assert service.faults() == {"not_found": 1}


async def test_running_totals_count_over_runs_and_over_a_restart_of_the_application() -> None:
    teller = Teller({"claims": {"free": 90, "pro": 4}})
    async with serve(teller) as server:
        service = JsonService(server, READS_CLAIMS, CLAIMS)
        seen = []
        for free, pro in [(90, 4), (95, 4), (100, 6), (3, 0), (5, 1)]:
            teller.document = {"claims": {"free": free, "pro": pro}}
            await service.run()
            seen.append(service.values("app_claims_total"))
    assert [values["free",] for values in seen] == [0, 5, 10, 13, 15]
    assert [values["pro",] for values in seen] == [0, 0, 2, 2, 3]


async def test_what_can_not_be_read_is_counted_by_its_fault_and_stops_nothing_else() -> None:
    document = {
        "live": 7,
        "claims": {"free": -1, "gold": 5, "pro": "many"},
        "streams": [{"name": "bell", "viewers": 1}, {"viewers": 2}, {"name": "club"}, {"name": {}}, 5],
    }
    async with serve(says(document)) as server:
        service = JsonService(
            server, {"app_live": "live", **READS_CLAIMS, **READS_VIEWERS}, LIVE | VIEWERS | CLAIMS
        )
        outcome = await service.run()
    assert outcome.reason is Reason.OK
    assert service.values("app_live") == {(): 7}
    assert service.values("app_viewers") == {("bell",): 1}
    assert service.faults() == {
        "negative": 1,
        "label_value": 1,
        "not_a_number": 1,
        "label_missing": 3,
        "not_found": 1,
    }


async def test_a_run_by_hand_explains_every_value_and_every_refusal() -> None:
    document = {
        "claims": {"free": 90, "gold": 5},
        "streams": [{"name": "a b\x1b[31m", "viewers": 1}],
        "exports": [2],
    }
    reads = {"app_live": "live", **READS_CLAIMS, **READS_VIEWERS, "app_exports": "exports"}
    async with serve(says(document)) as server:
        outcome = await JsonService(server, reads, LIVE | VIEWERS | CLAIMS | EXPORTS).run()
    assert notes(outcome, "figure") == [
        'app_claims_total{plan="free"} = 90 (running total)',
        'app_viewers{stream="a_b_31m"} = 1',
        "app_exports = 2 (observed)",
    ]
    assert notes(outcome, "refused") == [
        "app_live has nothing at live (not_found)",
        "app_claims_total has a label plan that is none of free, pro (label_value)",
    ]


async def test_an_explanation_is_bounded() -> None:
    document = {"streams": [{"name": f"s{i}", "viewers": i} for i in range(400)] + [{"name": "x"}] * 300}
    async with serve(says(document)) as server:
        outcome = await JsonService(server, READS_VIEWERS, VIEWERS).run()
    assert notes(outcome, "figure")[49:] == ['app_viewers{stream="s49"} = 49', "and 350 more"]
    assert notes(outcome, "refused")[20:] == ["and 280 more"]


@pytest.mark.parametrize(
    ("document", "said", "reason", "says_"),
    [
        pytest.param(
            {"status": "starting", "live": 5},
            {"expect": {"json": "status == 'ok'"}},
            Reason.JSON_MISMATCH,
            "not true of the body: status == 'ok'",
            id="an expectation",
        ),
        pytest.param(
            {"error": {"message": "not yours"}},
            {},
            Reason.JSON_MISMATCH,
            "nothing of what is configured can be read: app_live has nothing at live; it says 'not yours'",
            id="nothing there, and an error in a 200",
        ),
        pytest.param(
            {"live": "many"}, {}, Reason.JSON_MISMATCH, "app_live is not a finite number", id="text"
        ),
        pytest.param([], {}, Reason.JSON_MISMATCH, "app_live has nothing at live", id="another shape"),
        pytest.param(None, {}, Reason.JSON_MISMATCH, "app_live has nothing at live", id="null"),
        pytest.param(
            {"live": 1},
            {"expect": {"status": [418]}},
            Reason.STATUS,
            "answered 200, expected 418",
            id="status",
        ),
    ],
)
async def test_no_document_is_down_and_says_why(
    document: Any, said: dict[str, Any], reason: Reason, says_: str
) -> None:
    async with serve(says(document)) as server:
        service = JsonService(server, {"app_live": "live"}, LIVE, **said)
        outcome = await service.run()
    assert outcome.reason is reason
    assert outcome.verdict is Verdict.DOWN
    assert says_ in outcome.detail
    assert service.values("app_live") == {}


async def test_when_nothing_can_be_read_the_first_faults_are_named_and_all_are_counted() -> None:
    declared = {f"app_part_{i}": {"type": "gauge", "help": "A part."} for i in range(5)}
    async with serve(says({})) as server:
        service = JsonService(server, {name: name for name in declared}, declared)
        outcome = await service.run()
    assert outcome.reason is Reason.JSON_MISMATCH
    assert "app_part_0 has nothing" in outcome.detail
    assert outcome.detail.endswith(", and 2 more")
    assert service.faults() == {"not_found": 5}


async def test_a_list_without_counts_yet_is_something_though_all_else_is_missing() -> None:
    async with serve(says({"claims": {}})) as server:
        service = JsonService(server, {"app_live": "live", **READS_CLAIMS}, LIVE | CLAIMS)
        outcome = await service.run()
    assert outcome.reason is Reason.OK
    assert service.faults() == {"not_found": 1}


async def test_a_condition_that_is_not_met_is_no_fault() -> None:
    reads = {"app_live": {"value": "live", "when": "market == 'open'"}}
    async with serve(says({"market": "closed"})) as server:
        service = JsonService(server, reads, LIVE)
        outcome = await service.run()
    assert outcome.reason is Reason.OK
    assert service.faults() == {}


@pytest.mark.parametrize(
    ("status", "said", "retry_after", "reason", "wait"),
    [
        ("401 Unauthorized", {"auth": {"bearer": "s3cret-token"}}, None, Reason.CREDENTIALS_REJECTED, None),
        ("403 Forbidden", {"headers": {"Authorization": "x"}}, None, Reason.CREDENTIALS_REJECTED, None),
        ("401 Unauthorized", {}, None, Reason.STATUS, None),
        ("429 Too Many Requests", {}, "120", Reason.RATE_LIMITED, 120),
        ("429 Too Many Requests", {}, "soon", Reason.RATE_LIMITED, None),
        ("503 Service Unavailable", {}, "30", Reason.STATUS, 30),
        ("500 Oops", {}, "30", Reason.STATUS, None),
    ],
)
async def test_being_turned_away_is_no_evidence_and_retry_after_is_heeded(
    status: str, said: dict[str, Any], retry_after: str | None, reason: Reason, wait: float | None
) -> None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    async with serve(says({"live": 5}, status=status, headers=headers)) as server:
        service = JsonService(server, {"app_live": "live"}, LIVE, **said)
        outcome = await service.run()
    assert outcome.reason is reason, outcome.detail
    assert (outcome.verdict is Verdict.DOWN) is (reason is Reason.STATUS)
    assert outcome.run.retry_after_s == wait
    assert outcome.run.figures is None


async def test_a_429_is_heeded_even_if_its_body_is_broken() -> None:
    headers = {"Content-Encoding": "gzip", "Retry-After": "9"}
    broken = response(b"no gzip", status="429 Too Many", headers=headers)
    async with serve(answering(broken)) as server:
        outcome = await JsonService(server, {"app_live": "live"}, LIVE).run()
    assert outcome.reason is Reason.RATE_LIMITED
    assert outcome.run.retry_after_s == 9
