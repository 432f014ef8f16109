"""The collector on this very host: what it publishes, what it leaves alone, what a hang costs."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from rollwatch.clock import SystemClock
from rollwatch.config.document import HostSpec
from rollwatch.host import collector as collector_module
from rollwatch.host import metrics as m
from rollwatch.host.collector import HostCollector
from rollwatch.host.filesystems import Filesystems
from rollwatch.host.reading import Part
from rollwatch.metrics.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BASE = ("edge", "production", "fra1")


def make(
    store: Store, *, root: Path | None = None, filesystems: Filesystems | None = None, **said: Any
) -> HostCollector:
    spec = HostSpec.model_validate({"enabled": True, "service": "edge", "interval": "1s", **said})
    options: dict[str, Any] = {} if root is None else {"root": root}
    return HostCollector(
        spec,
        store,
        SystemClock(),
        environment="production",
        location="fra1",
        filesystems=filesystems,
        **options,
    )


def value(store: Store, metric: Any, *labels: str) -> Any:
    for family in store.families():
        if family.metric is metric and (*BASE, *labels) in family.children:
            return family.children[(*BASE, *labels)].value  # type: ignore[union-attr]
    return None


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_the_figures_are_those_of_this_host(tmp_path: Path) -> None:
    store = Store()
    await make(store, mounts=[str(tmp_path)]).collect()
    memory = psutil.virtual_memory()
    assert value(store, m.MEMORY_TOTAL_BYTES) == memory.total
    assert 0 < value(store, m.MEMORY_AVAILABLE_BYTES) < memory.total
    assert 0 < value(store, m.MEMORY_LIMIT_USED_BYTES) < value(store, m.MEMORY_LIMIT_BYTES) <= memory.total
    assert value(store, m.CPU_CORES) == os.cpu_count()
    assert value(store, m.CPU_SECONDS, "user") > 0
    assert value(store, m.FILESYSTEM_READABLE, str(tmp_path)) == 1
    assert all(value(store, m.READ_FAILURES, part.value) == 0 for part in Part)


async def test_the_loopback_interface_is_left_out() -> None:
    store = Store()
    await make(store).collect()
    assert "lo" in psutil.net_io_counters(pernic=True)
    assert value(store, m.NETWORK_RECEIVE_BYTES, "lo") is None


async def test_a_hosts_memory_ends_where_its_container_does(tmp_path: Path) -> None:
    for name, text in {
        "proc/self/cgroup": "0::/\n",
        "proc/1/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "104857600\n",
        "sys/fs/cgroup/memory.current": "52428800\n",
        "sys/fs/cgroup/memory.stat": "inactive_file 10485760\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    store = Store()
    await make(store, root=tmp_path).collect()
    assert value(store, m.MEMORY_LIMIT_BYTES) == 104857600
    assert value(store, m.MEMORY_LIMIT_USED_BYTES) == 41943040


async def test_without_sys_the_disks_are_still_read(tmp_path: Path) -> None:
    with_sys, without = Store(), Store()
    await make(with_sys).collect()
    await make(without, root=tmp_path).collect()
    devices = [
        {
            key[-1]
            for family in store.families()
            if family.metric is m.DISK_READ_BYTES
            for key in family.children
        }
        for store in (with_sys, without)
    ]
    assert devices[0] <= devices[1]
    assert value(without, m.READ_FAILURES, "disk") == 0


@pytest.mark.parametrize(
    "error", [PermissionError("no"), psutil.AccessDenied(1), NotImplementedError(), IndexError()]
)
async def test_what_cannot_be_read_is_hidden_and_counted_and_the_rest_is_published(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    store = Store()
    collector = make(store)
    await collector.collect()
    assert value(store, m.CPU_CORES) is not None

    def fail() -> list[Any]:
        raise error

    monkeypatch.setattr(collector_module, "read_cpu", fail)
    await collector.collect()
    assert value(store, m.CPU_CORES) is None
    assert value(store, m.READ_FAILURES, "cpu") == 1
    assert value(store, m.READ_FAILURES, "memory") == 0
    assert value(store, m.MEMORY_TOTAL_BYTES) is not None


async def test_a_reading_that_hangs_leaves_the_loop_free_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()
    entered = 0

    def hang() -> list[Any]:
        nonlocal entered
        entered += 1
        release.wait(30)
        return []

    monkeypatch.setattr(collector_module, "read_cpu", hang)
    store = Store()
    collector = make(store)
    try:
        task = asyncio.create_task(collector.collect())
        turns = 0
        while not task.done():
            turns += 1
            await asyncio.sleep(0.005)
        assert turns > 10, "the loop stood still while the reading hung"
        await collector.collect()
        assert entered == 1
        assert value(store, m.READ_FAILURES, "cpu") == 2
        assert value(store, m.LAST_READ_TIMESTAMP) is None
    finally:
        release.set()


async def test_a_hung_mount_costs_only_its_own_figures(tmp_path: Path) -> None:
    release = threading.Event()

    def stat(mount: str) -> os.statvfs_result:
        if mount != "/":
            release.wait(30)
        return os.statvfs("/")

    store = Store()
    filesystems = Filesystems(stat=stat, within_s=0.05)
    try:
        await make(store, filesystems=filesystems, mounts=["/", str(tmp_path)]).collect()
        assert value(store, m.FILESYSTEM_READABLE, str(tmp_path)) == 0
        assert value(store, m.FILESYSTEM_AVAIL_BYTES, str(tmp_path)) is None
        assert value(store, m.FILESYSTEM_AVAIL_BYTES, "/") > 0
        assert value(store, m.READ_FAILURES, "filesystem") == 1
        assert value(store, m.CPU_CORES) is not None
    finally:
        release.set()


async def test_it_reads_again_every_interval_until_cancelled_and_then_leaves_nothing() -> None:
    store = Store()
    task = asyncio.create_task(make(store).live())
    await until(lambda: value(store, m.LAST_READ_TIMESTAMP))
    first = value(store, m.LAST_READ_TIMESTAMP)
    await until(lambda: value(store, m.LAST_READ_TIMESTAMP) > first)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(store.families()) == []


async def test_a_network_mount_that_hangs_for_ever_does_not_keep_the_process_from_ending() -> None:
    code = """
import asyncio, threading
from rollwatch.host.filesystems import Filesystems
async def main():
    read = await Filesystems(stat=lambda _: threading.Event().wait(), within_s=0.05).read(["/mnt/nfs"])
    print(sorted(read.failures))
asyncio.run(main())
"""
    import sys

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert out == b"['/mnt/nfs']\n"
