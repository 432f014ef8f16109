"""Where memory really ends: the container's limit, where there is one (cgroup v1 and v2).

Only a cgroup that also holds process 1 counts. In a container that is the container's own; on a host, where
systemd gives each service a cgroup of its own, it is none: a limit on this exporter's service says nothing
about the host. Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the Linux kernel.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import NamedTuple

__all__ = ["MemoryLimit", "memory_limit"]


class MemoryLimit(NamedTuple):
    """Bytes. `used` is the working set: what is used less the file cache that can be dropped at once."""

    limit: int
    used: int


class _Names(NamedTuple):
    limit: str
    usage: str
    reclaimable: str


_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Names("memory.max", "memory.current", "inactive_file")


def memory_limit(root: Path, total: int) -> MemoryLimit | None:
    """The tightest limit of the container, or None if there is none below the host's `total` bytes.

    `root` is `/`. What can't be read counts as no limit. Blocks.
    """
    own = _cgroup(root / "proc/self/cgroup")
    first = _cgroup(root / "proc/1/cgroup")
    if own is None or first is None or own[0] != first[0]:
        return None
    is_v1, shared = own[0], _common(own[1], first[1])
    mount = root / ("sys/fs/cgroup/memory" if is_v1 else "sys/fs/cgroup")
    names = _V1 if is_v1 else _V2
    tightest: MemoryLimit | None = None
    for path in (shared, *shared.parents):
        found = _read(mount / path.relative_to("/"), names)
        if found is not None and found.limit < total and (tightest is None or found.limit < tightest.limit):
            tightest = found
    return tightest


def _cgroup(file: Path) -> tuple[bool, PurePosixPath] | None:
    """Whether memory is governed by v1, and by which cgroup; from lines `4:memory:/path` or `0::/path`."""
    try:
        lines = file.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    unified = None
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            return True, PurePosixPath(path)
        if not controllers and path.startswith("/"):
            unified = False, PurePosixPath(path)
    return unified


def _common(one: PurePosixPath, other: PurePosixPath) -> PurePosixPath:
    # A path outside our cgroup namespace begins with "..": what both share is then the namespace's root.
    if ".." in one.parts or ".." in other.parts:
        return PurePosixPath("/")
    ancestors = (other, *other.parents)
    return next((path for path in (one, *one.parents) if path in ancestors), PurePosixPath("/"))


def _read(cgroup: Path, names: _Names) -> MemoryLimit | None:
    try:
        # "max" is v2's word for none.
        limit = int((cgroup / names.limit).read_text("ascii"))
        usage = int((cgroup / names.usage).read_text("ascii"))
        statistics = (cgroup / "memory.stat").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return None
    words = (line.split() for line in statistics)
    reclaimable = next(
        (int(w[1]) for w in words if len(w) == 2 and w[0] == names.reclaimable and w[1].isdigit()), 0
    )
    return MemoryLimit(limit, max(0, usage - reclaimable))
