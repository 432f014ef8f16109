"""Whatever a browser says: it is kept bounded and without what tells of a person, and it stops nobody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.ingest.browser.agents import Family, browser_of
from rollwatch.ingest.browser.errors import ErrorGroups, ErrorSeen
from rollwatch.ingest.browser.fingerprint import file_name, fingerprint, title
from rollwatch.ingest.browser.frames import Frame, parse_stack, render
from rollwatch.ingest.browser.privacy import scrub

PIECES = (
    "https://", "://", "a.example", "bob:pw@", "bob@mail.example", "%40", "/app", ".js", ".min", "?a=b", "?",
    "#x=", "&c=d", ":10:20", ":1", "(", ")", " ", "\n", "\r\n", "'", '"', "`", "<", ">", "-", "_", "@", "at ",
    "async ", "eval at ", " line 1 > eval", "wasm-function[1]", ":0x1f", "[native code]", "<anonymous>",
    "Bearer ", "eyJhbGciOiJI", "aB3dE5gH1jK2lM3nO4p", "4111111111111111", "4111 ", "data:,", "data:x;base64,",
    "d41d8cd98f00b204e9800998ecf8427e", "123e4567-e89b-12d3-a456-426614174000", "…", "\u202e", "\x00",
    "\ud800", "é", "家", "Chrome/131", "Safari/", "Error: ", "evaluating '", "t is ",
)  # fmt: skip
REPEATED = (
    "a",
    "1",
    "1-",
    "a://",
    "a@",
    "a@b.",
    "?a=1",
    "eval at f (",
    "(eval at",
    "f (",
    "'a",
    "t.",
    "0a",
    "a1-",
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join) | st.text()
LIMITS = st.integers(1, 300)
# What the URL parser of browsers leaves in a query (url.spec.whatwg.org, special-query percent-encode set).
IN_QUERIES = st.text("ABCXYZabcxyz0123456789!$%&()*+,-./:;=?@[\\]^_`{|}~", max_size=30)
AROUND = st.sampled_from(["", " ", "(", "'", '"', "at f (", "f@", "\n", "GET "])
LETTERS = st.text("abcdefghijklmnop", min_size=1, max_size=10)


@given(HOSTILE, LIMITS)
def test_what_is_kept_is_bounded_and_printable(text: str, limit: int) -> None:
    kept = scrub(text, limit)
    assert len(kept) <= limit
    assert kept.replace("\n", "").isprintable()
    kept.encode()


@given(HOSTILE, LIMITS)
def test_what_is_kept_is_kept_as_it_is(text: str, limit: int) -> None:
    kept = scrub(text, limit)
    assert scrub(kept, limit) == kept


@given(before=AROUND, mark=st.sampled_from("?#"), query=IN_QUERIES, rest=IN_QUERIES, after=AROUND)
def test_no_query_of_a_url_survives(before: str, mark: str, query: str, rest: str, after: str) -> None:
    said = f"{before}https://shop.example/cart/pay{mark}{query}SECRET{rest}{after}"
    kept = scrub(said, 1000)
    assert "SECRET" not in kept
    assert f"https://shop.example/cart/pay{mark}" not in kept
    assert kept.startswith(f"{before}https://shop.example/cart/pay")


@given(before=AROUND, key=LETTERS, value=IN_QUERIES)
def test_no_query_of_a_path_survives(before: str, key: str, value: str) -> None:
    assert "SECRET" not in scrub(f"{before}/cart/pay?{key}=SECRET{value}", 1000)


@given(before=HOSTILE, user=LETTERS, host=LETTERS, after=HOSTILE)
def test_no_address_survives(before: str, user: str, host: str, after: str) -> None:
    kept = scrub(f"{before} {user}@{host}.example {after}", 100_000)
    assert f"{user}@{host}" not in kept


@given(HOSTILE)
def test_any_stack_is_taken_apart_or_skipped(stack: str) -> None:
    frames = parse_stack(stack)
    assert len(frames) <= 50
    for frame in frames:
        assert len(frame.function or "") <= 128
        assert len(frame.url or "") <= 512
        assert scrub(frame.url or "", 512) == (frame.url or "")
    render(frames).encode()


FRAMES = st.lists(
    st.builds(
        Frame,
        function=st.none() | LETTERS,
        url=st.builds("https://shop.example/{}/{}.js".format, LETTERS, LETTERS),
        line=st.integers(1, 9_999_999),
        column=st.integers(1, 9_999_999),
    ),
    max_size=50,
)


@given(FRAMES)
def test_a_stack_says_the_same_in_every_browser(frames: list[Frame]) -> None:
    places = [(frame.function, f"{frame.url}?v=1:{frame.line}:{frame.column}") for frame in frames]
    chrome = [f"    at {name} ({place})" if name else f"    at {place}" for name, place in places]
    firefox = [f"{name or ''}@{place}" for name, place in places]
    safari = [f"{name}@{place}" if name else place for name, place in places]
    for lines in (["Error: x", *chrome], firefox, safari):
        assert parse_stack("\n".join(lines)) == frames


@given(name=HOSTILE, message=HOSTILE, frames=FRAMES)
def test_any_error_has_a_fingerprint_and_a_title(name: str, message: str, frames: list[Frame]) -> None:
    found = fingerprint(name, message, frames)
    assert re.fullmatch("[a-z0-9]{12}", found)
    assert found == fingerprint(name, scrub(message, 1000), frames)
    shown = title(name, message)
    assert 0 < len(shown) <= 200
    assert shown.isprintable()


@given(HOSTILE)
def test_any_url_has_a_name_that_is_final(url: str) -> None:
    name = file_name(url)
    assert name
    assert file_name(f"{name}.js") in (name, "<chunk>")


@given(HOSTILE)
def test_any_agent_is_one_of_few(agent: str) -> None:
    browser = browser_of(agent)
    family, _, version = browser.rpartition(" ")
    assert browser == "other" or (family in set(Family) and re.fullmatch("[0-9]{1,3}", version))


@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(("fingerprint", "session", "release", "browser"), HOSTILE)))
)
def test_any_errors_are_recorded(errors: list[dict[str, Any]]) -> None:
    groups = ErrorGroups(3, key=b"k")
    for values in errors:
        groups.record(
            ErrorSeen(title="t", kind="error", message="m", stack="s", path="/", route=None, at=1.0, **values)
        )
    assert len(groups) <= 3
    assert all(0 < group["sessions"] <= group["count"] for group in groups.view())


# What takes quadratic time does not end in time.
@pytest.mark.parametrize("piece", [*PIECES, *REPEATED], ids=ascii)
def test_long_text_of_any_kind_takes_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert len(scrub(text, 1000)) <= 1000
    assert len(scrub(text, 2_000_000)) <= 2_000_000
    parse_stack(text)
    fingerprint(text, text, [])
    title(text, text)
    browser_of(text)
