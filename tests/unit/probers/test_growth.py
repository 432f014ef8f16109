"""A figure that should grow: when it does, when it stands still, when it falls back."""

from __future__ import annotations

import math

import pytest

from rollwatch.probers._growth import Growth, as_growing_number

STEP = 10.0


def told(values: list[float], within_s: float = 30.0) -> list[bool]:
    """Per value, ten seconds apart, whether it counts as growing."""
    growth = Growth(within_s)
    return [growth.observe(value, 100 + i * STEP) is None for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "is_growing"),
    [
        pytest.param([5, 6, 7, 8], [True] * 4, id="grows"),
        pytest.param([5, 5, 5, 5, 5], [True, True, True, False, False], id="stands still"),
        pytest.param([5, 5, 5, 6, 6, 6, 6], [True] * 6 + [False], id="the time counts from the last growth"),
        pytest.param([5, 5, 5, 5, 6], [True, True, True, False, True], id="grows again"),
        pytest.param([9, 8, 9, 8, 9, 8], [True, True, True, False, False, False], id="two nodes, both stuck"),
        pytest.param([9, 8, 10, 9, 11, 10, 12], [True] * 7, id="two nodes, one behind, both grow"),
        pytest.param(
            [900, 1, 2, 3, 4, 5, 6],
            [True, True, True, False, False, True, True],
            id="a chain begun again is taken up",
        ),
        pytest.param([900, 1, 1, 1, 1, 1], [True, True, True, False, False, False], id="fell and stands"),
    ],
)
def test_growth_is_judged_by_the_highest_value_and_the_clock(
    values: list[float], is_growing: list[bool]
) -> None:
    assert told(values) == is_growing


def test_it_says_whether_the_value_stood_or_fell() -> None:
    growth = Growth(20)
    assert growth.observe(900, 0) is None
    stood = growth.observe(900, 25)
    fell = growth.observe(899, 30)
    assert stood == "it has stood at 900 for 25 s, allowed are 20"
    assert fell == "it fell from 900 to 899 and has not grown for 30 s, allowed are 20"
    assert growth.grown_at == 0


def test_before_the_first_value_nothing_has_grown() -> None:
    assert Growth(20).grown_at is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (17, 17),
        (1.5, 1.5),
        ("17", 17),
        ("17.5", 17.5),
        ("0x10d4f", 68943),
        (2**64, 2**64),
        (True, None),
        (None, None),
        ("", None),
        ("0x", None),
        ("-", None),
        ("nan", None),
        (math.nan, None),
        (math.inf, None),
        (10**400, None),
        ("9" * 5000, None),
        ([1], None),
    ],
)
def test_numbers_are_read_as_nodes_write_them(value: object, number: float | None) -> None:
    assert as_growing_number(value) == number
