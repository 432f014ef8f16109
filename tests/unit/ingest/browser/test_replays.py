"""A beacon counts once, and only on the day it was made."""

from __future__ import annotations

import pytest

from rollwatch.ingest.browser.replays import Replays
from rollwatch.serving.refusal import Refusal
from support.manual_clock import ManualClock

DAY_S = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def replays(clock: ManualClock) -> Replays:
    return Replays(clock, secret=b"k", limit=3)


def refusal(replays: Replays, beacon_id: str, sent_at: float) -> tuple[int, str] | None:
    try:
        replays.check(beacon_id, sent_at)
    except Refusal as refused:
        return refused.status, refused.error
    return None


def test_a_beacon_that_was_taken_is_a_duplicate(replays: Replays, clock: ManualClock) -> None:
    assert refusal(replays, "one", clock.wall()) is None
    assert refusal(replays, "one", clock.wall()) is None, "asking does not take it"
    replays.remember("one")
    assert refusal(replays, "one", clock.wall()) == (409, "duplicate")
    assert refusal(replays, "two", clock.wall()) is None


@pytest.mark.parametrize(
    ("off_s", "expected"),
    [
        (0, None),
        (DAY_S - 1, None),
        (1 - DAY_S, None),
        (DAY_S + 1, (422, "clock_off")),
        (-1 - DAY_S, (422, "clock_off")),
        (1e11, (422, "clock_off")),
    ],
)
def test_a_beacon_of_another_day_is_refused(
    replays: Replays, clock: ManualClock, off_s: float, expected: tuple[int, str] | None
) -> None:
    assert refusal(replays, "one", clock.wall() + off_s) == expected


def test_the_newest_are_remembered(replays: Replays, clock: ManualClock) -> None:
    for beacon_id in "abcd":
        replays.remember(beacon_id)
    assert len(replays) == 3
    assert [refusal(replays, beacon_id, clock.wall()) is None for beacon_id in "abcd"] == [
        True,
        False,
        False,
        False,
    ]


def test_none_is_remembered_for_longer_than_a_beacon_is_believed(
    replays: Replays, clock: ManualClock
) -> None:
    replays.remember("a")
    clock.advance(2 * DAY_S + 1)
    replays.remember("b")
    assert len(replays) == 1


def test_a_beacon_from_a_clock_that_is_ahead_does_not_count_again_later(
    replays: Replays, clock: ManualClock
) -> None:
    sent_at = clock.wall() + DAY_S - 10
    assert refusal(replays, "a", sent_at) is None
    replays.remember("a")
    clock.advance(DAY_S + 10)
    replays.remember("b")
    assert refusal(replays, "a", sent_at) == (409, "duplicate")
