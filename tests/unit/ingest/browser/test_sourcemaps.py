"""Minified stacks, told in the places of their sources.

`minified/` was made by esbuild 0.28.2 (`--bundle --minify --sourcemap`) of two small modules; the stack is
what V8 wrote when it ran. The expected places are those that Mozilla's source-map 0.8.0 gives for the map
(`originalPositionFor`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rollwatch.ingest.browser.frames import Frame, parse_stack
from rollwatch.ingest.browser.sourcemaps import SourceMaps
from support.manual_clock import ManualClock

MINIFIED = Path(__file__).parent / "minified"
SCRIPT = "app.3f2a9c.js"
MAP = f"{SCRIPT}.map"
URL = f"https://shop.example/assets/{SCRIPT}"
STACK = f"""TypeError: Cannot read properties of undefined (reading 'price')
    at l ({URL}:1:278)
    at {URL}:1:220
    at Array.map (<anonymous>)
    at c ({URL}:1:213)
    at globalThis.run ({URL}:1:470)
    at async r.checkout ({URL}:1:381)"""
PLACES = [
    ("../src/cart.js", 6, 23),
    ("../src/cart.js", 2, 30),
    (None, None, None),
    ("../src/cart.js", 2, 16),
    ("../src/main.js", 5, 10),
    ("../src/cart.js", 15, 12),
]
FRAME = Frame("l", URL, 1, 278)
PLACE = ("../src/cart.js", 6, 23)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "maps"
    made.mkdir()
    return made


def put(path: Path, content: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((MINIFIED / MAP).read_bytes() if content is None else content)
    return path


def map_of(source: str) -> bytes:
    """Everything in it is in line 1, column 1 of `source`."""
    return json.dumps({"version": 3, "sources": [source], "names": [], "mappings": "AAAA"}).encode()


def place(frame: Frame) -> tuple[str | None, int | None, int | None]:
    return frame.url, frame.line, frame.column


def places(maps: SourceMaps, *frames: Frame) -> list[tuple[str | None, int | None, int | None]]:
    return [place(frame) for frame in maps.resolve(frames)]


def test_a_stack_is_told_in_its_sources(directory: Path, clock: ManualClock) -> None:
    put(directory / MAP)
    shutil.copy(MINIFIED / SCRIPT, directory)
    resolved = SourceMaps(directory, clock).resolve(parse_stack(STACK))
    assert [place(frame) for frame in resolved] == PLACES
    names = [frame.function for frame in resolved]
    assert names == ["lineTotal", None, "Array.map", "totalPrice", "globalThis.run", "r.checkout"]


def test_without_the_script_the_functions_keep_their_names(directory: Path, clock: ManualClock) -> None:
    put(directory / MAP)
    resolved = SourceMaps(directory, clock).resolve(parse_stack(STACK))
    assert [place(frame) for frame in resolved] == PLACES
    assert [frame.function for frame in resolved] == [frame.function for frame in parse_stack(STACK)]


def test_a_constructor_stays_one(directory: Path, clock: ManualClock) -> None:
    put(directory / MAP)
    shutil.copy(MINIFIED / SCRIPT, directory)
    (frame,) = SourceMaps(directory, clock).resolve([Frame("new l", URL, 1, 278)])
    assert frame.function == "new lineTotal"


def test_an_index_map_is_read(directory: Path, clock: ManualClock) -> None:
    whole: Any = json.loads((MINIFIED / MAP).read_bytes())
    sections = [
        {"offset": {"line": 0, "column": 100}, "map": whole},
        {"offset": {"line": 3, "column": 0}, "map": whole},
    ]
    put(directory / MAP, json.dumps({"version": 3, "sections": sections}).encode())
    maps = SourceMaps(directory, clock)
    assert places(maps, Frame("l", URL, 1, 378), Frame("l", URL, 4, 278)) == [PLACE, PLACE]


@pytest.mark.parametrize(
    "frame",
    [
        Frame("f", "https://shop.example/other.js", 1, 278),
        Frame("f", URL, 2, 1),
        Frame("f", URL, 1, 1),
        Frame("f", URL, 1, None),
        Frame("f", URL, None, None),
        Frame("f", URL, 0, 0),
        Frame("f", URL, 2**31, 2**40),
        Frame("f", None, 1, 278),
        Frame("f", "", 1, 278),
        Frame("f", "https://shop.example/", 1, 278),
    ],
    ids=str,
)
def test_a_frame_that_no_map_tells_of_stays_as_it_is(
    frame: Frame, directory: Path, clock: ManualClock
) -> None:
    put(directory / MAP)
    assert SourceMaps(directory, clock).resolve([frame, FRAME])[0] == frame


def test_a_place_that_the_map_gives_no_source_for_stays_as_it_is(directory: Path, clock: ManualClock) -> None:
    put(directory / MAP, b'{"version":3,"sources":["a.js",null],"names":[],"mappings":"AAAA,U,UCAA"}')
    maps = SourceMaps(directory, clock)
    frames = [Frame("f", URL, 1, column) for column in (10, 11, 21)]
    assert places(maps, *frames) == [("a.js", 1, 1), (URL, 1, 11), (URL, 1, 21)]


def test_a_name_from_outside_is_no_path(directory: Path, clock: ManualClock) -> None:
    put(directory.parent / "secret.js.map")
    put(directory / MAP)
    maps = SourceMaps(directory, clock)
    for url in (
        "../secret.js",
        "x/../../secret.js",
        f"{directory.parent}/secret.js",
        "..",
        "\x00",
        "%2e%2e/secret.js",
    ):
        frame = Frame("f", url, 1, 278)
        assert maps.resolve([frame]) == [frame]


def test_links_are_followed_within_the_directory_only(directory: Path, clock: ManualClock) -> None:
    put(directory.parent / "outside" / "out.js.map")
    put(directory.parent / "outside" / "deep.js.map")
    inside = put(directory / "data" / "kept.js.map")
    (directory / "in.js.map").symlink_to(inside)
    (directory / "out.js.map").symlink_to(directory.parent / "outside" / "out.js.map")
    (directory / "away").symlink_to(directory.parent / "outside")
    (directory / "dead.js.map").symlink_to(directory / "nothing")
    (directory / "loop.js.map").symlink_to(directory / "loop.js.map")
    os.mkfifo(directory / "pipe.js.map")
    (directory / "folder.js.map").mkdir()
    maps = SourceMaps(directory, clock)
    with capture_logs() as logs:
        found = {
            name: place(maps.resolve([Frame("l", f"/{name}.js", 1, 278)])[0]) == PLACE
            for name in ("in", "kept", "out", "deep", "dead", "loop", "pipe", "folder")
        }
    assert [name for name, is_found in found.items() if is_found] == ["in", "kept"]
    assert logs == []


def test_a_script_that_is_a_link_out_of_the_directory_is_not_read(
    directory: Path, clock: ManualClock
) -> None:
    put(directory / MAP)
    (directory / SCRIPT).symlink_to(MINIFIED / SCRIPT)
    (frame,) = SourceMaps(directory, clock).resolve([FRAME])
    assert (place(frame), frame.function) == (PLACE, "l")


def test_the_directory_may_be_a_link_to_the_newest_release(directory: Path, clock: ManualClock) -> None:
    for release in "12":
        put(directory / release / "data" / "map", map_of(f"release-{release}.js"))
        (directory / release / "app.js.map").symlink_to(directory / release / "data" / "map")
    current = directory / "current"
    current.symlink_to(directory / "1")
    maps = SourceMaps(current, clock)
    assert places(maps, Frame("f", "/app.js", 1, 1)) == [("release-1.js", 1, 1)]
    current.unlink()
    current.symlink_to(directory / "2")
    clock.advance(10)
    assert places(maps, Frame("f", "/app.js", 1, 1)) == [("release-2.js", 1, 1)]


def test_of_maps_with_one_name_the_most_similar_place_counts_and_then_the_newest(
    directory: Path, clock: ManualClock
) -> None:
    for at, name in enumerate(("shop/assets", "admin/assets", "old/misc"), start=1):
        made = put(directory / name / "index.js.map", map_of(f"{name}.ts"))
        os.utime(made, (at, at))
    maps = SourceMaps(directory, clock)
    frames = [
        Frame("f", f"https://x.example/{path}/index.js", 1, 1)
        for path in ("shop/assets", "admin/assets", "assets", "nowhere")
    ]
    assert [frame.url for frame in maps.resolve(frames)] == [
        "shop/assets.ts",
        "admin/assets.ts",
        "admin/assets.ts",
        "old/misc.ts",
    ]


def test_the_directory_is_listed_again_after_ten_seconds(directory: Path, clock: ManualClock) -> None:
    maps = SourceMaps(directory, clock)
    assert maps.resolve([FRAME]) == [FRAME]
    made = put(directory / "deep" / "er" / MAP)
    clock.advance(9.9)
    assert maps.resolve([FRAME]) == [FRAME]
    clock.advance(0.1)
    assert places(maps, FRAME) == [PLACE]
    put(made, map_of("new.js"))
    clock.advance(10)
    assert places(maps, FRAME) == [("new.js", 1, 1)]
    made.unlink()
    clock.advance(10)
    assert maps.resolve([FRAME]) == [FRAME]
    assert not maps._parsed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"version":3,"sources":[],"names":[],"mappings":"AAAA"}',
        b'{"version":3,"sources":["a"],"names":[],"mappings":"!"}',
        b'{"version":3,"sources":["a"],"names":[],"mappings":"AAggggggggggggggggggggA"}',
        b'{"version":3,"sections":[{"offset":{"line":0,"column":0},"url":"file:///etc/passwd"}]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_broken_map_is_said_once_and_changes_nothing(
    content: bytes, directory: Path, clock: ManualClock
) -> None:
    made = put(directory / MAP, content)
    put(directory / "good.js.map", map_of("good.ts"))
    maps = SourceMaps(directory, clock)
    good = Frame("f", "/good.js", 1, 1)
    with capture_logs() as logs:
        for _ in range(3):
            assert places(maps, FRAME, good) == [(URL, 1, 278), ("good.ts", 1, 1)]
            clock.advance(10)
    assert [(log["event"], log["file"]) for log in logs] == [("source_map_unusable", str(made))]
    assert logs[0]["why"]
    put(made)
    assert places(maps, FRAME) == [PLACE]
    assert not maps._unusable


def test_a_huge_map_is_not_read_and_that_is_said(directory: Path, clock: ManualClock) -> None:
    os.truncate(put(directory / MAP), 64 * 1024 * 1024 + 1)
    maps = SourceMaps(directory, clock)
    with capture_logs() as logs:
        assert maps.resolve([FRAME, FRAME]) == [FRAME, FRAME]
    assert [log["why"] for log in logs] == ["it is larger than 64 MiB"]


def test_a_missing_directory_is_said_once_and_found_when_it_is_there(
    directory: Path, clock: ManualClock
) -> None:
    later = directory / "later"
    maps = SourceMaps(later, clock)
    with capture_logs() as logs:
        for _ in range(3):
            assert maps.resolve([FRAME]) == [FRAME]
            clock.advance(10)
    assert [(log["event"], log["why"]) for log in logs] == [
        ("source_maps_missing", "No such file or directory")
    ]
    put(later / MAP)
    assert places(maps, FRAME) == [PLACE]


def test_a_crowded_directory_is_listed_in_part_and_that_is_said(directory: Path, clock: ManualClock) -> None:
    content = map_of("a.ts")
    for number in range(2001):
        (directory / f"{number}.js.map").write_bytes(content)
    maps = SourceMaps(directory, clock)
    with capture_logs() as logs:
        maps.resolve([])
    assert [log["why"] for log in logs] == ["has more in it than is listed"]
    assert maps._listing is not None
    assert maps._listing.count == 2000


def test_a_search_in_the_wrong_directory_ends(
    directory: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollwatch.ingest.browser.map_listing._ENTRIES", 10)
    for number in range(11):
        put(directory / "node_modules" / f"{number}.txt", b"")
    with capture_logs() as logs:
        SourceMaps(directory, clock).resolve([])
    assert [log["why"] for log in logs] == ["has more in it than is listed"]


def test_large_maps_are_not_all_kept(directory: Path, clock: ManualClock) -> None:
    frames = []
    for number in range(3):
        put(directory / f"{number}.js.map", map_of(f"{number}.ts") + b" " * 60 * 1024 * 1024)
        frames.append(Frame("f", f"/{number}.js", 1, 1))
    maps = SourceMaps(directory, clock)
    assert [frame.url for frame in maps.resolve(frames)] == ["0.ts", "1.ts", "2.ts"]
    assert [listed.path.name for listed in maps._parsed] == ["1.js.map", "2.js.map"]


def test_a_made_up_stack_has_eight_maps_read_and_no_more_are_kept(
    directory: Path, clock: ManualClock
) -> None:
    frames = []
    for number in range(10):
        put(directory / f"{number}.js.map", map_of(f"{number}.ts"))
        frames.append(Frame("f", f"/{number}.js", 1, 1))
    maps = SourceMaps(directory, clock)
    assert [frame.url for frame in maps.resolve(frames)] == [*(f"{n}.ts" for n in range(8)), "/8.js", "/9.js"]
    assert [frame.url for frame in maps.resolve(frames)] == [f"{n}.ts" for n in range(10)]
    assert len(maps._parsed) == 8


async def test_threads_share_the_maps(directory: Path, clock: ManualClock) -> None:
    put(directory / MAP)
    maps = SourceMaps(directory, clock)
    with ThreadPoolExecutor(8) as threads:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(threads, maps.resolve, parse_stack(STACK)) for _ in range(50)]
        for resolved in await asyncio.gather(*calls):
            assert [place(frame) for frame in resolved] == PLACES
