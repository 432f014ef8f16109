"""Which values of a document count as numbers, and which text does if it may."""

from __future__ import annotations

import math

import pytest

from rollwatch.figures.numbers import as_number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (-1.5, -1.5),
        (10**400, 1e300),
        (-(10**400), -1e300),
        (True, None),
        (False, None),
        (math.nan, None),
        (-math.inf, None),
        (None, None),
        ([1], None),
        ({"value": 1}, None),
    ],
)
def test_a_finite_number_is_one_whether_or_not_text_may_be(value: object, number: float | None) -> None:
    assert as_number(value) == as_number(value, coerce=True) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("17", 17),
        (" -0.5 ", -0.5),
        ("+.5e3", 500),
        ("5.", 5),
        ("1e999", None),
        ("nan", None),
        ("Infinity", None),
        ("1_000", None),
        ("0x10", None),
        ("", None),
        ("9" * 65, None),
        ("1 2", None),
        ("\u0661", None),
    ],
)
def test_text_is_a_number_only_where_it_may_be(text: str, number: float | None) -> None:
    assert as_number(text) is None
    assert as_number(text, coerce=True) == number
