"""What a run does to the metrics and the view."""

import asyncio

import pytest
from structlog.testing import capture_logs

from rollwatch.model import Component, Phase, Reason, Verdict
from support.engine_bench import bench, config, failing, on_virtual_time, probe
from support.fake_probes import COUNTER, GAUGE, HISTOGRAM, up
from support.virtual import WALL_AT_START


@on_virtual_time
async def test_a_probe_that_answers_is_up_with_its_figures():
    async def good(run):
        run.enter(Phase.PROCESSING)
        await asyncio.sleep(0.25)
        run.sample(GAUGE, 7.0, "a")
        run.sample(COUNTER, 2.0)
        run.sample(HISTOGRAM, 0.5)
        run.components.append(Component("database", is_up=False, is_critical=True, word="down"))

    async with bench(config(probe(does="good")), behaviours={"good": good}) as b:
        await asyncio.sleep(40)
        runs = len(b.probe().recent)
        assert b.value("probe_success", "api", "health") == 1
        assert b.value("probe_duration_seconds", "api", "health") == pytest.approx(0.25)
        assert b.value("fake_duration_seconds", "api", "health", "processing") == pytest.approx(0.25)
        assert b.value("fake_gauge", "api", "health", "a") == 7
        assert b.value("fake_things_total", "api", "health") == 2 * runs
        assert b.value("fake_seconds_count", "api", "health") == runs
        assert b.value("rollwatch_component_up", "api", "health", "database", "true") == 0
        assert b.value("rollwatch_probe_results_total", "api", "health", "up", "ok") == runs
        assert b.value("rollwatch_probe_results_total", "api", "health", "down", "timeout") == 0
        assert b.value("rollwatch_probe_info", "api", "health", "none", "P0") == 1
        assert b.value("rollwatch_service_info", "api", "backend") == 1
        began = b.probe().last.started_at
        assert WALL_AT_START < began < b.clock.wall()
        assert b.value("rollwatch_probe_last_run_timestamp_seconds", "api", "health") == began
        assert b.value("rollwatch_probe_last_success_timestamp_seconds", "api", "health") == began
        assert b.value("rollwatch_probe_interval_seconds", "api", "health") == 15
        assert b.value("rollwatch_probe_timeout_seconds", "api", "health") == 5
        view = b.engine.view()
        assert view.services[0].verdict is Verdict.UP
        assert b.probe().components[0].name == "database"
        assert b.probe().next_run_at > b.clock.wall()


@on_virtual_time
async def test_a_kind_needs_no_phases():
    async with bench(config(probe(kind="bare"))) as b:
        await asyncio.sleep(20)
        assert b.value("probe_success", "api", "health") == 1
        assert b.values("fake_duration_seconds") == {}


@on_virtual_time
async def test_a_gauge_that_a_decided_run_did_not_measure_is_gone():
    async def sometimes(run):
        if run_number[0] == 0:
            run.sample(GAUGE, 1.0, "once")
        run_number[0] += 1

    run_number = [0]
    async with bench(config(probe(does="sometimes")), behaviours={"sometimes": sometimes}) as b:
        await asyncio.sleep(16)
        first = b.value("fake_gauge", "api", "health", "once")
        await asyncio.sleep(16)
        assert (first, b.value("fake_gauge", "api", "health", "once")) in {(1.0, None), (None, None)}
        assert run_number[0] >= 2


