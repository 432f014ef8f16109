"""Moments as health bodies write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.probers._timestamp import read_timestamp

MOMENT = 1795168800.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-20T10:00:00Z", MOMENT),
        ("2026-11-20T11:00:00+01:00", MOMENT),
        ("2026-11-20T10:00:00", MOMENT),
        ("2026-11-20 10:00:00.500Z", MOMENT + 0.5),
        (1795168800, MOMENT),
        (1795168800.25, MOMENT + 0.25),
        (1795168800_250, MOMENT + 0.25),
        (1795168800_250_000, MOMENT + 0.25),
        ("1795168800", MOMENT),
        ("yesterday", None),
        ("", None),
        ("9" * 100, None),
        (True, None),
        (None, None),
        ([1], None),
        (0, None),
        (-5, None),
        (float("nan"), None),
        (10**400, None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_a_moment_is_read_as_unix_time(value: Any, expected: float | None) -> None:
    assert read_timestamp(value) == expected


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans())
def test_nothing_is_too_strange(value: Any) -> None:
    found = read_timestamp(value)
    assert found is None or isinstance(found, float)
