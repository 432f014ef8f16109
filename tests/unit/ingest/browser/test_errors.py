"""The list of what went wrong in browsers."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from rollwatch.ingest.browser.errors import ErrorGroups, ErrorSeen

KEY = bytes(range(32))


def seen(fingerprint: str = "a" * 12, **given: Any) -> ErrorSeen:
    values: dict[str, Any] = {
        "title": "TypeError: x is undefined",
        "kind": "error",
        "message": "x is undefined",
        "stack": "at f (app.js:1:2)",
        "release": "2.8.1",
        "browser": "Chrome 131",
        "session": "s1",
        "path": "/stocks/AAPL",
        "route": "/stocks/:symbol",
        "at": 1000.0,
    }
    return ErrorSeen(fingerprint=fingerprint, **(values | given))


def test_a_group_tells_how_often_since_when_and_whom_an_error_hit() -> None:
    groups = ErrorGroups(key=KEY)
    groups.record(seen())
    groups.record(seen(session="s2", release="2.8.2", browser="Safari 18", at=1060.0, path="/", route=None))
    groups.record(seen(session="s2", release=None, at=1070.0, message="y", stack="", ignored_by="extension"))
    assert groups.view() == [
        {
            "fingerprint": "a" * 12,
            "title": "TypeError: x is undefined",
            "count": 3,
            "first_seen": 1000.0,
            "last_seen": 1070.0,
            "sessions": 2,
            "releases": ["2.8.1", "2.8.2"],
            "browsers": ["Safari 18", "Chrome 131"],
            "kind": "error",
            "message": "y",
            "stack": "at f (app.js:1:2)",
            "path": "/stocks/AAPL",
            "route": "/stocks/:symbol",
            "ignored_by": "extension",
        }
    ]


def test_the_newest_group_is_first() -> None:
    groups = ErrorGroups(key=KEY)
    for fingerprint in "abcab":
        groups.record(seen(fingerprint))
    assert [group["fingerprint"] for group in groups.view()] == ["b", "a", "c"]


def test_a_new_group_takes_the_place_of_the_one_unseen_for_longest() -> None:
    groups = ErrorGroups(3, key=KEY)
    for fingerprint in "abcad":
        groups.record(seen(fingerprint))
    assert [(group["fingerprint"], group["count"]) for group in groups.view()] == [
        ("d", 1),
        ("a", 2),
        ("c", 1),
    ]


def test_a_wall_clock_that_is_set_back_takes_no_group_early() -> None:
    groups = ErrorGroups(2, key=KEY)
    for fingerprint, at in (("a", 9000.0), ("b", 10.0), ("c", 11.0)):
        groups.record(seen(fingerprint, at=at))
    assert [group["fingerprint"] for group in groups.view()] == ["c", "b"]


def test_the_last_eight_releases_and_browsers_are_kept() -> None:
    groups = ErrorGroups(key=KEY)
    for number in (*range(20), 13):
        groups.record(seen(release=f"1.{number}", browser=f"Firefox {number}"))
    (group,) = groups.view()
    assert group["releases"] == [f"1.{number}" for number in (12, 14, 15, 16, 17, 18, 19, 13)]
    assert group["browsers"] == [f"Firefox {number}" for number in (12, 14, 15, 16, 17, 18, 19, 13)]


@pytest.mark.parametrize(
    ("sessions", "error"), [(1, 0.0), (10, 0.0), (100, 0.01), (1000, 0.03), (8000, 0.03), (50_000, 0.12)]
)
def test_sessions_are_counted_without_their_ids(sessions: int, error: float) -> None:
    groups = ErrorGroups(key=KEY)
    for _ in range(2):
        for number in range(sessions):
            groups.record(seen(session=f"session-{number}"))
    assert groups.view()[0]["sessions"] == pytest.approx(sessions, rel=error)


def test_the_estimate_ends_somewhere() -> None:
    groups = ErrorGroups(key=KEY)
    for number in range(150_000):
        groups.record(seen(session=str(number)))
    assert groups.view()[0]["sessions"] == 73_817


def test_every_text_is_cut() -> None:
    huge = "x" * 100_000 + "\ud800"
    groups = ErrorGroups(key=KEY)
    words = (
        "title",
        "kind",
        "message",
        "stack",
        "release",
        "browser",
        "session",
        "path",
        "route",
        "ignored_by",
    )
    groups.record(seen(huge, **dict.fromkeys(words, huge)))
    assert len(repr(groups.view())) < 20_000


@pytest.mark.timeout(180)
def test_a_flood_of_distinct_errors_stays_in_bounds() -> None:
    groups = ErrorGroups(key=KEY)

    def flood(first: int, count: int) -> None:
        for number in range(first, first + count):
            groups.record(seen(str(number), session=str(number), message=f"message {number}"))

    flood(0, 1000)
    tracemalloc.start()
    try:
        flood(1000, 1000)
        before, _ = tracemalloc.get_traced_memory()
        flood(2000, 1000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after < before + 100_000
    flood(3000, 997_000)
    assert len(groups) == len(groups.view()) == 200
    assert groups.view()[0]["fingerprint"] == "999999"
