"""A million different values of a label: the series and the memory of a figure stay small."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

from support.arriving import Arriving

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = """\
api:
  figures:
    errors_total: {type: counter, help: Errors., labels: {type: any}}
    rollwatch_http_requests_total: {}
"""
COUNT = 1_000_000


def test_a_million_values_are_fifty_and_the_rest(tmp_path: Path) -> None:
    arriving = Arriving(tmp_path, SERVICES)
    figure = arriving.figure("errors_total")

    for number in range(COUNT):
        figure.count((f"error-{number}",))

    shown = arriving.shown("errors_total")
    assert len(shown) == 51
    assert shown["other",] == COUNT - 50
    assert len(arriving.folds) == COUNT - 50


def test_their_memory_is_bounded(tmp_path: Path) -> None:
    arriving = Arriving(tmp_path, SERVICES, on_fold=str)
    figure = arriving.figure("rollwatch_http_requests_total")

    def flood(since: int, until: int) -> None:
        for number in range(since, until):
            figure.count((f"/{number:x}z/{'longer' * (number % 50)}", "200"))

    flood(0, 10_000)
    tracemalloc.start()
    try:
        flood(10_000, 20_000)
        before, _ = tracemalloc.get_traced_memory()
        flood(20_000, 100_000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 1024 * 1024
    assert len(arriving.shown("rollwatch_http_requests_total")) == 51
