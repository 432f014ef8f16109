"""The documented form: what is taken of it, what is refused by name, and what is no such document at all."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.config.figures import FigureDef
from rollwatch.figures.items import Item, Operation
from rollwatch.ingest.push.delivery import Delivery
from rollwatch.ingest.push.own_shape import check_form, read_own_shape
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.labels import LabelDef
from rollwatch.serving.refusal import Refusal


def figure(name: str, kind: MetricType, *labels: str) -> FigureDef:
    buckets = (1.0,) if kind is MetricType.HISTOGRAM else ()
    return FigureDef(name, kind, "Help.", tuple(map(LabelDef, labels)), buckets, (), None, None, False)


FIGURES = {
    one.name: one
    for one in (
        figure("app_streams", MetricType.GAUGE),
        figure("app_claims_total", MetricType.COUNTER, "plan", "region"),
        figure("app_export_seconds", MetricType.HISTOGRAM),
    )
}
LABELS = {"region": "eu", "plan": "pro"}


def read(*metrics: dict[str, Any], **more: Any) -> Delivery:
    return read_own_shape(check_form({"metrics": list(metrics), **more}), FIGURES)


def test_each_operation_becomes_its_items_with_labels_in_declared_order() -> None:
    delivery = read(
        {"name": "app_streams", "value": -2},
        {"name": "app_claims_total", "labels": LABELS, "add": 3},
        {"name": "app_claims_total", "labels": LABELS, "total": 40.5},
        {"name": "app_export_seconds", "observe": 0.5},
        {"name": "app_export_seconds", "observe": [1, 2]},
    )
    assert delivery.found.items == [
        Item("app_streams", (), Operation.SET, -2),
        Item("app_claims_total", ("pro", "eu"), Operation.ADD, 3),
        Item("app_claims_total", ("pro", "eu"), Operation.TOTAL, 40.5),
        Item("app_export_seconds", (), Operation.OBSERVE, 0.5),
        Item("app_export_seconds", (), Operation.OBSERVE, 1),
        Item("app_export_seconds", (), Operation.OBSERVE, 2),
    ]
    assert delivery.found.refused == []


@pytest.mark.parametrize(
    ("metric", "fault", "message"),
    [
        ({"name": "app_nope", "value": 1}, "undeclared", "is no figure"),
        ({"name": "app_streams", "add": 1}, "wrong_operation", "is a gauge: send value"),
        (
            {"name": "app_claims_total", "labels": LABELS, "value": 1},
            "wrong_operation",
            "is a counter: send add or total",
        ),
        ({"name": "app_export_seconds", "total": 1}, "wrong_operation", "is a histogram: send observe"),
        ({"name": "app_claims_total", "labels": {"region": "eu"}, "add": 1}, "label_missing", "label plan"),
        ({"name": "app_claims_total", "add": 1}, "label_missing", "label plan"),
        (
            {"name": "app_claims_total", "labels": {**LABELS, "who": "me"}, "add": 1},
            "label_unknown",
            "plan and region",
        ),
        ({"name": "app_streams", "labels": {"a": "b"}, "value": 1}, "label_unknown", "it has none"),
    ],
)
def test_one_figure_that_does_not_fit_is_refused_by_name_and_the_rest_counts(
    metric: dict[str, Any], fault: str, message: str
) -> None:
    delivery = read(metric, {"name": "app_streams", "value": 7})
    [refused] = delivery.found.refused
    assert (refused.figure, refused.why.fault) == (metric["name"], fault)
    assert message in refused.why.message
    assert [item.value for item in delivery.found.items] == [7]


def test_more_values_than_are_taken_are_said_once_for_each_figure() -> None:
    delivery = read(*[{"name": "app_export_seconds", "observe": [1] * 9000} for _ in range(7)])
    assert len(delivery.found.items) == 50_000
    assert [refused.why.fault for refused in delivery.found.refused] == ["too_many", "too_many"]


@pytest.mark.parametrize("place", [{}, {"metrics": [{"name": "app_streams", "value": 1}]}])
def test_thousands_of_faults_are_counted_and_not_listed(place: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        check_form({**place, **{f"key{index}": index for index in range(5000)}})
    assert (caught.value.status, caught.value.error) == (422, "document_invalid")
    assert caught.value.message == "The document is not in the documented form: it has 5000 faults."


def test_of_a_thousand_labels_the_first_that_is_wrong_is_named() -> None:
    with pytest.raises(Refusal) as caught:
        read({"name": "app_streams", "value": 1, "labels": {f"l{index}": index for index in range(1000)}})
    assert caught.value.message.endswith("form: metrics[0].labels.l0 must be text.")


def test_records_and_what_tells_pushes_apart_are_taken_over() -> None:
    document = {
        "service": "api",
        "source": "api-7f9c",
        "id": "a b",
        "sent_at": 1764111111,
        "started_at": 1764000000.5,
        "records": {"trades": [{"deep": {"er": [1]}}], "quotes": []},
    }
    delivery = read_own_shape(check_form(document), FIGURES)
    assert delivery.stamp == ("a b", "api-7f9c", 1764111111, 1764000000.5)
    assert delivery.records == {"trades": [{"deep": {"er": [1]}}], "quotes": []}


def test_null_is_as_good_as_leaving_out_what_may_be_left_out() -> None:
    said: dict[str, Any] = dict.fromkeys(["service", "source", "id", "sent_at", "started_at"])
    delivery = read({"name": "app_streams", "value": 1}, **said)
    assert delivery.stamp == (None, "", None, None)


ONE = {"name": "app_streams", "value": 1}


@pytest.mark.parametrize(
    ("document", "place", "must"),
    [
        (3, "it", "must be an object"),
        (None, "it", "must be an object"),
        ([], "it", "must be an object"),
        ({}, "it", "must have metrics, records or both"),
        ({"source": "x"}, "it", "must have metrics, records or both"),
        ({"metrics": []}, "metrics", "must not be empty"),
        ({"metrics": {}}, "metrics", "must be a list"),
        ({"metrics": None}, "metrics", "must be a list"),
        ({"metrics": [ONE] * 1001}, "metrics", "at most 1000 items"),
        ({"metrics": [ONE, 3]}, "metrics[1]", "one of value, add, total and observe"),
        ({"metrics": [{"name": "x"}]}, "metrics[0]", "one of value, add, total and observe"),
        ({"metrics": [{**ONE, "add": 1}]}, "metrics[0]", "one of value, add, total and observe"),
        ({"metrics": [{"value": 1}]}, "metrics[0].name", "is required"),
        ({"metrics": [{**ONE, "name": ""}]}, "metrics[0].name", "must not be empty"),
        ({"metrics": [{**ONE, "name": "x" * 129}]}, "metrics[0].name", "at most 128 characters"),
        ({"metrics": [{**ONE, "name": 5}]}, "metrics[0].name", "must be text"),
        ({"metrics": [{**ONE, "value": "1"}]}, "metrics[0].value", "must be a number"),
        ({"metrics": [{**ONE, "value": True}]}, "metrics[0].value", "must be a number"),
        ({"metrics": [{**ONE, "value": None}]}, "metrics[0].value", "must be a number"),
        ({"metrics": [{**ONE, "value": float("inf")}]}, "metrics[0].value", "must be a finite number"),
        ({"metrics": [{**ONE, "value": float("nan")}]}, "metrics[0].value", "must be a finite number"),
        ({"metrics": [{**ONE, "valeu": 1}]}, "metrics[0].valeu", "is not known here"),
        ({"metrics": [{"name": "x", "observe": []}, ONE, 1]}, "metrics[2]", "one of value"),
        ({"metrics": [{"name": "x", "observe": "1"}]}, "metrics[0].observe", "must be a number"),
        ({"metrics": [{"name": "x", "observe": [1, "2"]}]}, "metrics[0].observe[1]", "must be a number"),
        ({"metrics": [{"name": "x", "observe": [1] * 10_001}]}, "metrics[0].observe", "at most 10000"),
        ({"metrics": [{**ONE, "labels": ["a"]}]}, "metrics[0].labels", "must be an object"),
        ({"metrics": [{**ONE, "labels": {"a": 200}}]}, "metrics[0].labels.a", "must be text"),
        ({"metrics": [{**ONE, "labels": {"a": "x" * 10_240}}]}, "metrics[0].labels.a", "at most 512"),
        ({"metrics": [{**ONE, "labels": {"a" * 65: "x"}}]}, f"metrics[0].labels.'{'a' * 64}'", "at most 64"),
        ({"metrics": [{**ONE, "labels": dict.fromkeys("abcdefghijk", "x")}]}, "metrics[0].labels", "at most"),
        ({"metrics": [ONE], "sent_at": 1764111111123}, "sent_at", "in Unix seconds, not milliseconds"),
        ({"metrics": [ONE], "sent_at": "2025-11-25T22:51:51Z"}, "sent_at", "must be a number"),
        ({"metrics": [ONE], "sent_at": 0}, "sent_at", "must be more than 0"),
        ({"metrics": [ONE], "started_at": -5}, "started_at", "must be more than 0"),
        ({"metrics": [ONE], "id": ""}, "id", "must not be empty"),
        ({"metrics": [ONE], "id": "x" * 65}, "id", "at most 64"),
        ({"metrics": [ONE], "id": "a\nb"}, "id", "must be printable ASCII"),
        ({"metrics": [ONE], "source": "é"}, "source", "must be printable ASCII"),
        ({"metrics": [ONE], "service": 5}, "service", "must be text"),
        ({"metrics": [ONE], "environment": "x"}, "environment", "is not known here"),
        ({"records": []}, "records", "must be an object"),
        ({"records": {}}, "records", "must not be empty"),
        ({"records": {"trades": {"id": 1}}}, "records.trades", "must be a list"),
        ({"records": {"trades": [1]}}, "records.trades[0]", "must be an object"),
        ({"records": {"trades": [{}] * 5001}}, "records.trades", "at most 5000"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_in_the_form_is_refused_with_field_and_what_it_must_be(
    document: object, place: str, must: str
) -> None:
    with pytest.raises(Refusal) as caught:
        check_form(document)
    assert (caught.value.status, caught.value.error) == (422, "document_invalid")
    assert f": {place} " in caught.value.message
    assert must in caught.value.message


def test_three_faults_are_told_and_no_value_is_repeated() -> None:
    metrics = [{"name": "app_streams", "value": f"hunter{n}"} for n in range(5)]
    with pytest.raises(Refusal) as caught:
        check_form({"metrics": metrics})
    assert "metrics[0].value must be a number; metrics[1].value" in caught.value.message
    assert "and 2 more" in caught.value.message
    assert "hunter" not in caught.value.message


def test_a_key_that_is_no_plain_word_is_shown_harmlessly() -> None:
    with pytest.raises(Refusal) as caught:
        check_form({"metrics": [ONE], "\x1b[31m<b>" + "x" * 500: 1})
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200
