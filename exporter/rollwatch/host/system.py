"""CPU, memory, disks and network of the host, by psutil. Every function blocks and may raise OSError."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from rollwatch.host import metrics as m
from rollwatch.host.memory_limit import MemoryLimit, memory_limit
from rollwatch.host.reading import Figure, bounded

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_cpu", "read_disks", "read_memory", "read_network"]

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""`guest` is part of `user` already."""
_NO_DISK = ("loop", "ram", "zram")
_NO_INTERFACE = ("veth",)
"""The host's end of a container's interface: a new name for every container that starts."""


def read_cpu() -> list[Figure]:
    """CPU time by mode, cores, load."""
    times = psutil.cpu_times()._asdict()
    figures = [Figure(m.CPU_SECONDS, (mode,), times[mode]) for mode in _MODES if mode in times]
    cores = psutil.cpu_count()
    if cores:
        figures.append(Figure(m.CPU_CORES, (), cores))
    return figures + [Figure(metric, (), load) for metric, load in zip(m.LOAD, os.getloadavg(), strict=True)]


def read_memory(root: Path) -> list[Figure]:
    """Memory, its real limit, swap. `root` is `/`, and is where cgroups are looked for."""
    memory = psutil.virtual_memory()
    limit = memory_limit(root, memory.total)
    if limit is None:
        limit = MemoryLimit(memory.total, memory.total - memory.available)
    figures = [
        Figure(m.MEMORY_TOTAL_BYTES, (), memory.total),
        Figure(m.MEMORY_AVAILABLE_BYTES, (), memory.available),
        Figure(m.MEMORY_USED_BYTES, (), memory.used),
        Figure(m.MEMORY_LIMIT_BYTES, (), limit.limit),
        Figure(m.MEMORY_LIMIT_USED_BYTES, (), limit.used),
    ]
    swap = psutil.swap_memory()
    return [
        *figures,
        Figure(m.SWAP_TOTAL_BYTES, (), swap.total),
        Figure(m.SWAP_USED_BYTES, (), swap.used),
    ]


def read_disks(root: Path) -> list[Figure]:
    """Bytes and busy time per disk. Without /sys a disk can't be told from its partitions: all are given."""
    try:
        # psutil need not mend totals that start again (nowrap): the publisher notices.
        counters = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    except NotImplementedError:  # neither /proc/diskstats nor /sys/block
        counters = {}
    whole = _whole_disks(root)
    names = [name for name in counters if not name.startswith(_NO_DISK) and (whole is None or name in whole)]
    names, left_out = bounded(names)
    figures = [Figure(m.LEFT_OUT, ("disk",), left_out)]
    for name in names:
        disk = counters[name]
        figures.append(Figure(m.DISK_READ_BYTES, (name,), disk.read_bytes))
        figures.append(Figure(m.DISK_WRITTEN_BYTES, (name,), disk.write_bytes))
        if hasattr(disk, "busy_time"):
            figures.append(Figure(m.DISK_IO_SECONDS, (name,), disk.busy_time / 1000))
    return figures


def _whole_disks(root: Path) -> set[str] | None:
    try:
        # The kernel writes "!" where a device's name has "/".
        return {name.replace("!", "/") for name in os.listdir(root / "sys/block")}  # noqa: PTH208  names only
    except OSError:
        return None


def read_network() -> list[Figure]:
    """Bytes and errors per interface."""
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    names, left_out = bounded(
        [name for name in counters if name != "lo" and not name.startswith(_NO_INTERFACE)]
    )
    figures = [Figure(m.LEFT_OUT, ("interface",), left_out)]
    for name in names:
        interface = counters[name]
        figures.append(Figure(m.NETWORK_RECEIVE_BYTES, (name,), interface.bytes_recv))
        figures.append(Figure(m.NETWORK_TRANSMIT_BYTES, (name,), interface.bytes_sent))
        figures.append(Figure(m.NETWORK_RECEIVE_ERRORS, (name,), interface.errin))
        figures.append(Figure(m.NETWORK_TRANSMIT_ERRORS, (name,), interface.errout))
    return figures
