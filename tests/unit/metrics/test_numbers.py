"""Numbers read the same wherever a series comes from: `le` labels must join those of other clients."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from rollwatch.metrics.numbers import text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (999_999.5, "999999.5"),
        (1e6, "1e+06"),
        (1_700_000_000.25, "1.70000000025e+09"),
        (1e16, "1e+16"),
        (5e-324, "5e-324"),
        (-1e9, "-1000000000.0"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, text: str) -> None:
    assert text_of(value) == text


@given(st.floats())
@example(1234567.0)
@example(1.7976931348623157e308)
def test_every_number_is_written_as_the_reference_client_does(value: float) -> None:
    assert text_of(value) == floatToGoString(value)
