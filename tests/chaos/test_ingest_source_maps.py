"""The directory of source maps holds everything but good maps, while errors come: they are listed in time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.arrivals import Reception, Sender, config_text, receiving
from support.processes import wait_for
from support.siege import ends_cleanly, http_probe, memory_mib, more_runs, targets

GOOD = {"version": 3, "file": "good.js", "sources": ["src/cart.ts"], "names": ["add"], "mappings": "AAAAA"}
FILES = 10_000
GROWTH_MIB = 200
LAG = "rollwatch_loop_lag_seconds_bucket"


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**30)


def _said(**said: Any) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps({**GOOD, **said}))


def _recursive(path: Path) -> None:
    text = json.dumps(GOOD)
    for _ in range(3000):
        text = '{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":' + text + "}]}"
    path.write_text(text)


HOSTILE: dict[str, Callable[[Path], object]] = {
    "sparse": _sparse,
    "nested": lambda path: path.write_bytes(b'{"version":3,"sources":' + b"[" * 2_000_000),
    "hidden": lambda path: path.write_bytes(
        b'{"version":3,"mappings":"AAAA","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    ),
    "recursive": _recursive,
    "sections": _said(sections=[{"offset": {"line": 0, "column": 0}, "map": {"version": 3}}] * 20_000),
    "cut": lambda path: path.write_text(json.dumps(GOOD)[:40]),
    "noise": lambda path: path.write_bytes(os.urandom(1_000_000)),
    "overflow": _said(mappings="g" * 100_000),
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "outside": lambda path: path.symlink_to("/etc/passwd"),
    "loop": lambda path: path.symlink_to(path),
    "pipe": os.mkfifo,
    "directory": Path.mkdir,
}
"""What becomes of the map of a script; a frame in it stays as it was."""
LARGE: dict[str, Callable[[Path], object]] = {
    "dense": _said(mappings="AAAA," * 1_000_000),
    "fat": _said(sourcesContent=["x" * 40_000_000]),
    "odd": _said(sources=["../" * 2000 + "\u202e\x00\n<script>"]),
}
"""Maps all the same."""


def _error(script: str, number: int) -> dict[str, Any]:
    return {
        "type": "error", "kind": "error", "name": f"{script.title()}Error", "message": f"{script} broke",
        "stack": f"Error: x\n    at a (https://www.example.com/{script}.js:1:1)\n"
        f"    at b (https://www.example.com/good.js:1:{number})",
        "first": True, "path": "/",
    }  # fmt: skip


def _stacks(here: Reception) -> dict[str, str]:
    """The listed stacks, by the script that their error is named after."""
    (service,) = json.loads(here.exporter.get("/api/monitoring/errors"))["services"]
    return {group["title"].partition("Error")[0].lower(): group["stack"] for group in service["groups"]}


def test_hostile_maps_hold_nothing_up(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "good.js.map").write_text(json.dumps(GOOD))
    for name, make in (HOSTILE | LARGE).items():
        make(maps / f"{name}.js.map")
    (maps / "up").symlink_to(maps)
    (maps / "many").mkdir()
    for number in range(FILES):
        (maps / "many" / f"f{number}.js.map").touch()
    with targets() as production:
        probes = {"p": http_probe(production.serve().url())}
        with receiving(tmp_path, config_text(probes, browser="source_maps: maps")) as here:
            more_runs(here.exporter, "p", "ok", runs=1)
            memory = memory_mib(here.pid)
            with Sender(here) as sender:
                for script in (*HOSTILE, *LARGE):
                    assert here.visit(_error(script, 1), client="192.0.2.251") == 204
                wait_for(lambda: len(_stacks(here)) == len(HOSTILE) + len(LARGE), "every error to be listed")
                stacks = _stacks(here)
                wait_for(lambda: sender.of("beacon").get(204, 0) >= 5, "beacons to get through")
            for script, stack in stacks.items():
                # What can't be resolved stays as it came; what can be is, in the same stack.
                assert (f"/{script}.js:1:1" in stack) == (script in HOSTILE), stack
                assert "src/cart.ts:1:1" in stack, stack
                assert stack.isprintable() or stack.replace("\n", "").isprintable()
            seen = more_runs(here.exporter, "p", "ok", runs=1)
            assert seen.total(LAG, le="1.0") == seen.total(LAG, le="+Inf") > 0
            assert set(seen.reasons("p")) == {"ok"}
            assert memory_mib(here.pid) - memory < GROWTH_MIB
            assert sender.of("beacon").keys() == {204}
            told = [line for line in here.exporter.process.lines if "event=source_map_unusable" in line]
            assert len(told) == 8, told
            # In the middle of the next ones.
            for script in LARGE:
                (maps / f"{script}.js.map").touch()
            for script in LARGE:
                other = {**_error(script, 2), "name": f"Other{script.title()}Error"}
                assert here.visit(other, client="192.0.2.252") == 204
            ends_cleanly(here.exporter)
