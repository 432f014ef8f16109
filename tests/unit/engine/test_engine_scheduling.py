"""When probes run, and when they must not."""

import asyncio
import itertools

import pytest

from rollwatch.engine.view import RunRefused
from rollwatch.model import Reason, Role
from support.engine_bench import bench, config, counting, failing, on_virtual_time, probe
from support.virtual import virtual_clock


@on_virtual_time
async def test_runs_start_on_a_fixed_grid_whatever_they_take():
    starts = []

    async def slow(run):
        starts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(3.7)

    async with bench(config(probe(does="slow", interval=10)), behaviours={"slow": slow}):
        await asyncio.sleep(105)
    gaps = {round(b - a, 6) for a, b in itertools.pairwise(starts)}
    assert gaps == {10.0}
    assert len(starts) in {10, 11}


@on_virtual_time
async def test_a_run_that_outlives_its_tick_is_counted_not_doubled():
    running = 0

    async def stubborn(run):
        nonlocal running
        running += 1
        assert running == 1
        try:
            await asyncio.sleep(1e6)
        finally:
            # The wind-up of a run, once its deadline has struck, takes longer than it may.
            virtual_clock().stall(25)
            running -= 1

    probes = config(probe(does="stubborn", interval=10, timeout=5))
    async with bench(probes, behaviours={"stubborn": stubborn}) as b:
        await asyncio.sleep(120)
        runs = len(b.probe().recent)
        assert b.probe().skipped_runs == b.value("rollwatch_probe_skipped_runs_total", "api", "health")
        assert b.probe().skipped_runs >= 2 * (runs - 1)
        assert runs + b.probe().skipped_runs in range(11, 14)


@on_virtual_time
async def test_ticks_that_pass_while_the_loop_stands_still_are_counted():
    async def stalls(run):
        virtual_clock().stall(25)

    async with bench(config(probe(does="stalls", interval=10)), behaviours={"stalls": stalls}) as b:
        assert b.engine.overdue() == []
        await asyncio.sleep(100)
        runs = len(b.probe().recent)
        assert b.probe().skipped_runs in {2 * runs - 2, 2 * runs}


@on_virtual_time
async def test_a_provider_that_asks_to_be_left_alone_is():
    starts = []
    limited = counting(starts, failing(Reason.RATE_LIMITED, retry_after_s=100))
    paid = probe(does="limited", interval=10, role=Role.PRIMARY)
    async with bench(config(paid), behaviours={"limited": limited}) as b:
        await asyncio.sleep(95)
        assert len(starts) == 1
        results = b.value("rollwatch_probe_results_total", "api", "health", "unknown", "rate_limited")
        assert results in range(8, 11)
        assert b.probe().next_run_at >= b.clock.wall() + 5
        with pytest.raises(RunRefused) as refused:
            await b.engine.run_now("api/health")
        assert 0 < refused.value.retry_after_s <= 100
        await asyncio.sleep(30)
        assert len(starts) == 2


@on_virtual_time
async def test_a_provider_is_never_asked_sooner_than_its_interval_not_even_on_demand():
    starts = []
    paid = probe(does="x", interval=60, role=Role.FALLBACK)
    async with bench(config(paid), behaviours={"x": counting(starts)}) as b:
        for _ in range(600):
            await asyncio.sleep(1)
            with_luck = asyncio.create_task(b.engine.run_now("api/health"))
            await asyncio.wait([with_luck])
            with_luck.exception()
    assert len(starts) >= 8
    assert min(b - a for a, b in itertools.pairwise(starts)) >= 59.4


