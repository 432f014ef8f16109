"""Each way to break an expression is found, and nothing else is touched."""

from __future__ import annotations

import pytest

from mutants.expressions import changed_durations, changes


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("a > 2", ["a < 2", "a > 2.4", "a > 1.6"]),
        ("a == 0", ["a != 0"]),
        ('a{b="x>1",c!~"y}2"}', ['a{c!~"y}2"}', 'a{b="x>1"}']),
        ('a{b="x"}', ["a"]),
        ("rate(a5_total[5m])", ["rate(a5_total[10m])", "rate(a5_total[150s])"]),
        ("a offset 1w", ["a offset 2w", "a offset 84h"]),
        ('label_replace(a, "b", "2", "", "")', []),
        ("a:b:p95 * 1e3", ["a:b:p95 * 1200", "a:b:p95 * 800"]),
    ],
)
def test_every_change_is_made_and_no_other(expr: str, expected: list[str]) -> None:
    assert [change.expr for change in changes(expr)] == expected


def test_a_duration_is_doubled_and_halved() -> None:
    assert [new for _, new in changed_durations("1h30m")] == ["2h30m", "30m30m", "1h60m", "1h15m"]
    assert [new for _, new in changed_durations("45s")] == ["90s", "22500ms"]
