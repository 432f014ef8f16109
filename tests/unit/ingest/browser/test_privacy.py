"""What may be kept of what browsers say."""

from __future__ import annotations

import pytest

from rollwatch.ingest.browser.privacy import scrub

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("https://x.example/app.js?v=1&user=bob:10:20", "https://x.example/app.js:10:20"),
        ("at f (https://x.example/app.js?user=bob:10:20)", "at f (https://x.example/app.js:10:20)"),
        ("eval at f (https://x.example/a.js?b:1:2)), <js>", "eval at f (https://x.example/a.js:1:2)), <js>"),
        ("f@https://bob:pw@x.example/a.js#part:3:4", "f@https://x.example/a.js:3:4"),
        ("https://a.example/b,https://bob:pw@c.example/d?e", "https://a.example/b,https://c.example/d"),
        ("'https://x.example/?q=O' or 'y'", "'https://x.example/' or 'y'"),
        ("GET /api/users?email=bob&page=2 failed", "GET /api/users failed"),
        ("at /callback#access_token=abc", "at /callback"),
        ("data:text/javascript;base64,aGFsbG8= failed", "data:text/javascript;base64,<data> failed"),
    ],
)  # fmt: skip
def test_a_url_keeps_its_place_and_nothing_of_who_asked(said: str, kept: str) -> None:
    assert scrub(said, 1000) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no user bob.o-brien+x@mail.example.com, sorry", "no user <email>, sorry"),
        ("no user bob%40example.com", "no user <email>"),
        ("no user jürgen@bücher.example", "no user <email>"),
        (f"bad token {JWT}", "bad token <token>"),
        ("Authorization: Bearer abc-123_x", "Authorization: Bearer <token>"),
        (f"session {UUID} expired", "session <token> expired"),
        (f"blob:https://x.example/{UUID}:1:2", "blob:https://x.example/<token>:1:2"),
        ("key d41d8cd98f00b204e9800998ecf8427e", "key <token>"),
        ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "key <token>"),
        ("https://x.example/reset/wJalrXUtnFEMI7K7MDENGbPx/", "https://x.example/reset/<token>/"),
        ("card 4111 1111-1111 1111 declined", "card <number> declined"),
        ("card 4111111111111111", "card <number>"),
        ("4111111111111111eyJhbGciOiJI", "<number><token>"),
    ],
)
def test_what_tells_of_a_person_is_replaced(said: str, kept: str) -> None:
    assert scrub(said, 1000) == kept


@pytest.mark.parametrize(
    "said",
    [
        "TypeError: Cannot read properties of undefined (reading 'price')",
        "Invalid regular expression: /(?<=x)/: Invalid group",
        "a ? b : c",
        "bearer authentication is missing",
        "https://cdn.example/npm/vue@3.4.21/dist/vue.global.prod.js:1:2",
        "https://x.example/app-d41d8cd98f00b204e9800998ecf8427e.js:1:2",
        "https://x.example/main.3f2a9c0d1e2f3a4b5c6d.chunk.js:1:2",
        "https://x.example/main.1764111111123.js:1:2",
        "vendors-node_modules_react-dom_index_js-2024",
        "componentWillReceivePropsFromBase64",
        "Order 123456789012 at 12:30",
        "Objekt „größer“, 家族",
        "two\nlines",
    ],
)
def test_ordinary_text_stays_as_it_is(said: str) -> None:
    assert scrub(said, 1000) == said


def test_text_is_printable_and_surrogates_are_no_trouble() -> None:
    assert scrub("a\u202eb\x00\x1b[1mc\ud800d\te\r\nf\u2028g\xa0h", 1000) == "ab[1mc\ufffdd e\nf\ng h"


def test_text_is_cut_to_the_limit() -> None:
    assert scrub("ab" * 50, 10) == "ababababa…"
    assert scrub("abcdefghij", 10) == "abcdefghij"
    assert scrub("x", 1) == "x"
    assert scrub("xy", 1) == "…"


def test_the_name_of_a_script_that_is_cut_off_is_no_loophole() -> None:
    # Whole, it is kept for its ending; cut, it is but a long number.
    cut = scrub("key d41d8cd98f00b204e9800998ecf8427e.js", 37)
    assert cut == "key <token>…"


def test_a_flood_of_finds_is_cut_off() -> None:
    flood = scrub("a@b.example " * 5000, 100_000)
    assert flood.count("<email>") == 400
    assert flood.endswith("<email>…")
