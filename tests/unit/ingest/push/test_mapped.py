"""An application's own document, read as push.document maps it."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.config.figures import FigureDef
from rollwatch.config.push import DocumentSpec
from rollwatch.figures.items import Item, Operation
from rollwatch.ingest.push.delivery import Delivery
from rollwatch.ingest.push.mapped import DocumentPlan
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.labels import LabelDef
from rollwatch.serving.refusal import Refusal

FIGURES = {
    "app_streams": FigureDef("app_streams", MetricType.GAUGE, "H.", (), (), (), None, None, False),
    "app_claims_total": FigureDef(
        "app_claims_total", MetricType.COUNTER, "H.", (LabelDef("plan"),), (), (), None, None, False
    ),
}


def read(spec: dict[str, Any], document: Any) -> Delivery:
    return DocumentPlan(DocumentSpec.model_validate(spec), FIGURES).read(document)


def test_figures_are_read_where_the_mapping_says() -> None:
    spec = {
        "figures": {
            "app_streams": "live.streams",
            "app_claims_total": {"each": "claims", "value": "value", "labels": {"plan": "key"}},
        }
    }
    found = read(spec, {"live": {"streams": 3}, "claims": {"free": 10, "pro": 2}}).found
    assert found.items == [
        Item("app_streams", (), Operation.SET, 3),
        Item("app_claims_total", ("free",), Operation.TOTAL, 10),
        Item("app_claims_total", ("pro",), Operation.TOTAL, 2),
    ]


def test_what_is_not_there_is_refused_by_name() -> None:
    found = read({"figures": {"app_streams": "live.streams"}}, {"live": {}}).found
    [refused] = found.refused
    assert (refused.figure, refused.why.fault) == ("app_streams", "not_found")
    assert "live.streams" in refused.why.message


@pytest.mark.parametrize(
    ("trades", "taken"),
    [([{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}]), ({"id": 1}, [{"id": 1}]), ([], [])],
)
def test_records_are_a_list_or_one_object(trades: Any, taken: Any) -> None:
    delivery = read({"records": {"trades": "t"}}, {"t": trades})
    assert (delivery.records, delivery.refused_records) == ({"trades": taken}, [])
    assert not delivery.holds_nothing


@pytest.mark.parametrize("trades", [None, 5, "x", True])
def test_records_that_are_no_list_are_refused_by_name(trades: Any) -> None:
    delivery = read({"records": {"trades": "t"}}, {"t": trades})
    [(name, why)] = delivery.refused_records
    assert (name, why.fault, delivery.records) == ("trades", "not_found", {})
    assert delivery.holds_nothing


def test_more_records_than_are_taken_are_said() -> None:
    delivery = read({"records": {"trades": "@"}}, [{"id": number} for number in range(5001)])
    [(name, why)] = delivery.refused_records
    assert (name, why.fault) == ("trades", "too_many")
    assert len(delivery.records["trades"]) == 5000


STAMP = {"figures": {"app_streams": "n"}, "id": "id", "source": "pod", "sent_at": "at"}


@pytest.mark.parametrize(
    ("document", "stamp"),
    [
        ({}, (None, "", None, None)),
        ({"id": "a", "pod": "b", "at": 1764111111.5}, ("a", "b", 1764111111.5, None)),
        ({"id": 17, "pod": 4, "at": 1764111111500}, ("17", "4", 1764111111.5, None)),
        ({"at": "2025-11-25T22:51:51Z"}, (None, "", 1764111111, None)),
        ({"at": "2025-11-25T23:51:51.5+01:00"}, (None, "", 1764111111.5, None)),
        ({"at": "2025-11-25T22:51:51"}, (None, "", 1764111111, None)),
        ({"at": "1764111111"}, (None, "", 1764111111, None)),
        ([], (None, "", None, None)),
        ("text", (None, "", None, None)),
    ],
)
def test_what_tells_pushes_apart_is_read_in_the_usual_forms(document: Any, stamp: tuple[Any, ...]) -> None:
    assert read(STAMP, document).stamp == stamp


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"id": "x" * 65}, "id must be text of at most 64"),
        ({"id": ""}, "id must be text"),
        ({"id": "a\nb"}, "id must be text"),
        ({"id": True}, "id must be text"),
        ({"id": 1.5}, "id must be text"),
        ({"id": ["a"]}, "id must be text"),
        ({"id": 10**20}, "id must be text"),
        ({"pod": {"a": 1}}, "source must be text"),
        ({"at": "yesterday"}, "sent_at must be Unix seconds"),
        ({"at": True}, "sent_at must be"),
        ({"at": -1}, "sent_at must be"),
        ({"at": []}, "sent_at must be"),
        ({"at": 10**299}, "sent_at must be"),
    ],
)
def test_what_can_not_tell_pushes_apart_is_refused(document: Any, said: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(STAMP, document)
    assert (caught.value.status, caught.value.error) == (422, "document_invalid")
    assert said in caught.value.message


def test_a_document_in_which_the_mapping_finds_nothing_holds_nothing() -> None:
    spec = {"figures": {"app_streams": {"value": "n", "when": "kind == 'x'"}}}
    assert read(spec, {"n": 3}).holds_nothing
    assert not read(spec, {"n": 3, "kind": "x"}).holds_nothing
