"""Whatever JSON arrives, nothing raises, every scrape parses, counts never fall, and series stay few."""

from __future__ import annotations

import asyncio
import math
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from rollwatch.figures.board import Board
from rollwatch.figures.faults import FigureRefused, Origin
from rollwatch.figures.items import Found, Item, Operation
from rollwatch.figures.reading import ReadingPlan
from rollwatch.figures.routes import RouteTable, plain_route
from rollwatch.metrics.exposition import render
from rollwatch.metrics.series import CounterChild, HistogramChild
from rollwatch.metrics.store import Store
from support.config_kinds import load
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rollwatch.config.config import Config
    from rollwatch.figures.service import ServiceFigures

FILE = """\
environment: test
services:
  api:
    push:
      token: "${env:TOKEN}"
      document:
        figures:
          level: a
          pairs: {each: a, value: b, labels: {one: key, two: c}}
          sold_total: [a, {add: b}, {each: "*", add: "@"}]
          kinds_total:
            {each: b, when: "a != `1`", add: "to_number(value)", labels: {type: {value: key, pattern: "."}}}
          took_seconds: "[]"
          closed: {value: a, scale: 1e300, labels: {plan: b}}
    figures:
      level: {type: gauge, help: A level., limits: {P1: {above: 1}}, first_seen: true}
      pairs: {type: gauge, help: Pairs., labels: {one: any, two: any}, limits: {P1: {above: 1}}}
      closed: {type: gauge, help: Closed., labels: {plan: [free, pro]}}
      sold_total: {type: counter, help: Sold., limits: {P1: {above: 1, per: 1m}}}
      kinds_total: {type: counter, help: Kinds., labels: {type: any}, limits: {P1: {above: 1, per: 1m}}}
      took_seconds: {type: histogram, help: Time.}
      rollwatch_http_requests_total: {}
    records:
      trades:
        id: a
        defaults: {b: 1}
        compute: {c: "add(a, b)", d: "divide(c, b)", e: "to_string(@)"}
        rules: [{field: a, required: true}, {field: c, min: 0, deviation: {window: 5, max_sigma: 2, per: b}}]
        figures: {sold_total: {add: c}, kinds_total: {labels: {type: b}}, took_seconds: "[a, b]"}
        totals: {level: "sum([].a)", pairs: {each: "@", value: a, labels: {one: b, two: e}}}
"""

_NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, 1, -1, 1e15, 1e16, 1e300, 10**400, -(10**400), math.nan, math.inf, True]),
)
_TEXT = st.one_of(
    st.text(max_size=8), st.sampled_from(["free", "pro", "other", "", "200", '"\\\n', "\ud800", "x" * 300])
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.one_of(st.sampled_from("abc"), st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=12,
)
_RECORD = st.dictionaries(st.sampled_from("abcde"), st.one_of(_NUMBERS, _TEXT, _JSON), max_size=5)
_ITEMS = st.builds(
    Item,
    st.sampled_from(
        [
            "level",
            "pairs",
            "closed",
            "sold_total",
            "kinds_total",
            "took_seconds",
            "rollwatch_http_requests_total",
            "no",
        ]
    ),
    st.lists(_TEXT, max_size=3).map(tuple),
    st.sampled_from(Operation),
    st.one_of(st.floats(), st.floats(min_value=0, max_value=1e6)),
)


@cache
def config() -> Config:
    with TemporaryDirectory() as directory:
        path = Path(directory, "rollwatch.yml")
        path.write_text(FILE)
        return load(path, env={"TOKEN": "t"})


class Bench:
    """One service at work."""

    def __init__(self) -> None:
        self.store, self.clock = Store(), ManualClock()
        self.board = Board(self.store, self.clock, location="here")
        self.board.configure(config())
        service = self.board.service("api")
        assert service is not None
        self.service: ServiceFigures = service

    def counts(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Every count there is."""
        return {
            (child.metric.name, child.key): child.value if isinstance(child, CounterChild) else child.sum
            for family in self.store.families()
            for child in family.children.values()
            if isinstance(child, CounterChild | HistogramChild)
        }

    def check_exposition(self) -> None:
        self.board.refresh()
        for openmetrics, parse in ((False, parse_text), (True, parse_openmetrics)):
            text = asyncio.run(_joined(render(self.store, openmetrics=openmetrics)))
            samples = [sample for family in parse(text) for sample in family.samples]
            assert len(samples) == len({(s.name, tuple(sorted(s.labels.items()))) for s in samples})
            assert all(math.isfinite(sample.value) for sample in samples)


async def _joined(pieces: AsyncGenerator[bytes, None]) -> str:
    return b"".join([piece async for piece in pieces]).decode()


@given(_JSON)
def test_any_document_is_read(document: Any) -> None:
    signals = config().services["api"].signals
    assert signals.push is not None
    assert signals.push.document is not None
    plan = ReadingPlan(signals.push.document.figures, signals.figures)

    for item in plan.read(document).items:
        assert isinstance(item.value, float | int)
        assert all(isinstance(label, str) for label in item.labels)


@given(st.lists(_JSON, max_size=4), st.lists(_RECORD, max_size=6))
def test_any_document_and_any_record_is_taken_and_every_scrape_parses(documents: Any, records: Any) -> None:
    bench = Bench()
    signals = bench.service.signals
    assert signals.push is not None
    assert signals.push.document is not None
    plan = ReadingPlan(signals.push.document.figures, signals.figures)
    before = bench.counts()
    for document in documents:
        bench.service.take(plan.read(document), Origin.PUSH, source="a")
        bench.service.take_records("trades", document if isinstance(document, list) else [document])
    bench.service.take_records("trades", records)

    trades = bench.service.records["trades"]
    assert trades.valid <= trades.examined
    assert len(trades.kept) <= 10
    after = bench.counts()
    assert all(after[key] >= value for key, value in before.items())
    bench.check_exposition()


@given(st.lists(st.one_of(st.lists(_ITEMS, max_size=5), st.floats(min_value=0, max_value=1e6)), max_size=12))
def test_counts_never_fall_and_every_scrape_parses(steps: list[list[Item] | float]) -> None:
    bench = Bench()
    for step in steps:
        before = bench.counts()
        if isinstance(step, list):
            bench.service.take(Found(step), Origin.PUSH, source="a", started_at=bench.clock.wall())
            after = bench.counts()
            assert all(after[key] >= value for key, value in before.items())
        else:
            bench.clock.advance(step)
            bench.board.refresh()
            after = bench.counts()
            assert all(after.get(key, math.inf) >= value for key, value in before.items())
        bench.check_exposition()


@given(st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=300), st.randoms(use_true_random=False))
def test_series_stay_few(labels: list[tuple[str, str]], random: Any) -> None:
    bench = Bench()
    figure = bench.service.figures["pairs"]
    for _ in range(3):
        for one, two in labels:
            pair = (f"{one}{random.randrange(200)}", f"{two}{random.randrange(200)}")
            figure.set(pair, 1.0)
        bench.clock.advance(random.choice([1, 600, 1300]))
        bench.board.refresh()

    shown = [labels for labels, _ in figure.series()]
    assert len(shown) <= 501
    assert max((len({pair[index] for pair in shown}) for index in (0, 1)), default=0) <= 51


@given(_ITEMS)
def test_what_is_refused_changes_nothing(item: Item) -> None:
    bench = Bench()
    figure = bench.service.figures.get(item.figure)
    if figure is None:
        return
    before = (bench.store.series, bench.counts(), dict(figure.first_seen), figure.updated_at)
    for method in (figure.set, figure.add, figure.observe, figure.count, figure.measure):
        try:
            method(item.labels, item.value)
        except FigureRefused:
            assert before == (bench.store.series, bench.counts(), dict(figure.first_seen), figure.updated_at)
        else:
            return


@given(st.text(max_size=600))
def test_any_path_has_a_route_that_is_not_longer(path: str) -> None:
    for text in (path, f"/{path}", path.replace("a", "/")):
        route = plain_route(text)
        assert len(route) <= max(1, len(text) + 4 * 8)
        assert "?" not in route
        assert RouteTable(["/:a/b", "/c/*"]).route(text)
