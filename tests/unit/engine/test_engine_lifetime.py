"""How the engine ends, and what it says of itself."""

import asyncio

import pytest

from rollwatch.model import Phase, Reason
from support.engine_bench import bench, config, on_virtual_time, probe
from support.virtual import run_virtual, virtual_clock


@on_virtual_time
async def test_a_loop_that_stands_still_is_seen_and_blames_nobody():
    async def stalls(run):
        run.enter(Phase.PROCESSING)
        await asyncio.sleep(1)
        virtual_clock().stall(6)
        await asyncio.sleep(1e6)

    async with bench(config(probe(does="s", timeout=5)), behaviours={"s": stalls}) as b:
        await asyncio.sleep(40)
        assert b.probe().last.reason is Reason.OVERLOADED
        assert b.engine.view().loop_lag_s > 5
        assert b.value("rollwatch_loop_lag_seconds_sum") > 5


@on_virtual_time
async def test_stopping_ends_every_task():
    async with bench(config(probe(does="hang"), probe("s", kind="session"))):
        await asyncio.sleep(16)
        assert len(asyncio.all_tasks()) > 3
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_an_error_of_the_body_arrives_as_itself():
    async def main():
        async with bench(config(probe())):
            raise ConnectionError("mine")

    with pytest.raises(ConnectionError, match="mine"):
        run_virtual(main())


def test_errors_of_several_tasks_arrive_together():
    async def fails():
        raise OSError("task")

    async def main():
        async with bench(config(probe())) as b:
            b.engine.adopt(fails(), "one")
            b.engine.adopt(fails(), "two")
            await asyncio.sleep(1)

    with pytest.raises(ExceptionGroup) as failures:
        run_virtual(main())
    assert len(failures.value.exceptions) == 2


@on_virtual_time
async def test_a_long_run_remembers_only_the_lag_of_late():
    async with bench(config(probe())) as b:
        await asyncio.sleep(1)
        b.clock.stall(3)
        await asyncio.sleep(1)
        assert b.engine.view().loop_lag_s > 2
        await asyncio.sleep(400)
        assert b.engine.view().loop_lag_s == 0
        b.clock.stall(3)
        assert b.engine.view().loop_lag_s > 2, "a stall that is only now ending counts"
