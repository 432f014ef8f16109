"""Figures with limits, once more under one name: what the one rule for all of them reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.arriving import Arriving

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = """\
api:
  push: {token: "${env:TOKEN}"}
  figures:
    level: {type: gauge, help: A level., limits: {P1: {above: 10, for: 5m}, P3: {below: 1}}}
    users:
      type: gauge
      help: Users.
      labels: {plan: any, region: [eu, us]}
      limits: {P2: {above: 1.5, below: 0.5}}
    sold_total: {type: counter, help: Sold., limits: {P0: {below: 1, per: 1h}}}
    kinds_total: {type: counter, help: Kinds., labels: {type: any}, limits: {P2: {above: 0, per: 5m}}}
    free: {type: gauge, help: Without limits.}
    rollwatch_system_errors_total: {}
    sizes: {type: histogram, help: Sizes., labels: {name: any}, buckets: [1], first_seen: true}
"""


@pytest.fixture
def arriving(tmp_path: Path) -> Arriving:
    return Arriving(tmp_path, SERVICES)


def test_limits_are_shown_as_the_file_says(arriving: Arriving) -> None:
    assert arriving.shown("rollwatch_figure_limit_above") == {
        ("level", "P1"): 10.0,
        ("users", "P2"): 1.5,
        ("kinds_total", "P2"): 0.0,
    }
    assert arriving.shown("rollwatch_figure_limit_below") == {
        ("level", "P3"): 1.0,
        ("users", "P2"): 0.5,
        ("sold_total", "P0"): 1.0,
    }
    assert arriving.shown("rollwatch_figure_limit_for_seconds") == {
        ("level", "P1"): 300.0,
        ("level", "P3"): 0.0,
        ("users", "P2"): 0.0,
        ("sold_total", "P0"): 0.0,
        ("kinds_total", "P2"): 0.0,
    }
    assert arriving.shown("rollwatch_figure_limit_window_seconds") == {
        ("level", "P1"): 0.0,
        ("level", "P3"): 0.0,
        ("users", "P2"): 0.0,
        ("sold_total", "P0"): 3600.0,
        ("kinds_total", "P2"): 300.0,
    }


def test_what_should_arrive_is_shown_whether_or_not_it_does(arriving: Arriving) -> None:
    assert arriving.shown("rollwatch_figure_info") == {
        ("level", "gauge"): 1.0,
        ("users", "gauge"): 1.0,
        ("sold_total", "counter"): 1.0,
        ("kinds_total", "counter"): 1.0,
        ("free", "gauge"): 1.0,
        ("rollwatch_system_errors_total", "counter"): 1.0,
        ("sizes", "histogram"): 1.0,
    }
    assert arriving.shown("rollwatch_figure_stale_after_seconds")["level",] == 300.0


def test_values_follow(arriving: Arriving) -> None:
    arriving.figure("level").set((), 5)
    arriving.figure("users").set(("pro", "eu"), 3)
    arriving.figure("free").set((), 5)
    assert arriving.shown("rollwatch_figure_value") == {
        ("level", ""): 5.0,
        ("users", "plan=pro,region=eu"): 3.0,
    }

    arriving.figure("level").set((), -1)

    assert arriving.shown("rollwatch_figure_value")["level", ""] == -1.0


def test_values_are_gone_when_their_series_is(arriving: Arriving) -> None:
    arriving.figure("level").set((), 5)
    arriving.figure("users").set(("pro", "eu"), 3)
    arriving.shown("rollwatch_figure_value")

    arriving.figure("users").drop([("pro", "eu")])
    assert arriving.shown("rollwatch_figure_value") == {("level", ""): 5.0}
    arriving.clock.advance(1201)

    assert arriving.shown("rollwatch_figure_value") == {}


def test_counts_follow_and_never_fall(arriving: Arriving) -> None:
    figure = arriving.figure("sold_total")
    arriving.shown("rollwatch_figure_events_total")
    arriving.clock.advance(20)
    seen = []
    for number in range(200):
        figure.add((), 0.1 * number)
        seen.append(arriving.shown("rollwatch_figure_events_total")["sold_total", ""])

    assert seen == sorted(seen)
    assert seen[-1] == arriving.shown("sold_total")[()]


def test_a_new_count_is_zero_at_first_so_that_prometheus_sees_it_rise(arriving: Arriving) -> None:
    arriving.figure("kinds_total").add(("KeyError",), 3)

    assert arriving.shown("rollwatch_figure_events_total")["kinds_total", "type=KeyError"] == 0.0
    arriving.clock.advance(19)
    assert arriving.shown("rollwatch_figure_events_total")["kinds_total", "type=KeyError"] == 0.0
    arriving.clock.advance(1)

    assert arriving.shown("rollwatch_figure_events_total")["kinds_total", "type=KeyError"] == 3.0
    assert arriving.shown("kinds_total") == {("KeyError",): 3.0}


def test_a_series_that_went_and_came_back_begins_again(arriving: Arriving) -> None:
    figure = arriving.figure("kinds_total")
    figure.add(("KeyError",), 100)
    arriving.shown("rollwatch_figure_events_total")
    arriving.clock.advance(60)
    arriving.shown("rollwatch_figure_events_total")

    figure.drop([("KeyError",)])
    figure.add(("KeyError",), 1)

    assert arriving.shown("rollwatch_figure_events_total")["kinds_total", "type=KeyError"] == 0.0
    arriving.clock.advance(20)
    assert arriving.shown("rollwatch_figure_events_total")["kinds_total", "type=KeyError"] == 1.0


def test_a_distribution_is_not_judged_and_its_series_are_dated(arriving: Arriving) -> None:
    arriving.figure("sizes").observe(("a",), 1)
    arriving.figure("rollwatch_system_errors_total").count(("KeyError",))

    assert arriving.shown("rollwatch_figure_value") == {}
    assert ("rollwatch_system_errors_total", "type=KeyError") not in arriving.shown(
        "rollwatch_figure_events_total"
    )
    assert set(arriving.shown("rollwatch_figure_first_seen_timestamp_seconds")) == {
        ("sizes", "name=a"),
        ("rollwatch_system_errors_total", "type=KeyError"),
    }


def test_a_changed_limit_is_no_rise(arriving: Arriving) -> None:
    arriving.figure("kinds_total").add(("KeyError",), 100)
    arriving.clock.advance(60)

    arriving.configure(SERVICES.replace("above: 0, per: 5m", "above: 7, per: 1m"))

    assert arriving.shown("rollwatch_figure_events_total")["kinds_total", "type=KeyError"] == 100.0
    assert arriving.shown("rollwatch_figure_limit_above")["kinds_total", "P2"] == 7.0
    assert arriving.shown("rollwatch_figure_limit_window_seconds")["kinds_total", "P2"] == 60.0
    assert arriving.shown("kinds_total") == {("KeyError",): 100.0}


def test_limits_come_and_go_without_the_value(arriving: Arriving) -> None:
    arriving.figure("level").set((), 5)
    arriving.figure("free").set((), 6)
    arriving.shown("rollwatch_figure_value")

    arriving.configure(
        SERVICES.replace(", limits: {P1: {above: 10, for: 5m}, P3: {below: 1}}", "").replace(
            "help: Without limits.", "help: Without limits., limits: {P0: {above: 1}}"
        )
    )

    assert arriving.shown("rollwatch_figure_value") == {("free", ""): 6.0}
    assert ("level", "P1") not in arriving.shown("rollwatch_figure_limit_above")
    assert arriving.shown("level") == {(): 5.0}


def test_first_seen_can_be_asked_for_later(arriving: Arriving) -> None:
    arriving.figure("kinds_total").add(("KeyError",), 1)
    seen_at = arriving.clock.wall()
    arriving.clock.advance(60)

    arriving.configure(SERVICES.replace("help: Kinds.,", "help: Kinds., first_seen: true,"))

    assert arriving.shown("rollwatch_figure_first_seen_timestamp_seconds") == {
        ("kinds_total", "type=KeyError"): seen_at
    }


def test_a_count_is_copied_to_the_last_digit(arriving: Arriving) -> None:
    figure = arriving.figure("sold_total")
    arriving.shown("rollwatch_figure_events_total")
    arriving.clock.advance(20)
    figure.add((), 1.5)
    arriving.shown("rollwatch_figure_events_total")
    # From 1.5 to here a copy that grows by the difference is rounded up, beyond what it copies.
    for amount in (1e15, 1e15, 1e15, 1e15, 503_599_627_370_499.5):
        figure.add((), amount)

    for _ in range(2):
        assert arriving.shown("rollwatch_figure_events_total")["sold_total", ""] == 2**52 + 5


def test_a_figure_that_is_gone_is_judged_no_more(arriving: Arriving) -> None:
    arriving.figure("level").set((), 5)
    arriving.shown("rollwatch_figure_value")

    arriving.configure("api: {figures: {free: {type: gauge, help: Without limits.}}}")

    for name in ("value", "events_total", "limit_above", "limit_below", "limit_for_seconds"):
        assert arriving.shown(f"rollwatch_figure_{name}") == {}
    assert set(arriving.shown("rollwatch_figure_info")) == {("free", "gauge")}


def test_a_series_that_comes_back_is_news_again(arriving: Arriving) -> None:
    figure = arriving.figure("rollwatch_system_errors_total")
    figure.count(("KeyError",))
    arriving.shown("rollwatch_figure_first_seen_timestamp_seconds")
    figure.drop([("KeyError",)])
    arriving.clock.advance(60)

    figure.count(("KeyError",))

    assert arriving.shown("rollwatch_figure_first_seen_timestamp_seconds") == {
        ("rollwatch_system_errors_total", "type=KeyError"): arriving.clock.wall()
    }
