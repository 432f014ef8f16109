"""Stacks as browsers write them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from rollwatch.ingest.browser.frames import Frame, parse_stack, render

APP = "http://127.0.0.1:8000/app.js"
SHOP = "https://shop.example/assets/app.3f2a9c.js"

# Chromium 156: written by itself, but for the last three.
CHROME = """
    TypeError: Cannot read properties of null (reading 'x')
        at new A (http://127.0.0.1:8000/app.js?v=3&user=bob:3:32)
        at http://127.0.0.1:8000/app.js?v=3&user=bob:5:6
        at Array.map (<anonymous>)
        at get p (http://127.0.0.1:8000/app.js:3:72)
        at Shop.total [as sum] (http://127.0.0.1:8000/app.js:4:5)
        at async outer (http://127.0.0.1:8000/app.js:2:25)
        at async http://127.0.0.1:8000/app.js:9:9
        at async Promise.all (index 0)
        at eval (eval at inEval (eval at <anonymous> (http://127.0.0.1:8000/app.js?v=3:7:6)), <anonymous>:1:7)
        at inEval (eval at <anonymous> (http://127.0.0.1:8000/app.js:7:6), <anonymous>:1:21)
        at http://127.0.0.1:8000/a.wasm:wasm-function[1]:0x27
        at main (http://127.0.0.1:8000/a.wasm:wasm-function[3]:0x1a2)
        at <anonymous>:1:30
        at Object.later (async http://127.0.0.1:8000/app.js:8:1)
        at Array.forEach (native)
        at f (https://shop.example/(group)/[id]/page.js:1:644)
"""
CHROME_FRAMES = [
    Frame("new A", APP, 3, 32),
    Frame(None, APP, 5, 6),
    Frame("Array.map", None, None, None),
    Frame("get p", APP, 3, 72),
    Frame("Shop.total [as sum]", APP, 4, 5),
    Frame("outer", APP, 2, 25),
    Frame(None, APP, 9, 9),
    Frame("Promise.all", None, None, None),
    Frame("eval", APP, 7, 6),
    Frame("inEval", APP, 7, 6),
    Frame("wasm-function[1]", "http://127.0.0.1:8000/a.wasm", 1, 0x28),
    Frame("main", "http://127.0.0.1:8000/a.wasm", 1, 0x1A3),
    Frame(None, None, 1, 30),
    Frame("Object.later", APP, 8, 1),
    Frame("Array.forEach", None, None, None),
    Frame("f", "https://shop.example/(group)/[id]/page.js", 1, 644),
]

FIREFOX = """
    l@https://shop.example/assets/app.3f2a9c.js:1:278
    c/<@https://shop.example/assets/app.3f2a9c.js:1:220
    @https://shop.example/assets/app.3f2a9c.js?user=bob:1:213
    async*load@https://shop.example/assets/app.3f2a9c.js:1:470
    setTimeout handler*@https://shop.example/assets/app.3f2a9c.js:1:480
    baz@https://shop.example/assets/app.3f2a9c.js line 26 > eval line 2 > eval:1:30
    anonymous@https://shop.example/assets/app.3f2a9c.js line 12 > Function:3:5
    main@https://shop.example/a.wasm:wasm-function[185]:0x5118
    map@self-hosted:178:21
    setup@https://cdn.example/npm/vue@3.4.21/dist/vue.global.js:3:4
"""
FIREFOX_FRAMES = [
    Frame("l", SHOP, 1, 278),
    Frame("c/<", SHOP, 1, 220),
    Frame(None, SHOP, 1, 213),
    Frame("load", SHOP, 1, 470),
    Frame(None, SHOP, 1, 480),
    Frame("baz", SHOP, 26, None),
    Frame(None, SHOP, 12, None),
    Frame("main", "https://shop.example/a.wasm", 1, 0x5119),
    Frame("map", None, 178, 21),
    Frame("setup", "https://cdn.example/npm/vue@3.4.21/dist/vue.global.js", 3, 4),
]

SAFARI = """
    l@https://shop.example/assets/app.3f2a9c.js:1:278
    https://shop.example/assets/app.3f2a9c.js:1:220
    map@[native code]
    [native code]
    eval code
    eval@[native code]
    <?>.wasm-function[185]@[wasm code]
    https://cdn.example/npm/vue@3.4.21/dist/vue.global.js:3:4
    global code@https://shop.example/:12:9
    onclick@https://shop.example/assets/app.3f2a9c.js:82
"""
SAFARI_FRAMES = [
    Frame("l", SHOP, 1, 278),
    Frame(None, SHOP, 1, 220),
    Frame("map", None, None, None),
    Frame("eval", None, None, None),
    Frame("<?>.wasm-function[185]", None, None, None),
    Frame(None, "https://cdn.example/npm/vue@3.4.21/dist/vue.global.js", 3, 4),
    Frame("global code", "https://shop.example/", 12, 9),
    Frame("onclick", SHOP, 82, None),
]


@pytest.mark.parametrize(
    ("stack", "frames"),
    [(CHROME, CHROME_FRAMES), (FIREFOX, FIREFOX_FRAMES), (SAFARI, SAFARI_FRAMES)],
    ids=["Chrome", "Firefox", "Safari"],
)
def test_a_stack_is_taken_apart(stack: str, frames: list[Frame]) -> None:
    assert parse_stack(dedent(stack)) == frames


@pytest.mark.parametrize(
    "line",
    [
        "",
        "at least one item is needed (see 10:20)",
        "at 10:20:30",
        "at foo",
        "at foo (somewhere)",
        "at foo(somewhere)",
        "at <anonymous> (native)",
        "at https://shop.example:8080",
        "mail bob@shop.example:10:20",
        "a@b",
        "@",
        "x@https://shop.example/a.js > eval",
        "f@:1:2",
        "https://shop.example/a.js",
        "f@https://shop.example/a.js:wasm-function[1]:0xfffffffff",
        "at f (https://shop.example/a.js:1234567890:1)",
        "at f (" + "x" * 3000 + ":1:2)",
    ],
)
def test_a_line_that_is_no_frame_is_skipped(line: str) -> None:
    assert parse_stack(f"Error: x\n{line}\n    at f ({SHOP}:1:2)") == [Frame("f", SHOP, 1, 2)]


def test_unknown_numbers_are_none() -> None:
    assert parse_stack(f"f@{SHOP}:0:0") == [Frame("f", SHOP, None, None)]


def test_a_stack_is_bounded() -> None:
    line = f"    at {'f' * 500} (https://shop.example/{'d' * 900}/app.js:1:2)\n"
    frames = parse_stack(line * 3)
    assert [len(frame.function or "") for frame in frames] == [128] * 3
    assert [len(frame.url or "") for frame in frames] == [512] * 3
    assert all((frame.url or "").endswith("/app.js") for frame in frames)
    assert len(parse_stack(f"    at f ({SHOP}:1:2)\n" * 200)) == 50
    assert (
        len(parse_stack(f"    at f ({SHOP}:1:2)" + " " * 1000 + "\n" * 100 + f"at g ({SHOP}:1:2)" * 10_000))
        == 1
    )


def test_frames_are_shown_to_people() -> None:
    frames = [Frame("f", SHOP, 1, 2), Frame(None, SHOP, 3, None), Frame("Array.map", None, None, None)]
    assert render(frames) == f"at f ({SHOP}:1:2)\nat {SHOP}:3\nat Array.map (<native>)"


@pytest.mark.parametrize("stack", [CHROME, FIREFOX, SAFARI], ids=["Chrome", "Firefox", "Safari"])
def test_no_query_is_in_a_frame(stack: str) -> None:
    assert "user" not in render(parse_stack(dedent(stack)))
