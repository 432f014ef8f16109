"""A figure's own history: what is normal, what is an anomaly, when a new level is accepted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rollwatch.figures.history import Histories, History


def history(window: int = 20, max_sigma: float = 4, min_change: float = 0, warm_up: int = 5) -> History:
    return History(window=window, max_sigma=max_sigma, min_change=min_change, warm_up=warm_up)


def judged(history: History, values: list[float]) -> list[bool]:
    return [history.is_anomaly(value) for value in values]


NOISE = [10.0, 10.2, 9.9, 10.1, 9.8, 10.0, 10.1, 9.9, 10.2, 9.8]


def test_a_spike_is_an_anomaly_and_is_not_learnt() -> None:
    assert judged(history(), [*NOISE, 30.0, 10.0, 30.0]) == [False] * 10 + [True, False, True]


def test_nothing_is_judged_before_the_warm_up_ends() -> None:
    assert judged(history(warm_up=5), [1, 1000, -5, 7, 0]) == [False] * 5


def test_a_level_that_lasts_for_the_window_becomes_the_normal_one() -> None:
    h = history(window=6, warm_up=3)
    assert judged(h, [*NOISE, *[50.0] * 6]) == [False] * 10 + [True] * 6
    assert judged(h, [50.1, 49.9, 50.0]) == [False] * 3
    assert h.is_anomaly(10.0)


def test_a_constant_figure_may_move_by_less_than_the_least_change() -> None:
    h = history(min_change=0.5)
    assert not any(judged(h, [7.0] * 10))
    assert not h.is_anomaly(7.4)
    assert h.is_anomaly(8.2)


def test_old_values_fade_so_that_a_slow_drift_is_normal() -> None:
    drift = [10 + 0.05 * i + noise - 10 for i in range(100) for noise in (10.0, 10.4, 9.6)]
    assert not any(judged(history(window=30), drift))


def test_each_key_has_its_own_past_and_the_keys_are_bounded() -> None:
    histories = Histories(window=20, max_sigma=4, min_change=0.1, warm_up=2, limit=2)
    for _ in range(5):
        assert not histories.is_anomaly("a", 1.0)
        assert not histories.is_anomaly("b", 100.0)
    assert histories.is_anomaly("a", 100.0)
    assert not histories.is_anomaly("c", 5.0)
    assert len(histories) == 2
    assert histories.is_anomaly("a", 100.0), "the key seen last is kept"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_any_finite_value_can_be_judged(values: list[float]) -> None:
    h = history(window=3, warm_up=2)
    assert set(judged(h, values)) <= {True, False}


def test_a_value_beyond_any_arithmetic_is_an_anomaly_and_spoils_nothing() -> None:
    h = history()
    assert judged(h, [*NOISE, 1e300, -1e300]) == [False] * 10 + [True, True]
    assert judged(h, [10.0, 30.0]) == [False, True]
