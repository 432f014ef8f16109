"""What a fault is to be seen by is written as PromQL has it, and holds when that is true."""

from __future__ import annotations

import pytest

from rollwatch.demo.signs import Counted, Expectation, FigureSign, Share, Sign
from rollwatch.model import Reason

FAILED = Share(Counted("payments_total", {"outcome": "failed"}), Counted("payments_total"), ">", 0.02)


def test_a_share_is_written_as_a_query() -> None:
    assert str(FAILED) == (
        'sum(rate(payments_total{outcome="failed"}[1m])) / sum(rate(payments_total[1m])) > 0.02'
    )


@pytest.mark.parametrize(
    ("part", "whole", "holds"), [(3, 100, True), (2, 100, False), (0, 100, False), (0, 0, False)]
)
def test_a_share_holds_of_what_was_counted_and_of_nothing_never(
    part: float, whole: float, *, holds: bool
) -> None:
    assert FAILED.holds(part, whole) is holds


@pytest.mark.parametrize(
    ("comparison", "value", "is_moment", "sample", "holds"),
    [
        ("==", 1, False, 1, True),
        ("==", 1, False, 0, False),
        (">", 5, False, 6, True),
        (">", 5, False, 5, False),
        ("<", 5, False, 4, True),
        (">", 5, True, 90, True),
        (">", 5, True, 99, False),
    ],
)
def test_an_expectation_holds_as_its_query_would(
    comparison: str, value: float, *, is_moment: bool, sample: float, holds: bool
) -> None:
    expectation = Expectation("metric", comparison, value, is_moment=is_moment)  # type: ignore[arg-type]  # parametrized

    assert expectation.holds(sample, 100.0) is holds


def test_signs_say_whose_they_are() -> None:
    down = Sign("api/health", Reason.STATUS, (Expectation("up", "==", 0, {"component": "database"}),))
    stale = Sign("feed/session", Reason.OK, (Expectation("last_seconds", ">", 5, is_moment=True),))
    figures = FigureSign("trading", (Expectation("variance_points", ">", 20),))

    assert str(down) == 'api/health DOWN (status), up{component="database"} == 0'
    assert str(stale) == "feed/session UP, time() - last_seconds > 5"
    assert str(figures) == "trading: variance_points > 20"
