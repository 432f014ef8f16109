"""Whatever a line is, it is counted once, and makes no series that can't be."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.figures.board import Board
from rollwatch.ingest.logs.following import Following
from rollwatch.ingest.logs.lines import LineSplitter
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store
from support.config_kinds import load
from support.log_intake import Batches, samples_of
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from rollwatch.config.config import Config

CONFIG = """
environment: test
location: here
services:
  api:
    figures:
      lines_total: {type: counter, help: Every line.}
      words_total: {type: counter, help: Words., labels: {word: any}}
      level: {type: gauge, help: A level., labels: {of: any}}
      totals_total: {type: counter, help: A running total., labels: {of: any}}
      sizes: {type: histogram, help: Sizes., buckets: [1, 10]}
    logs:
      app:
        file: app.log
        lines:
          - figures:
              rollwatch_http_requests_total: {labels: {endpoint: path, code: status}}
              rollwatch_http_request_duration_seconds: {value: ms, scale: 0.001, labels: {endpoint: path}}
          - when: "ends_with(path, 's')"
            figures: {rollwatch_system_errors_total: {labels: {type: {value: path, pattern: '^/?(.*)$'}}}}
          - figures:
              level: {value: ms, labels: {of: path}}
              totals_total: {value: status, labels: {of: path}}
              sizes: {each: list, value: "@"}
          - {pattern: '^', figures: {lines_total: {}}}
          - {pattern: '"(?P<word>[^"]*)"', figures: {words_total: {labels: {word: word}}}}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("config") / "rollwatch.yml"
    path.write_text(CONFIG)
    return load(path)


NUMBERS = st.one_of(
    st.integers(-(10**400), 10**400),
    st.integers(-5, 700),
    st.floats(),
    st.sampled_from([1e308, -0.0, 5e-324, 1e15, 1e16]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=30), NUMBERS.map(str)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=6,
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "path": st.one_of(st.from_regex(r"/[a-z0-9/]{0,40}s?", fullmatch=True), VALUES),
        "status": st.one_of(st.integers(100, 599), VALUES),
        "ms": st.one_of(NUMBERS, VALUES),
        "list": st.one_of(st.lists(NUMBERS, max_size=5), VALUES),
    },
)
ENCODED = st.one_of(DOCUMENTS, VALUES).map(lambda value: json.dumps(value).encode())
DAMAGED = st.builds(
    lambda line, at, piece: line[: at % (len(line) + 1)] + piece + line[at % (len(line) + 1) :],
    ENCODED,
    st.integers(0, 10**6),
    st.binary(min_size=1, max_size=6),
)
PIECES = st.one_of(ENCODED, DAMAGED, st.binary(max_size=80))
LONG = PIECES.map(lambda piece: b" " * 9000 + piece)
LINES = st.lists(st.one_of(PIECES, PIECES, PIECES, LONG), max_size=12)


async def scraped(config: Config, lines: list[bytes]) -> dict[str, float]:
    store, clock = Store(), ManualClock()
    board = Board(store, clock, location="here")
    board.configure(config)
    figures = board.service("api")
    assert figures is not None
    following = Following("app", store, clock)
    following.configure(config.services["api"].signals.logs["app"].lines, figures, ("api", "test", "here"))
    await following.run(Batches(lines))
    board.refresh()
    following.refresh()
    return samples_of(b"".join([piece async for piece in render(store, openmetrics=False)]).decode())


@given(LINES)
def test_every_line_is_counted_once(config: Config, pieces: list[bytes]) -> None:
    lines = LineSplitter().feed(b"\n".join([*pieces, b""]))

    samples = asyncio.run(scraped(config, lines))

    results = [
        value for name, value in samples.items() if name.startswith("rollwatch_log_source_lines_total")
    ]
    assert len(results) == 4
    assert sum(results) == len(lines)
    # One of the shapes fits every line.
    assert samples["lines_total"] == len(lines)
    assert samples['rollwatch_log_source_lines_total{log="app",result="taken"}'] == len(lines)
    for name, value in samples.items():
        assert math.isfinite(value), name
        assert value >= 0 or name.startswith("level{"), name