@on_virtual_time
async def test_a_run_on_demand_explains_itself_and_counts_like_any_other():
    async def noting(run):
        run.note("status", 200)

    async with bench(config(probe(does="n", interval=3600)), behaviours={"n": noting}) as b:
        await asyncio.sleep(20)
        before = len(b.probe().recent)
        explained = await b.engine.run_now("api/health")
        assert explained.notes == (("status", "200"),)
        assert (explained.target, explained.record.reason) == ("fake://n", Reason.OK)
        assert len(b.probe().recent) == before + 1
        with pytest.raises(RunRefused, match="a moment ago"):
            await b.engine.run_now("api/health")
        with pytest.raises(RunRefused, match="no probe 'api/nothing'") as unknown:
            await b.engine.run_now("api/nothing")
        assert unknown.value.retry_after_s is None


@on_virtual_time
async def test_a_run_on_demand_never_overlaps_another():
    async with bench(config(probe(does="hang", interval=10, timeout=5))) as b:
        await asyncio.sleep(0)
        await asyncio.sleep(b.probe().next_run_at - b.clock.wall() + 1)
        with pytest.raises(RunRefused, match="is running right now"):
            await b.engine.run_now("api/health")


@on_virtual_time
async def test_an_hourly_probe_first_runs_within_seconds_unless_it_is_a_paid_one():
    early, paid = [], []
    probes = config(
        probe(does="early", interval=3600), probe(name="p", does="paid", interval=3600, role=Role.PRIMARY)
    )
    async with bench(probes, behaviours={"early": counting(early), "paid": counting(paid)}) as b:
        await asyncio.sleep(10)
        assert len(early) == 1
        tick = b.probe("api/p").next_run_at
        await asyncio.sleep(tick - b.clock.wall() + 1)
        assert len(paid) == 1


@on_virtual_time
async def test_a_run_on_demand_that_outlives_its_probe_leaves_no_series_behind():
    async with bench(config(probe(does="hang", interval=3600, timeout=50))) as b:
        await asyncio.sleep(70)
        run = asyncio.create_task(b.engine.run_now("api/health"))
        await asyncio.sleep(1)
        await b.engine.apply(config(probe("other")))
        await run
        assert {key[1] for key in b.values("rollwatch_probe_results_total")} == {"other"}


@on_virtual_time
async def test_a_provider_rests_across_a_reload():
    starts = []
    limited = counting(starts, failing(Reason.RATE_LIMITED, retry_after_s=500))
    paid = {"does": "limited", "interval": 10, "role": Role.PRIMARY}
    async with bench(config(probe(**paid)), behaviours={"limited": limited}) as b:
        await asyncio.sleep(30)
        assert len(starts) == 1
        await b.engine.apply(config(probe(**paid, buckets=(7.0,))))
        await asyncio.sleep(300)
        assert len(starts) == 1


@on_virtual_time
async def test_a_target_that_is_no_provider_can_not_send_us_away_for_long():
    starts = []
    limited = counting(starts, failing(Reason.RATE_LIMITED, retry_after_s=86_400))
    async with bench(config(probe(does="limited", interval=10)), behaviours={"limited": limited}):
        await asyncio.sleep(3600)
    assert len(starts) >= 10


@on_virtual_time
async def test_a_session_run_on_demand_that_outlives_its_probe_leaves_no_series_behind():
    async with bench(config(probe("s", kind="session", does="hang"), probe("stays"))) as b:
        await asyncio.sleep(0)
        await asyncio.sleep(b.probe("api/s").next_run_at - b.clock.wall() + 6)
        asked = asyncio.create_task(b.engine.run_now("api/s"))
        await asyncio.sleep(0.1)
        await b.engine.apply(config(probe("stays")))
        await asked
        assert set(b.values("fake_things_total")) == {("api", "stays")}


@on_virtual_time
async def test_a_probe_whose_loop_has_stopped_is_found():
    async with bench(config(probe(interval=10), probe("s", interval=10, kind="session"))) as b:
        await asyncio.sleep(60)
        assert b.engine.overdue() == []
        for task in asyncio.all_tasks():
            if task.get_name() == "probe:api/health":
                task.cancel()
        await asyncio.sleep(60)
        assert b.engine.overdue() == ["api/health"]
