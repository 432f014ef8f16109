"""One figure: what its series are, whatever values and labels come."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from rollwatch.figures.faults import FigureFault, FigureRefused
from rollwatch.figures.figure import Figure
from support.arriving import Arriving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICES = """\
api:
  push: {token: "${env:TOKEN}"}
  figures:
    level: {type: gauge, help: A level.}
    users: {type: gauge, help: Users., labels: {plan: [free, pro], region: any}}
    sold_total: {type: counter, help: Sold.}
    paid_total: {type: counter, help: Paid., labels: {outcome: [ok, failed], method: [card, bank]}}
    kinds_total: {type: counter, help: Kinds., labels: {type: any}, first_seen: true}
    known_total: {type: counter, help: Known., labels: {type: [a, b]}, first_seen: true}
    pairs: {type: gauge, help: Pairs., labels: {one: any, two: any}}
    wide: {type: gauge, help: Wide., labels: {plan: [PLANS], name: any}}
    took_seconds: {type: histogram, help: Time., labels: {step: [read, write]}, buckets: [1, 10]}
    steps_seconds: {type: histogram, help: Time., labels: {step: any}}
    rollwatch_http_requests_total: {}
    rollwatch_lab_lighthouse_score: {}
""".replace("PLANS", ", ".join(f"p{number}" for number in range(50)))


@pytest.fixture
def arriving(tmp_path: Path) -> Arriving:
    return Arriving(tmp_path, SERVICES)


def refused(call: Callable[[], object]) -> FigureFault:
    with pytest.raises(FigureRefused) as why:
        call()
    return why.value.fault


def test_a_gauge_is_absent_until_it_is_set_and_then_what_it_was_last_set_to(arriving: Arriving) -> None:
    assert arriving.shown("level") == {}

    arriving.figure("level").set((), 5)
    arriving.figure("level").set((), -2.5)

    assert arriving.shown("level") == {(): -2.5}


def test_a_counter_begins_at_zero_and_grows(arriving: Arriving) -> None:
    assert arriving.shown("sold_total") == {(): 0.0}

    arriving.figure("sold_total").add((), 2)
    arriving.figure("sold_total").count(())
    arriving.figure("sold_total").count((), 0.5)

    assert arriving.shown("sold_total") == {(): 3.5}


def test_every_series_that_is_known_beforehand_begins_at_zero(arriving: Arriving) -> None:
    assert arriving.shown("paid_total") == {
        (outcome, method): 0.0 for outcome in ("ok", "failed") for method in ("card", "bank")
    }
    assert arriving.shown("took_seconds_count") == {("read",): 0.0, ("write",): 0.0}
    assert arriving.shown("kinds_total") == {}


def test_a_histogram_has_its_observations_in_its_buckets(arriving: Arriving) -> None:
    figure = arriving.figure("took_seconds")

    figure.observe(("read",), 0.5)
    figure.observe(("read",), 5)
    figure.measure(("read",), 50)

    buckets = arriving.shown("took_seconds_bucket")
    assert [buckets["read", le] for le in ("1.0", "10.0", "+Inf")] == [1, 2, 3]
    assert arriving.shown("took_seconds_sum")["read",] == 55.5


@pytest.mark.parametrize(
    ("figure", "method", "fault"),
    [
        ("level", "add", FigureFault.WRONG_OPERATION),
        ("level", "observe", FigureFault.WRONG_OPERATION),
        ("level", "count", FigureFault.WRONG_OPERATION),
        ("level", "measure", FigureFault.WRONG_OPERATION),
        ("level", "check", FigureFault.WRONG_OPERATION),
        ("sold_total", "set", FigureFault.WRONG_OPERATION),
        ("sold_total", "observe", FigureFault.WRONG_OPERATION),
        ("sold_total", "measure", FigureFault.WRONG_OPERATION),
        ("took_seconds", "set", FigureFault.WRONG_OPERATION),
        ("took_seconds", "add", FigureFault.WRONG_OPERATION),
        ("took_seconds", "count", FigureFault.WRONG_OPERATION),
    ],
)
def test_each_type_has_its_own_operation(
    figure: str, method: str, fault: FigureFault, arriving: Arriving
) -> None:
    before = arriving.store.series

    assert refused(lambda: getattr(arriving.figure(figure), method)((), 1.0)) is fault
    assert arriving.store.series == before


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (math.nan, FigureFault.NOT_A_NUMBER),
        (math.inf, FigureFault.NOT_A_NUMBER),
        (-math.inf, FigureFault.NOT_A_NUMBER),
        (-1e-9, FigureFault.NEGATIVE),
        (1.1e15, FigureFault.TOO_LARGE),
    ],
)
@pytest.mark.parametrize(
    "method",
    [
        "kinds_total.add",
        "kinds_total.count",
        "kinds_total.check",
        "steps_seconds.observe",
        "steps_seconds.measure",
    ],
)
def test_what_no_count_can_be_is_refused_and_leaves_no_trace(
    method: str, value: float, fault: FigureFault, arriving: Arriving
) -> None:
    before = arriving.store.series
    name, _, word = method.partition(".")
    figure = arriving.figure(name)

    assert refused(lambda: getattr(figure, word)(("new",), value)) is fault
    assert arriving.store.series == before
    assert figure.updated_at is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_gauge_is_finite(value: float, arriving: Arriving) -> None:
    users = arriving.figure("users")

    assert refused(lambda: users.set(("free", "eu"), value)) is FigureFault.NOT_A_NUMBER
    assert list(users.series()) == []


@pytest.mark.parametrize("labels", [(), ("free",), ("free", "eu", "x")])
@pytest.mark.parametrize(
    ("figure", "method"), [("users", "set"), ("users", "shown"), ("paid_total", "check")]
)
def test_the_number_of_labels_must_be_right(
    figure: str, method: str, labels: tuple[str, ...], arriving: Arriving
) -> None:
    arguments = (labels,) if method == "shown" else (labels, 1.0)

    call = getattr(arriving.figure(figure), method)
    assert refused(lambda: call(*arguments)) is FigureFault.LABEL_MISSING


def test_a_closed_label_has_only_its_values(arriving: Arriving) -> None:
    users = arriving.figure("users")

    users.set(("pro", "eu"), 1)

    assert refused(lambda: users.set(("gold", "eu"), 1)) is FigureFault.LABEL_VALUE
    assert refused(lambda: users.set(("PRO", "eu"), 1)) is FigureFault.LABEL_VALUE
    assert arriving.shown("users") == {("pro", "eu"): 1.0}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("eu", "eu"),
        ("eu west", "eu_west"),
        ('"} 1\n# evil', "_1_evil"),
        ("Zürich/Süd", "Z_rich/S_d"),
        ("日本", "_"),
        ("\ud800", "_"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64),
        ("x" * 257, "other"),
        ("", "other"),
        ("other", "other"),
    ],
)
def test_an_open_label_is_made_fit_to_be_one(sent: str, shown: str, arriving: Arriving) -> None:
    users = arriving.figure("users")

    users.set(("pro", sent), 1)

    assert arriving.shown("users") == {("pro", shown): 1.0}
    assert users.shown(("pro", sent)) == ("pro", shown)


@pytest.mark.parametrize(
    ("sent", "shown"), [("200", "2xx"), ("5xx", "5xx"), ("404", "4xx"), ("101", "1xx"), ("599", "5xx")]
)
def test_a_status_code_is_shown_as_its_class(sent: str, shown: str, arriving: Arriving) -> None:
    arriving.figure("rollwatch_http_requests_total").add(("/users/42", sent), 1)

    assert arriving.shown("rollwatch_http_requests_total") == {("/users/_id", shown): 1.0}


@pytest.mark.parametrize("sent", ["", "20", "2000", "2x0", "600", "0xx", "xxx", "٢٠٠", "2XX", "-20", "20x"])
def test_what_is_no_status_code_is_refused(sent: str, arriving: Arriving) -> None:
    figure = arriving.figure("rollwatch_http_requests_total")

    assert refused(lambda: figure.add(("/", sent), 1)) is FigureFault.LABEL_VALUE
    assert arriving.shown("rollwatch_http_requests_total") == {}


def test_very_many_values_of_a_label_are_fifty_and_the_rest(arriving: Arriving) -> None:
    figure = arriving.figure("kinds_total")
    count = 50_000

    for number in range(count):
        figure.count((f"kind-{number}",))

    shown = arriving.shown("kinds_total")
    assert len(shown) == 51
    assert shown["other",] == count - 50
    assert len(arriving.folds) == count - 50
    assert set(arriving.folds) == {"kinds_total"}
    assert _held(figure) < 3000


def _held(figure: Figure) -> int:
    """Entries in everything a figure keeps."""
    return sum(len(value) for value in vars(figure).values() if isinstance(value, dict | set | list))


def test_endless_values_cost_no_more_than_short_ones(arriving: Arriving) -> None:
    figure = arriving.figure("kinds_total")

    for number in range(3000):
        figure.add((f"{number}" + "x" * 100_000,), 1)

    assert arriving.shown("kinds_total") == {("other",): 3000.0}
    assert sum(len(text) for raw in figure._by_raw for text in raw) < 1000


def test_values_that_can_not_be_shown_are_counted_as_folds(arriving: Arriving) -> None:
    arriving.figure("pairs").set(("x" * 300, ""), 1)

    assert arriving.folds == ["pairs", "pairs"]


def test_two_open_labels_stay_below_500_series_and_their_folds(arriving: Arriving) -> None:
    figure = arriving.figure("pairs")

    for one in range(100):
        for two in range(100):
            figure.set((f"one-{one}", f"two-{two}"), 1)

    shown = arriving.shown("pairs")
    assert len(shown) <= 501
    assert shown["other", "other"] == 1
    assert len({one for one, _ in shown}) <= 51
    assert len({two for _, two in shown}) <= 51


def test_a_closed_label_keeps_its_values_apart_when_there_is_no_room(arriving: Arriving) -> None:
    figure = arriving.figure("wide")

    for plan in range(50):
        for name in range(40):
            figure.set((f"p{plan}", f"name-{name}"), plan)

    shown = arriving.shown("wide")
    assert len(shown) <= 550
    assert shown["p49", "other"] == 49


def test_a_value_that_found_no_room_takes_no_name(arriving: Arriving) -> None:
    figure = arriving.figure("wide")
    for plan in range(50):
        for name in range(10):
            figure.set((f"p{plan}", f"name-{name}"), 1)
    for name in range(1000):
        figure.set(("p0", f"late-{name}"), 1)

    figure.drop([labels for labels, _ in figure.series() if labels[0] != "p0"])
    for name in range(40):
        figure.set(("p1", f"next-{name}"), 1)

    assert len({name for plan, name in arriving.shown("wide") if plan == "p1"}) == 40


def test_two_open_labels_do_not_share_their_names(arriving: Arriving) -> None:
    figure = arriving.figure("rollwatch_lab_lighthouse_score")

    for number in range(60):
        figure.set((f"/page-{number}", "performance"), 90)
    figure.set(("/page-0", "seo"), 80)

    assert arriving.shown("rollwatch_lab_lighthouse_score")["/page-0", "seo"] == 80
    assert set(arriving.folds) == {"rollwatch_lab_lighthouse_score"}


def test_series_without_a_value_for_too_long_are_gone_and_their_names_free(arriving: Arriving) -> None:
    figure = arriving.figure("users")
    for number in range(60):
        figure.set(("free", f"old-{number}"), 1)
    arriving.clock.advance(1199)
    figure.set(("free", "old-0"), 2)
    arriving.clock.advance(2)

    assert arriving.shown("users") == {("free", "old-0"): 2.0}

    for number in range(49):
        figure.set(("free", f"new-{number}"), 1)
    figure.set(("free", "old-59"), 5)
    assert ("free", "other") in arriving.shown("users")
    assert len(arriving.shown("users")) == 51


def test_a_value_that_was_folded_gets_a_name_once_one_is_free(arriving: Arriving) -> None:
    figure = arriving.figure("users")
    for number in range(51):
        figure.set(("free", f"name-{number}"), 1)
    arriving.clock.advance(1000)
    figure.set(("free", "name-50"), 1)
    assert figure.shown(("free", "name-50")) == ("free", "other")
    arriving.clock.advance(300)
    arriving.board.refresh()

    figure.set(("free", "name-50"), 2)

    assert arriving.shown("users") == {("free", "other"): 1.0, ("free", "name-50"): 2.0}


def test_counts_of_known_series_stay_and_those_of_open_labels_go_after_a_day(arriving: Arriving) -> None:
    arriving.figure("sold_total").add((), 5)
    arriving.figure("kinds_total").add(("a",), 1)
    arriving.clock.advance(86_399)
    assert arriving.shown("kinds_total") == {("a",): 1.0}

    arriving.clock.advance(2)

    assert arriving.shown("sold_total") == {(): 5.0}
    assert arriving.shown("kinds_total") == {}


def test_what_logs_count_keeps_a_series_from_expiring_and_expires_likewise(arriving: Arriving) -> None:
    kinds, steps = arriving.figure("kinds_total"), arriving.figure("steps_seconds")
    kinds.add(("rare",), 1)
    steps.observe(("rare",), 1)
    arriving.clock.advance(80_000)
    kinds.count(("rare",))
    steps.measure(("rare",), 1)
    arriving.clock.advance(80_000)

    assert arriving.shown("kinds_total") == {("rare",): 2.0}
    assert arriving.shown("steps_seconds_count") == {("rare",): 2.0}

    arriving.clock.advance(10_000)

    assert arriving.shown("kinds_total") == {}
    assert arriving.shown("steps_seconds_count") == {}


def test_a_figure_is_stale_when_no_value_comes_any_more(arriving: Arriving) -> None:
    figure = arriving.figure("level")
    assert not figure.is_stale
    figure.set((), 1)
    arriving.clock.advance(300)
    assert not figure.is_stale

    arriving.clock.advance(1)

    assert figure.is_stale
    assert arriving.shown("level") == {(): 1.0}
    figure.mark_updated()
    assert not figure.is_stale


def test_a_figure_says_when_its_last_value_came(arriving: Arriving) -> None:
    arriving.clock.advance(10)
    arriving.figure("level").set((), 1)
    came_at = arriving.clock.wall()
    arriving.clock.advance(5)

    assert arriving.shown("rollwatch_figure_last_update_timestamp_seconds") == {("level",): came_at}


def test_the_first_value_of_each_series_is_dated(arriving: Arriving) -> None:
    kinds, known = arriving.figure("kinds_total"), arriving.figure("known_total")
    began_at = arriving.clock.wall()
    kinds.add(("TypeError",), 1)
    arriving.clock.advance(60)
    kinds.add(("TypeError",), 1)
    kinds.count(("KeyError",))
    known.add(("b",), 1)

    assert arriving.shown("rollwatch_figure_first_seen_timestamp_seconds") == {
        ("kinds_total", "type=TypeError"): began_at,
        ("kinds_total", "type=KeyError"): began_at + 60,
        ("known_total", "type=b"): began_at + 60,
    }


def test_a_figure_that_is_closed_leaves_nothing(arriving: Arriving) -> None:
    for name in ("users", "paid_total", "kinds_total", "took_seconds"):
        arriving.figure(name).close()

    assert arriving.shown("paid_total") == {}
    assert arriving.shown("took_seconds_count") == {}
    assert all(list(arriving.figure(name).series()) == [] for name in ("users", "paid_total"))


def test_dropping_what_is_not_there_does_nothing(arriving: Arriving) -> None:
    arriving.figure("level").set((), 1)

    arriving.figure("level").drop([("x",)])

    assert arriving.shown("level") == {(): 1.0}
