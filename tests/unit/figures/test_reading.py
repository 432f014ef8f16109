"""How figures are read out of a document, and what is said of what is not there."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from pydantic import TypeAdapter

from rollwatch.config.figures import FigureDef
from rollwatch.config.readings import Readings
from rollwatch.figures.items import Found, Item, Operation
from rollwatch.figures.reading import ReadingPlan
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.labels import LabelDef

READINGS: TypeAdapter[Any] = TypeAdapter(Readings)


def _figure(name: str, kind: MetricType, *labels: str) -> FigureDef:
    return FigureDef(
        name, kind, "Help.", tuple(LabelDef(label) for label in labels), (), (), None, None, first_seen=False
    )


DEFINITIONS = MappingProxyType(
    {
        figure.name: figure
        for figure in (
            _figure("level", MetricType.GAUGE),
            _figure("users", MetricType.GAUGE, "plan"),
            _figure("pairs", MetricType.GAUGE, "one", "two"),
            _figure("sold_total", MetricType.COUNTER),
            _figure("kinds_total", MetricType.COUNTER, "type"),
            _figure("took_seconds", MetricType.HISTOGRAM),
        )
    }
)


def read(document: Any, **readings: Any) -> Found:
    return ReadingPlan(READINGS.validate_python(readings), DEFINITIONS).read(document)


def refused(found: Found) -> list[tuple[str, str]]:
    return [(one.figure, str(one.why)) for one in found.refused]


def test_an_expression_alone_is_where_the_value_is() -> None:
    assert read({"stats": {"level": 5}}, level="stats.level").items == [Item("level", (), Operation.SET, 5)]


@pytest.mark.parametrize(
    ("figure", "reading", "operation"),
    [
        ("level", {"value": "n"}, Operation.SET),
        ("sold_total", {"value": "n"}, Operation.TOTAL),
        ("sold_total", {"add": "n"}, Operation.ADD),
        ("took_seconds", {"value": "n"}, Operation.OBSERVE),
    ],
)
def test_the_type_decides_what_a_value_does(
    figure: str, reading: dict[str, str], operation: Operation
) -> None:
    assert read({"n": 3}, **{figure: reading}).items == [Item(figure, (), operation, 3.0)]


def test_a_count_without_a_value_grows_by_one() -> None:
    assert read({}, sold_total={}).items == [Item("sold_total", (), Operation.ADD, 1.0)]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5.0),
        (-0.5, -0.5),
        (True, 1.0),
        (False, 0.0),
        ("12.5", 12.5),
        (" 1e3 ", 1000.0),
        (10**400, 1e300),
        (0, 0.0),
    ],
)
def test_numbers_come_in_many_forms(value: Any, number: float) -> None:
    assert read({"n": value}, level="n").items == [Item("level", (), Operation.SET, number)]


@pytest.mark.parametrize("value", ["", "five", "0x10", "1,5", [], [1], {}, {"a": 1}, "NaN", float("inf")])
def test_what_is_no_number_is_refused(value: Any) -> None:
    found = read({"n": value}, level="n")

    assert found.items == []
    assert refused(found) == [("level", "not_a_number: is not a finite number")]


@pytest.mark.parametrize("document", [{}, {"n": None}, None, [], "text", 5])
def test_what_is_not_there_is_said_with_its_place(document: Any) -> None:
    assert refused(read(document, level="n")) == [("level", "not_found: has nothing at n")]


def test_a_value_is_scaled() -> None:
    assert read({"ms": 250}, level={"value": "ms", "scale": 0.001}).items[0].value == 0.25


def test_a_value_beyond_all_numbers_is_left_to_the_figure_to_refuse() -> None:
    [item] = read({"n": 10**400}, level={"value": "n", "scale": 1e300}).items

    assert item.value == float("inf")


def test_every_observation_of_a_list_is_one() -> None:
    found = read({"ms": [1, "2", None, "x", True]}, took_seconds="ms")

    assert [item.value for item in found.items] == [1.0, 2.0, 1.0]
    assert [fault for _, fault in refused(found)] == [
        "not_found: has nothing at ms",
        "not_a_number: is not a finite number",
    ]


def test_only_so_many_observations_are_read() -> None:
    found = read({"ms": [1] * 10_001}, took_seconds="ms")

    assert len(found.items) == 10_000
    assert refused(found) == [("took_seconds", "too_many: has 10001 observations; the first 10000 are read")]


EACH = {"each": "plans", "value": "n", "labels": {"plan": "name"}}


def test_each_item_of_a_list_is_read() -> None:
    found = read({"plans": [{"name": "free", "n": 5}, {"name": "pro", "n": 7}]}, users=EACH)

    assert [(item.labels, item.value) for item in found.items] == [(("free",), 5), (("pro",), 7)]
    assert found.whole == {"users"}


def test_a_mapping_is_a_list_of_keys_and_values() -> None:
    found = read(
        {"plans": {"free": 5, "pro": {"n": 7}}},
        users={"each": "plans", "value": "value.n || value", "labels": {"plan": "key"}},
    )

    assert [(item.labels, item.value) for item in found.items] == [(("free",), 5), (("pro",), 7)]


def test_an_empty_list_is_a_whole_list() -> None:
    found = read({"plans": []}, users=EACH)

    assert (found.items, found.refused, found.whole) == ([], [], {"users"})


@pytest.mark.parametrize("document", [{}, {"plans": None}, {"plans": 5}, {"plans": "text"}])
def test_a_list_that_is_none_ends_nothing(document: Any) -> None:
    found = read(document, users=EACH)

    assert found.whole == set()
    assert refused(found) == [("users", "not_found: has no list at the place of each")]


def test_counts_are_no_whole_list() -> None:
    each = {"each": "errors", "add": "n", "labels": {"type": "type"}}

    assert read({"errors": [{"type": "a", "n": 1}]}, kinds_total=each).whole == set()


@pytest.mark.parametrize("listed", [[{"name": "a", "n": 1}] * 1001, {f"{n}": 1 for n in range(1001)}])
def test_only_so_many_items_are_read(listed: Any) -> None:
    reading = {"each": "plans", "value": "n || value", "labels": {"plan": "name || key"}}

    found = read({"plans": listed}, users=reading)

    assert len(found.items) == 1000
    assert refused(found) == [("users", "too_many: has 1001 items; the first 1000 are read")]


def test_what_is_not_asked_for_is_not_missed() -> None:
    assert read({"ok": False}, level={"value": "n", "when": "ok"}) == Found()
    assert read({"ok": True, "n": 1}, level={"value": "n", "when": "ok"}).items[0].value == 1
    assert read({"n": 1}, level={"value": "n", "when": "ok"}) == Found()


def test_items_are_asked_one_by_one() -> None:
    plans = [{"name": "free", "n": 5, "live": True}, {"name": "old"}]

    found = read({"plans": plans}, users={**EACH, "when": "live"})

    assert [item.labels for item in found.items] == [("free",)]
    assert found.refused == []


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("free", "free"),
        (5, "5"),
        (5.0, "5"),
        (5.5, "5.5"),
        (True, "true"),
        (False, "false"),
        ("", ""),
        ("x" * 1000, "x" * 512),
        (10**17, "100000000000000000"),
        (1e20, "1e+20"),
        (float("nan"), "nan"),
    ],
)
def test_a_label_is_text(value: Any, label: str) -> None:
    found = read({"plan": value, "n": 1}, users={"value": "n", "labels": {"plan": "plan"}})

    assert found.items[0].labels == (label,)


@pytest.mark.parametrize("value", [None, [], {}, ["a"], 10**18, -(10**400)])
def test_what_can_be_no_label_is_refused(value: Any) -> None:
    found = read({"plan": value, "n": 1}, users={"value": "n", "labels": {"plan": "plan"}})

    assert found.items == []
    assert refused(found) == [("users", "label_missing: has nothing for the label plan")]


@pytest.mark.parametrize(
    ("text", "pattern", "label"),
    [
        ("TypeError: x is no function", r"^(\w+Error)", "TypeError"),
        ("TypeError: x", r"\w+Error", "TypeError"),
        ("GET_/users_duration", r"^[A-Z]+_(.*)_duration$", "/users"),
        (404, r"^4", "4"),
        ("x", r"^(a)|x", None),
        ("x", r"^a", None),
        (None, r"^a", None),
    ],
)
def test_a_label_can_be_taken_out_of_a_text(text: Any, pattern: str, label: str | None) -> None:
    reading = {"value": "n", "labels": {"plan": {"value": "text", "pattern": pattern}}}

    found = read({"n": 1, "text": text}, users=reading)

    assert [item.labels for item in found.items] == ([] if label is None else [(label,)])
    assert len(found.refused) == (label is None)


def test_labels_stand_in_the_order_the_figure_declares_them() -> None:
    labels = {"two": "b", "one": "'fixed'"}

    assert read({"n": 1, "b": "B"}, pairs={"value": "n", "labels": labels}).items[0].labels == ("fixed", "B")


def test_a_figure_may_be_read_in_several_places() -> None:
    found = read(
        {"a": 1, "b": 2},
        users=[
            {"value": "a", "labels": {"plan": "'free'"}},
            {"value": "b", "labels": {"plan": "'pro'"}},
        ],
        sold_total=["a", {"add": "b"}],
    )

    assert [(item.figure, item.operation.value, item.value) for item in found.items] == [
        ("users", "set", 1),
        ("users", "set", 2),
        ("sold_total", "total", 1),
        ("sold_total", "add", 2),
    ]


def test_a_hostile_document_fills_no_memory() -> None:
    readings = [{"value": "values"}] * 50

    found = read({"values": ["x"] * 10_000}, took_seconds=readings)

    assert found.items == []
    assert len(found.refused) == 1000
