"""The host's figures follow the configuration in force."""

import asyncio
import contextlib
import time

from rollwatch.clock import SystemClock
from rollwatch.config.config import Config
from rollwatch.config.document import HostSpec
from rollwatch.exporter.hosting import HostWatch
from rollwatch.metrics.store import Store


def config(**host):
    return Config("test", "here", {}, (), HostSpec(**host), None)


def services(store):
    return {
        sample.labels["service"]
        for family in store.collect()
        for sample in family.samples
        if sample.name.startswith("rollwatch_host_")
    }


async def until(condition):
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.02)


async def test_figures_come_move_and_go_with_the_configuration():
    store = Store()
    watch = HostWatch(store, SystemClock())
    task = asyncio.create_task(watch.live())
    await asyncio.sleep(0)
    assert services(store) == set()
    watch.configure(config(enabled=True, service="host", interval="1s"))
    await until(lambda: services(store) == {"host"})
    watch.configure(config(enabled=True, service="edge", interval="1s"))
    await until(lambda: services(store) == {"edge"})
    watch.configure(config(enabled=False))
    await until(lambda: services(store) == set())
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_it_ends_while_it_reads():
    store = Store()
    watch = HostWatch(store, SystemClock())
    watch.configure(config(enabled=True))
    task = asyncio.create_task(watch.live())
    await until(lambda: services(store))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert services(store) == set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
