"""Space on file systems: one that hangs costs only itself."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from rollwatch.host import metrics as m
from rollwatch.host.filesystems import Filesystems, FilesystemsRead, mounted_disks

if TYPE_CHECKING:
    from pathlib import Path


def by_mount(read: FilesystemsRead, metric: object) -> dict[str, float]:
    return {figure.labels[0]: figure.value for figure in read.figures if figure.metric is metric}


async def test_a_hung_mount_is_marked_and_never_asked_twice_while_others_are_read(tmp_path: Path) -> None:
    release = threading.Event()
    asked: list[str] = []

    def stat(mount: str) -> os.statvfs_result:
        asked.append(mount)
        if mount == "/mnt/nfs":
            release.wait(30)
        return os.statvfs(tmp_path)

    filesystems = Filesystems(stat=stat, within_s=0.05)
    try:
        for _ in range(3):
            read = await filesystems.read(["/data", "/mnt/nfs"])
            assert by_mount(read, m.FILESYSTEM_READABLE) == {"/data": 1, "/mnt/nfs": 0}
            assert by_mount(read, m.FILESYSTEM_SIZE_BYTES).keys() == {"/data"}
            assert "not come back" in read.failures["/mnt/nfs"] or "did not come" in read.failures["/mnt/nfs"]
        assert asked.count("/mnt/nfs") == 1
        assert asked.count("/data") == 3
    finally:
        release.set()
    while by_mount(read, m.FILESYSTEM_READABLE)["/mnt/nfs"] == 0:  # the test's timeout is the bound
        read = await filesystems.read(["/data", "/mnt/nfs"])
    assert by_mount(read, m.FILESYSTEM_SIZE_BYTES).keys() == {"/data", "/mnt/nfs"}


async def test_a_mount_that_does_not_exist_is_said_in_words(tmp_path: Path) -> None:
    read = await Filesystems().read([str(tmp_path), str(tmp_path / "gone")])
    assert read.failures == {str(tmp_path / "gone"): "No such file or directory"}
    space = os.statvfs(tmp_path)
    assert by_mount(read, m.FILESYSTEM_SIZE_BYTES) == {str(tmp_path): space.f_blocks * space.f_frsize}


async def test_at_most_fifty_mounts_are_published_and_the_rest_counted(tmp_path: Path) -> None:
    read = await Filesystems(stat=lambda _: os.statvfs(tmp_path)).read([f"/m{i:03}" for i in range(60)])
    assert len(by_mount(read, m.FILESYSTEM_SIZE_BYTES)) == 50
    assert by_mount(read, m.LEFT_OUT) == {"mount": 10}


def test_the_root_is_always_among_the_disks() -> None:
    assert "/" in mounted_disks()
