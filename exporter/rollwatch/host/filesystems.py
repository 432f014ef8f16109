"""Space on file systems, each asked in a thread of its own: one that hangs is marked, the others are read."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psutil

from rollwatch.host import metrics as m
from rollwatch.host.errand import Errand
from rollwatch.host.reading import Figure, bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Filesystems", "FilesystemsRead", "mounted_disks"]


class Space(Protocol):
    """What is used of `os.statvfs_result`."""

    @property
    def f_frsize(self) -> int: ...
    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...
    @property
    def f_files(self) -> int: ...
    @property
    def f_ffree(self) -> int: ...


class FilesystemsRead(NamedTuple):
    """`failures`: what went wrong by mount, in words."""

    figures: list[Figure]
    failures: dict[str, str]


def mounted_disks() -> list[str]:
    """`/`, and one mount point for each further disk (a bind mount is the same disk again). Blocks."""
    by_device: dict[str, str] = {}
    for partition in psutil.disk_partitions(all=False):
        known = by_device.get(partition.device)
        is_shorter = known is None or len(partition.mountpoint) < len(known)
        # A container has single files mounted from the host's disk (/etc/hosts).
        if is_shorter and Path(partition.mountpoint).is_dir():
            by_device[partition.device] = partition.mountpoint
    return sorted({"/", *by_device.values()})


class Filesystems:
    """Reads the space of mounts; remembers which one has not answered yet."""

    def __init__(self, *, stat: Callable[[str], Space] = os.statvfs, within_s: float = 2.0) -> None:
        self._stat = stat
        self._within_s = within_s
        self._errands: dict[str, Errand[Space]] = {}

    async def read(self, mounts: Sequence[str]) -> FilesystemsRead:
        """Ask all at once; ends within the bound, whatever hangs."""
        names, left_out = bounded(list(mounts))
        for gone in [
            name for name, errand in self._errands.items() if name not in names and not errand.is_out
        ]:
            del self._errands[gone]
        figures = [Figure(m.LEFT_OUT, ("mount",), left_out)]
        failures: dict[str, str] = {}
        answers = await asyncio.gather(*(self._ask(name) for name in names))
        for name, answer in zip(names, answers, strict=True):
            is_read = not isinstance(answer, str)
            figures.append(Figure(m.FILESYSTEM_READABLE, (name,), float(is_read)))
            if isinstance(answer, str):
                failures[name] = answer
            else:
                figures += _space(name, answer)
        return FilesystemsRead(figures, failures)

    async def _ask(self, mount: str) -> Space | str:
        errand = self._errands.get(mount)
        if errand is None:
            errand = self._errands[mount] = Errand(f"statvfs {mount}", partial(self._stat, mount))
        try:
            return await errand.run(self._within_s)
        except TimeoutError as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)


def _space(mount: str, space: Space) -> list[Figure]:
    figures = [
        Figure(m.FILESYSTEM_SIZE_BYTES, (mount,), space.f_blocks * space.f_frsize),
        Figure(m.FILESYSTEM_AVAIL_BYTES, (mount,), space.f_bavail * space.f_frsize),
    ]
    if space.f_files:
        figures.append(Figure(m.FILESYSTEM_FILES, (mount,), space.f_files))
        figures.append(Figure(m.FILESYSTEM_FILES_FREE, (mount,), space.f_ffree))
    return figures
