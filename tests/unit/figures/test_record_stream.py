"""Records as they arrive: completed, judged, counted, kept; whatever JSON they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.arriving import Arriving

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.figures.stream import RecordStream

SERVICES = """\
api:
  figures:
    seen_total: {type: counter, help: Seen., labels: {symbol: any}}
    price: {type: gauge, help: Price.}
    kept: {type: gauge, help: Kept.}
    parts: {type: gauge, help: Parts., labels: {name: any}}
  records:
    quotes:
      id: id
      defaults: {symbol: none, lots: 1}
      compute: {worth: "multiply(price, lots)", gain: "subtract(worth, cost)", double: "multiply(worth, `2`)"}
      rules: [{field: price, required: true, min: 0, critical: true, name: price}]
      figures:
        seen_total: {labels: {symbol: symbol}}
        price: price
        parts: {each: "parts || `[]`", value: n, labels: {name: name}}
      totals: {kept: "length(@)"}
      keep: 3
    anything: {}
"""


@pytest.fixture
def arriving(tmp_path: Path) -> Arriving:
    return Arriving(tmp_path, SERVICES)


def stream(arriving: Arriving, name: str = "quotes") -> RecordStream:
    return arriving.service().records[name]


def take(arriving: Arriving, *records: Any, name: str = "quotes") -> list[str]:
    return [str(one.why) for one in arriving.service().take_records(name, records)]


def test_everything_is_counted_from_zero(arriving: Arriving) -> None:
    for name in ("examined", "valid", "duplicates"):
        assert arriving.shown(f"rollwatch_records_{name}_total") == {("quotes",): 0.0, ("anything",): 0.0}
    assert arriving.shown("rollwatch_records_invalid_total") == {("quotes/price", "true"): 0.0}
    assert arriving.shown("rollwatch_records_last_valid_ratio") == {}


def test_fields_are_completed_in_their_order(arriving: Arriving) -> None:
    take(arriving, {"id": 1, "price": 2.5, "lots": None}, {"id": 2, "price": 2, "lots": 3, "symbol": "AAPL"})

    assert [dict(kept.record) for kept in stream(arriving).kept] == [
        {"symbol": "none", "lots": 1, "id": 1, "price": 2.5, "worth": 2.5, "gain": None, "double": 5.0},
        {"symbol": "AAPL", "lots": 3, "id": 2, "price": 2, "worth": 6, "gain": None, "double": 12},
    ]
    assert arriving.shown("seen_total") == {("none",): 1.0, ("AAPL",): 1.0}
    assert arriving.shown("price") == {(): 2.0}


def test_records_are_judged_and_only_valid_ones_feed_figures(arriving: Arriving) -> None:
    take(arriving, {"id": 1, "price": 1}, {"id": 2, "price": -1}, {"id": 3}, {"id": 4, "price": 2})

    quotes = stream(arriving)
    assert (quotes.examined, quotes.valid, quotes.duplicates) == (4, 2, 0)
    assert quotes.invalid == {"price": 2}
    assert quotes.last_at == arriving.clock.wall()
    assert arriving.shown("rollwatch_records_last_valid_ratio") == {("quotes",): 0.5}
    assert arriving.shown("seen_total") == {("none",): 2.0}
    assert arriving.shown("kept") == {(): 2.0}


def test_totals_are_read_over_what_is_kept_when_a_valid_record_came(arriving: Arriving) -> None:
    take(arriving, *({"id": number, "price": 1} for number in range(5)))
    assert arriving.shown("kept") == {(): 3.0}
    arriving.figure("kept").set((), 99)

    take(arriving, {"id": 9, "price": -1}, {"id": 1, "price": 1})

    assert arriving.shown("kept") == {(): 99.0}


def test_a_delivery_of_duplicates_leaves_the_ratio_as_it_was(arriving: Arriving) -> None:
    take(arriving, {"id": 1, "price": 1}, {"id": 2, "price": -1})
    arriving.clock.advance(60)

    take(arriving, {"id": 1, "price": 1})

    assert arriving.shown("rollwatch_records_last_valid_ratio") == {("quotes",): 0.5}
    assert stream(arriving).last_at == arriving.clock.wall() - 60


@pytest.mark.parametrize(
    ("first", "second", "is_the_same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        (1, 1, True),
        (1, "1", True),
        (1, 1.0, True),
        (9007199254740993, 9007199254740992, False),
        ("x" * 1000, "x" * 1000, True),
        ("x" * 1000, "x" * 1000 + "y", False),
        ("\ud800" * 300, "\ud800" * 300, True),
        (True, True, False),
        (None, None, False),
        ([1], [1], False),
        ({"a": 1}, {"a": 1}, False),
        (10**4000, 10**4000, False),
        (float("nan"), float("nan"), False),
    ],
)
def test_records_are_told_apart_by_their_id(
    first: Any, second: Any, is_the_same: bool, arriving: Arriving
) -> None:
    take(arriving, {"id": first, "price": 1}, {"id": second, "price": 1})

    assert stream(arriving).duplicates == int(is_the_same)


def test_records_without_an_id_all_count(arriving: Arriving) -> None:
    take(arriving, {"a": 1}, {"a": 1}, name="anything")

    assert (stream(arriving, "anything").valid, stream(arriving, "anything").duplicates) == (2, 0)


def test_ids_are_remembered_in_bounds_the_newest_longest(arriving: Arriving) -> None:
    quotes = stream(arriving)
    take(arriving, {"id": "first", "price": 1})
    take(arriving, *({"id": number, "price": 1} for number in range(5000)))
    take(arriving, {"id": "first", "price": 1})
    take(arriving, *({"id": number, "price": 1} for number in range(5000, 10_000)))

    take(arriving, {"id": "first", "price": 1}, {"id": 0, "price": 1})

    assert quotes.duplicates == 2
    assert len(quotes._ids) == 10_000


@pytest.mark.parametrize("record", [None, 5, "text", [], [{"price": 1}], True, 1.5])
@pytest.mark.parametrize("name", ["quotes", "anything"])
def test_what_is_no_object_is_no_record(record: Any, name: str, arriving: Arriving) -> None:
    said = take(arriving, record, name=name)

    assert said == ["not_an_object: holds a record that is no JSON object"]
    assert (stream(arriving, name).examined, stream(arriving, name).valid) == (1, 0)
    assert arriving.shown("rollwatch_records_last_valid_ratio") == {(name,): 0.0}
    assert arriving.shown("rollwatch_figure_faults_total") == {("records", "not_an_object"): 1.0}


def test_what_is_kept_is_small(arriving: Arriving) -> None:
    record = {
        "text": "x" * 10_000,
        "n" * 10_000: 1,
        "huge": 10**400,
        "large": 2**60,
        "nan": float("nan"),
        "list": [1] * 1000,
        "object": {"a": 1},
        "null": None,
        "true": True,
        "small": 0.5,
    }
    take(arriving, record, name="anything")

    [kept] = stream(arriving, "anything").kept
    assert kept.record == {
        "text": "x" * 200,
        "n" * 200: 1,
        "huge": 1e300,
        "large": float(2**60),
        "true": True,
        "small": 0.5,
    }


def test_of_very_many_fields_the_last_are_kept(arriving: Arriving) -> None:
    take(arriving, {"id": 1, "price": 1, **{f"field-{number}": number for number in range(1000)}})

    [kept] = stream(arriving).kept
    assert len(kept.record) == 50
    assert list(kept.record)[-2:] == ["gain", "double"]


def test_whole_lists_of_several_records_are_one(arriving: Arriving) -> None:
    one, two = ({"name": name, "n": 1} for name in ("a", "b"))
    take(arriving, {"id": 1, "price": 1, "parts": [one]}, {"id": 2, "price": 1, "parts": [two]})
    assert set(arriving.shown("parts")) == {("a",), ("b",)}

    take(arriving, {"id": 3, "price": 1, "parts": [two]})

    assert set(arriving.shown("parts")) == {("b",)}


# Reloads


def test_a_figure_elsewhere_makes_no_record_count_again(arriving: Arriving) -> None:
    take(arriving, {"id": 1, "price": 1})

    arriving.configure(SERVICES.replace("  records:", "    new: {type: gauge, help: New.}\n  records:"))
    take(arriving, {"id": 1, "price": 1})

    assert arriving.shown("seen_total") == {("none",): 1.0}
    assert stream(arriving).duplicates == 1
    assert stream(arriving).valid == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("keep: 3", "keep: 2"),
        ("lots: 1", "lots: 5"),
        ("name: price}", "name: cost}"),
        ("seen_total: {type: counter, help: Seen., labels: {symbol: any}}", "{x}"),
    ],
)
def test_changed_records_remember_what_came(old: str, new: str, arriving: Arriving) -> None:
    take(arriving, *({"id": number, "price": 1} for number in range(3)))
    before = stream(arriving)

    changed = SERVICES.replace(old, new)
    if new == "{x}":
        changed = SERVICES.replace("symbol: any", "ticker: any").replace(
            "{symbol: symbol}", "{ticker: symbol}"
        )
    arriving.configure(changed)
    take(arriving, {"id": 1, "price": 1})

    assert stream(arriving) is not before
    assert stream(arriving).duplicates == 1
    assert [kept.record["id"] for kept in stream(arriving).kept] == [0, 1, 2][-stream(arriving).spec.keep :]
    assert stream(arriving).last_at == before.last_at


def test_another_id_remembers_nothing(arriving: Arriving) -> None:
    take(arriving, {"id": 1, "price": 1})

    arriving.configure(SERVICES.replace("id: id", "id: number"))
    take(arriving, {"id": 1, "number": 1, "price": 1})

    assert stream(arriving).duplicates == 0


def test_records_that_are_gone_leave_nothing(arriving: Arriving) -> None:
    take(arriving, {"id": 1, "price": 1})

    arriving.configure("api: {figures: {price: {type: gauge, help: Price.}}}")

    assert arriving.service().records == {}
    assert "rollwatch_records" not in arriving.scraped()


def test_a_limit_of_a_figure_that_records_feed_leaves_them_alone(arriving: Arriving) -> None:
    before = stream(arriving)

    arriving.configure(SERVICES.replace("help: Price.", "help: Price., limits: {P1: {above: 5}}"))

    assert stream(arriving) is before
