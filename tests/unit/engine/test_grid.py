"""When probes run."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.engine.grid import EARLY_START_S, Grid, spread

intervals = st.floats(min_value=1, max_value=86_400)
times = st.floats(min_value=0, max_value=4e9)


@given(key=st.text(), interval=intervals, wall=times, later=st.floats(min_value=0, max_value=1e6))
def test_a_restarted_process_finds_the_same_ticks_on_the_wall_clock(key, interval, wall, later):
    first = Grid.anchored(key, interval, wall_s=wall, monotonic_s=100.0)
    again = Grid.anchored(key, interval, wall_s=wall + later, monotonic_s=5.0)
    first_tick = wall + first.anchor_s - 100.0
    again_tick = wall + later + again.anchor_s - 5.0
    off_grid = abs((again_tick - first_tick) / interval - round((again_tick - first_tick) / interval))
    assert off_grid * interval < 1e-3
    assert 0 <= first.anchor_s - 100.0 <= interval + 1e-9  # 100.0 and back again is rounded


@given(interval=intervals, anchor=st.floats(0, 1e6), since=st.floats(0, 1e5))
def test_the_next_tick_is_later_than_now_and_within_one_interval(interval, anchor, since):
    grid = Grid(anchor, interval)
    tick = grid.after(anchor + since)
    assert anchor + since < tick <= anchor + since + interval + 0.01


def test_a_timer_that_fires_a_millisecond_early_does_not_run_a_tick_twice():
    grid = Grid(100.0, 15.0)
    assert grid.after(114.999) == 130.0


@pytest.mark.parametrize(
    ("due", "now", "missed"),
    [
        (100.0, 100.0, 0),
        (100.0, 114.9, 0),
        (100.0, 115.0, 1),
        (100.0, 161.0, 4),
        (115.0, 116.0, 0),
        (90.0, 95.0, 0),
    ],
    ids=[
        "on time",
        "late within the tick",
        "one tick passed",
        "four ticks passed",
        "next tick",
        "before the grid",
    ],
)
def test_ticks_that_passed_without_a_run_are_counted(due, now, missed):
    assert Grid(100.0, 15.0).missed(due, now) == missed


def test_a_thousand_probes_are_spread_evenly_and_locations_do_not_probe_in_step():
    fractions = [spread(f"service-{n}/health@fra1") for n in range(1000)]
    per_tenth = [sum(1 for f in fractions if tenth / 10 <= f < (tenth + 1) / 10) for tenth in range(10)]
    assert min(per_tenth) > 60
    assert abs(statistics.mean(fractions) - 0.5) < 0.05
    assert spread("api/health@fra1") != spread("api/health@nyc1")


def test_a_slow_probe_starts_early_unless_it_may_not():
    grid = Grid(anchor_s=2000.0, interval_s=3600.0)
    early = grid.first_run("k", now_s=1000.0, may_start_early=True)
    assert 1000.0 <= early <= 1000.0 + EARLY_START_S
    assert grid.first_run("k", now_s=1000.0, may_start_early=False) == 2000.0
    assert Grid(1005.0, 15.0).first_run("k", now_s=1000.0, may_start_early=True) == 1005.0