@on_virtual_time
async def test_an_undecided_probe_keeps_its_verdict_for_three_intervals_and_no_longer():
    async def good(run):
        run.sample(GAUGE, 1.0, "kept")

    b_behaviours = {"x": good}
    async with bench(config(probe(does="x", interval=10)), behaviours=b_behaviours) as b:
        await asyncio.sleep(15)
        b.behaviours["x"] = failing(Reason.RESOLVER_FAILED)
        await asyncio.sleep(25)
        assert b.value("probe_success", "api", "health") == 1
        assert b.value("fake_gauge", "api", "health", "kept") == 1
        await asyncio.sleep(25)
        assert b.value("probe_success", "api", "health") is None
        assert b.value("fake_gauge", "api", "health", "kept") is None
        assert b.value("rollwatch_probe_results_total", "api", "health", "unknown", "resolver_failed") >= 4
        assert b.probe().verdict is Verdict.UNKNOWN
        assert b.engine.view().services[0].verdict is Verdict.UNKNOWN
        assert b.value("rollwatch_probe_info", "api", "health", "none", "P0") == 1
        b.behaviours["x"] = failing(Reason.STATUS, "answered 503")
        await asyncio.sleep(10)
        assert b.value("probe_success", "api", "health") == 0
        assert b.probe().last.detail == "answered 503"
        assert b.engine.view().services[0].verdict is Verdict.DOWN


@on_virtual_time
async def test_a_prober_that_records_nonsense_costs_its_own_run_only():
    async def nonsense(run):
        run.sample(COUNTER, -1.0)

    probes = config(probe(does="nonsense"), probe(name="other"))
    async with bench(probes, behaviours={"nonsense": nonsense}) as b:
        await asyncio.sleep(60)
        assert b.value("probe_success", "api", "other") == 1
        assert b.value("probe_success", "api", "health") is None
        assert b.probe().last.reason is Reason.INTERNAL_ERROR
        results = b.values("rollwatch_probe_results_total")
        assert results["api", "health", "up", "ok"] == 0
        assert results["api", "health", "unknown", "internal_error"] == len(b.probe().recent) >= 3


@on_virtual_time
async def test_a_verdict_that_can_no_longer_be_recorded_does_not_stand_for_ever():
    starts = []

    async def soon_nonsense(run):
        starts.append(None)
        if len(starts) > 2:
            run.sample(COUNTER, -1.0)

    async with bench(config(probe(does="x", interval=10)), behaviours={"x": soon_nonsense}) as b:
        await asyncio.sleep(25)
        assert b.value("probe_success", "api", "health") == 1
        await asyncio.sleep(60)
        assert b.value("probe_success", "api", "health") is None
        assert b.probe().verdict is Verdict.UNKNOWN


@on_virtual_time
async def test_a_reason_the_kind_did_not_declare_is_counted_all_the_same():
    odd = failing(Reason.VALUE_NOT_GROWING)
    async with bench(config(probe(does="odd")), behaviours={"odd": odd}) as b:
        await asyncio.sleep(16)
        assert b.value("rollwatch_probe_results_total", "api", "health", "down", "value_not_growing") >= 1


@on_virtual_time
async def test_a_probe_that_can_not_decide_says_so_in_the_log_once():
    behaviours = {"x": failing(Reason.RESOLVER_FAILED, "the resolver is silent")}
    with capture_logs() as logs:
        async with bench(config(probe(does="x", interval=10)), behaviours=behaviours) as b:
            await asyncio.sleep(35)
            b.behaviours["x"] = up
            await asyncio.sleep(10)
            b.behaviours["x"] = failing(Reason.RATE_LIMITED, "slow down")
            await asyncio.sleep(20)
    events = [(log["event"], log["log_level"], log["reason"]) for log in logs if "probe" in log]
    assert events == [
        ("probe_undecided", "warning", "resolver_failed"),
        ("verdict_changed", "info", "ok"),
        ("probe_undecided", "warning", "rate_limited"),
    ]


@on_virtual_time
async def test_a_thousand_component_names_stay_bounded():
    async def many(run):
        for n in range(1000):
            run.components.append(Component(f"c{n}", is_up=n != 700, is_critical=False, word="ok"))

    async with bench(config(probe(does="m")), behaviours={"m": many}) as b:
        await asyncio.sleep(60)
        assert len(b.values("rollwatch_component_up")) == 51
        down = [key for key, value in b.values("rollwatch_component_up").items() if value == 0]
        assert down == [("api", "health", "other", "false")], "a folded component that is down shows"
