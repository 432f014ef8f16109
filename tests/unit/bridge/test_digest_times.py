"""When the daily summary is due, also on the days when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.bridge.channels.digest_times import due_after, due_before

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "at", "zone", "expected"),
    [
        ("2025-11-26T06:59:59", "08:00", "Europe/Berlin", "2025-11-26T07:00:00"),
        ("2025-11-26T07:00:00", "08:00", "Europe/Berlin", "2025-11-27T07:00:00"),
        ("2025-07-26T05:59:59", "08:00", "Europe/Berlin", "2025-07-26T06:00:00"),
        # Clocks go forward on 30 March 2025: the day has 23 hours, and no 02:30.
        ("2025-03-29T08:00:00", "08:00", "Europe/Berlin", "2025-03-30T06:00:00"),
        ("2025-03-29T12:00:00", "02:30", "Europe/Berlin", "2025-03-30T01:30:00"),
        # Clocks go back on 26 October 2025: it has two 02:30, and one summary.
        ("2025-10-25T12:00:00", "02:30", "Europe/Berlin", "2025-10-26T00:30:00"),
        ("2025-10-26T00:30:00", "02:30", "Europe/Berlin", "2025-10-27T01:30:00"),
        ("2025-10-25T12:00:00", "08:00", "Europe/Berlin", "2025-10-26T07:00:00"),
        ("2025-11-26T23:30:00", "00:00", "Asia/Kolkata", "2025-11-27T18:30:00"),
        ("2025-11-26T12:00:00", "00:00", "America/New_York", "2025-11-27T05:00:00"),
        # Samoa left out 30 December 2011.
        ("2011-12-29T20:00:00", "08:00", "Pacific/Apia", "2011-12-30T18:00:00"),
    ],
)
def test_the_next_one(now: str, at: str, zone: str, expected: str) -> None:
    assert due_after(utc(now), at, ZoneInfo(zone)) == utc(expected)


@given(
    st.floats(utc("1990-01-01T00:00:00"), utc("2037-12-31T00:00:00")),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(
        ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
    ),
)
def test_there_is_one_a_day_and_none_is_left_out(now: float, hour: int, minute: int, zone: str) -> None:
    at, where = f"{hour:02}:{minute:02}", ZoneInfo(zone)
    before, after = due_before(now, at, where), due_after(now, at, where)
    assert before <= now < after
    assert 22.5 * 3600 <= after - before <= 25.5 * 3600
    assert due_before(after, at, where) == after
    assert due_after(before, at, where) == after
