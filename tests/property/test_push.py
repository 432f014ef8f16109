"""Whatever is pushed, it is taken or refused: nothing else is raised, and no counter ever falls."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rollwatch.figures.slices import at_once
from rollwatch.ingest.push.callers import Caller
from rollwatch.ingest.push.json_text import read_json
from rollwatch.ingest.push.sequence import PushSequence
from rollwatch.ingest.push.taking import Taking
from rollwatch.metrics.series import GaugeChild, HistogramChild
from rollwatch.serving.refusal import Refusal
from support.manual_clock import ManualClock
from support.pushing import Pushing, config_from, made

FIGURES = """
    figures:
      app_streams: {type: gauge, help: S., labels: {room: any}}
      app_claims_total: {type: counter, help: C., labels: {plan: [free, pro]}}
      app_export_seconds: {type: histogram, help: E.}
    records:
      trades:
        id: id
        compute: {net: "subtract(exit, entry)"}
        rules: [{field: net, required: true, max: 1e6}, {field: side, in: [long, 0], pattern: o}]
        figures: {app_export_seconds: net}
        totals: {app_streams: {value: "sum([].net)", labels: {room: "'all'"}}}
"""
CONFIG = f"""
environment: test
services:
  own:
    push: {{token: x}}{FIGURES}
  mapped:
    push:
      token: y
      document:
        id: id
        source: source
        sent_at: sent_at
        figures:
          app_streams: {{each: metrics, value: value, labels: {{room: name}}}}
          app_claims_total: {{each: "@", add: add, labels: {{plan: "labels.plan"}}}}
          app_export_seconds: metrics[].observe
        records: {{trades: records.trades}}{FIGURES}
"""
WORDS = st.sampled_from(
    ["metrics", "records", "trades", "name", "labels", "value", "add", "total", "observe", "plan", "room",
     "app_streams", "app_claims_total", "app_export_seconds", "pro", "free", "id", "source", "sent_at",
     "started_at", "service", "own", "entry", "exit", "side", "long"]
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(), st.integers(-5, 5), st.floats(), st.sampled_from([1.7e9, 1.7e12, 1e15, 2e15, 1e300, -0.0])
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=20))
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=30,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "metrics": st.lists(
            st.fixed_dictionaries(
                {"name": WORDS},
                optional={
                    "labels": st.dictionaries(WORDS, WORDS | st.text(max_size=5), max_size=2) | ANY_JSON,
                    "value": NUMBERS,
                    "add": NUMBERS,
                    "total": NUMBERS,
                    "observe": NUMBERS | st.lists(NUMBERS, max_size=5),
                },
            ),
            max_size=5,
        ),
        "records": st.dictionaries(
            WORDS, st.lists(st.dictionaries(WORDS, LEAVES, max_size=5), max_size=5), max_size=2
        ),
        "id": LEAVES,
        "source": LEAVES,
        "sent_at": LEAVES,
        "started_at": LEAVES,
        "service": LEAVES,
    },
)


@pytest.fixture(scope="module")
def parts() -> Pushing:
    with tempfile.TemporaryDirectory() as folder:
        return made(config_from(Path(folder), CONFIG), ManualClock())


def push(parts: Pushing, service: str, body: bytes) -> str:
    """As the listener does it: `taken`, or how it was refused."""
    figures = parts.board.service(service)
    assert figures is not None
    clock = parts.clock
    reader = parts.intake._receivers[service].reader
    try:
        delivery = reader.read(read_json(body), Caller((service,), is_browser=False))
        PushSequence().check(delivery.stamp, wall=clock.wall(), monotonic=clock.monotonic())
    except Refusal as refusal:
        return f"{refusal.status} {refusal.error}"
    taking = Taking(figures, lambda: True)
    at_once(taking.steps(delivery, is_browser=False))
    assert taking.accepted >= 0
    return "taken"


def counted(parts: Pushing) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for family in parts.store.families():
        for key, child in family.children.items():
            if isinstance(child, HistogramChild):
                found[family.metric.name, *key] = child.count
            elif not isinstance(child, GaugeChild):
                found[family.metric.name, *key] = child.value
    return found


@pytest.mark.parametrize("service", ["own", "mapped"])
@given(document=ANY_JSON | NEARLY)
@example(document={"metrics": [{"name": "app_claims_total", "labels": {"plan": "pro"}, "total": 3}]})
@example(document={"records": {"trades": [{"entry": 1, "exit": 2, "side": "long"}]}})
def test_any_json_is_taken_or_refused(parts: Pushing, service: str, document: Any) -> None:
    before = counted(parts)
    push(parts, service, json.dumps(document).encode())
    after = counted(parts)
    assert all(after.get(series, 0) >= value for series, value in before.items())
    parts.board.refresh()


@given(body=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(body=b'{"\\ud800":1}')
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    with suppress(Refusal):
        assert read_json(body) == json.loads(body)


def test_the_strategies_also_make_what_is_taken(parts: Pushing) -> None:
    body = {"metrics": [{"name": "app_claims_total", "labels": {"plan": "pro"}, "add": 3}]}
    assert push(parts, "own", json.dumps(body).encode()) == "taken"
