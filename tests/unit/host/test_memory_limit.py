"""Where memory ends, by the cgroup files of containers and hosts (v1 and v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollwatch.host.memory_limit import MemoryLimit, memory_limit

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1024**3
TOTAL = 16 * GIB
NO_LIMIT_V1 = "9223372036854771712\n"


def v2(limit: str, current: int, inactive_file: int = 0) -> dict[str, str]:
    return {
        "memory.max": f"{limit}\n",
        "memory.current": f"{current}\n",
        "memory.stat": f"anon 1\ninactive_anon 7\ninactive_file {inactive_file}\nnonsense\n",
    }


def v1(limit: str, usage: int, inactive_file: int = 0) -> dict[str, str]:
    return {
        "memory.limit_in_bytes": limit,
        "memory.usage_in_bytes": f"{usage}\n",
        "memory.stat": f"inactive_file 3\ntotal_inactive_file {inactive_file}\n",
    }


def lay(root: Path, own: str | None, first: str | None, cgroups: dict[str, dict[str, str]]) -> None:
    files = {"proc/self/cgroup": own, "proc/1/cgroup": first}
    files |= {
        f"sys/fs/cgroup/{d}/{name}": text for d, names in cgroups.items() for name, text in names.items()
    }
    for name, text in files.items():
        if text is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.mark.parametrize(
    ("own", "first", "cgroups", "expected"),
    [
        pytest.param(
            "0::/\n",
            "0::/\n",
            {".": v2(str(GIB), 700, 200)},
            MemoryLimit(GIB, 500),
            id="v2 container, own namespace",
        ),
        pytest.param("0::/\n", "0::/\n", {".": v2("max", 700)}, None, id="v2 container without a limit"),
        pytest.param(
            "0::/\n",
            "0::/\n",
            {".": v2(str(TOTAL), 700)},
            None,
            id="a limit beyond the host's memory is none",
        ),
        pytest.param("0::/\n", "0::/\n", {}, None, id="v2 host: the root has no limit"),
        pytest.param(
            "0::/system.slice/rollwatch.service\n",
            "0::/init.scope\n",
            {"system.slice/rollwatch.service": v2("1000", 900)},
            None,
            id="a limit on our own systemd unit is not the host's",
        ),
        pytest.param(
            "0::/user.slice/app\n",
            "0::/init.scope\n",
            {".": v2("5000", 4000, 1000)},
            MemoryLimit(5000, 3000),
            id="systemd inside a container: the container's limit",
        ),
        pytest.param(
            "0::/kubepods/pod1/c1\n",
            "0::/kubepods/pod1/c1\n",
            {"kubepods/pod1/c1": v2("max", 10), "kubepods/pod1": v2("4000", 2500, 500)},
            MemoryLimit(4000, 2000),
            id="the limit of the pod around it",
        ),
        pytest.param(
            "0::/a/b\n",
            "0::/a/b\n",
            {"a/b": v2("3000", 100), "a": v2("2000", 150)},
            MemoryLimit(2000, 150),
            id="the tightest limit counts",
        ),
        pytest.param(
            "0::/\n",
            "0::/../pause\n",
            {".": v2("2000", 150)},
            MemoryLimit(2000, 150),
            id="process 1 in a sibling",
        ),
        pytest.param(
            "4:memory:/docker/x\n0::/\n",
            "4:memory:/docker/x\n0::/\n",
            {"memory": v1("2000\n", 1500, 300)},
            MemoryLimit(2000, 1200),
            id="v1 container, host's path, own mount",
        ),
        pytest.param(
            "5:cpu,memory:/\n",
            "5:cpu,memory:/\n",
            {"memory": v1(NO_LIMIT_V1, 1500)},
            None,
            id="v1 without a limit",
        ),
        pytest.param("0::/\n", "0::/\n", {".": v2("2000", 50, 80)}, MemoryLimit(2000, 0), id="never below 0"),
        pytest.param("0::/\n", "0::/\n", {".": v2("a lot", 1)}, None, id="garbage is no limit"),
        pytest.param("0::/\n", None, {".": v2("2000", 1)}, None, id="process 1 hidden"),
        pytest.param(None, None, {}, None, id="no /proc and no /sys"),
        pytest.param("nonsense", "::", {}, None, id="files of another shape"),
    ],
)
def test_the_limit_is_that_of_the_cgroup_shared_with_process_1(
    tmp_path: Path,
    own: str | None,
    first: str | None,
    cgroups: dict[str, dict[str, str]],
    expected: MemoryLimit | None,
) -> None:
    lay(tmp_path, own, first, cgroups)
    assert memory_limit(tmp_path, TOTAL) == expected
