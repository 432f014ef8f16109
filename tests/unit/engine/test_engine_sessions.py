"""Probers that live between runs."""

import asyncio
import itertools

from rollwatch.config.document import ReferenceCheck
from rollwatch.model import Reason
from support.engine_bench import bench, config, failing, on_virtual_time, probe


@on_virtual_time
async def test_a_session_lives_between_runs_and_its_counts_are_never_lost():
    async with bench(config(probe(kind="session", interval=10))) as b:
        await asyncio.sleep(100.5)
        await b.engine.refresh()
        assert b.value("fake_things_total", "api", "health") == 100
        assert b.value("fake_gauge", "api", "health", "session") == 1


@on_virtual_time
async def test_a_session_that_fails_is_started_again():
    lives = []

    async def fails(_run):
        lives.append(asyncio.get_running_loop().time())
        if len(lives) == 3:
            return
        raise RuntimeError("bug")

    async with bench(config(probe(kind="session")), behaviours={"live": fails}) as b:
        await asyncio.sleep(20)
        assert [round(b - a) for a, b in itertools.pairwise(lives)] == [1, 2]
        assert b.value("probe_success", "api", "health") == 1


@on_virtual_time
async def test_many_sessions_are_refreshed_in_slices():
    probes = [probe(f"p{n}", kind="session") for n in range(60)]
    async with bench(config(*probes)) as b:
        await asyncio.sleep(10.5)
        turns = 0

        async def count_turns():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counter = asyncio.create_task(count_turns())
        await b.engine.refresh()
        counter.cancel()
        assert turns >= 2
        assert sum(b.values("fake_things_total").values()) == 600


@on_virtual_time
async def test_a_session_lost_with_our_own_network_is_not_the_targets_fault():
    lost = {"x": failing(Reason.DISCONNECTED, "no session for 20 s")}
    gone = ReferenceCheck.model_validate({"address": "127.0.0.1:1"})
    async with bench(config(probe(does="x"), reference=gone), behaviours=lost) as b:
        await asyncio.sleep(20)
        assert b.probe().last.reason is Reason.OWN_NETWORK
