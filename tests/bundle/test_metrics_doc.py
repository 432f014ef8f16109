"""The catalogue as others see it: the page people read, and what Prometheus' own linter says of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from rollwatch.exporter.metric_sections import metric_sections
from rollwatch.metrics import catalogue as catalogue_module
from rollwatch.metrics.catalogue import COMMON, catalogue
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import CounterChild, GaugeChild, Store
from rollwatch.probers import discover

if TYPE_CHECKING:
    from rollwatch.metrics.definition import MetricDef

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
PROMTOOL = "/usr/bin/promtool"


def everything() -> tuple[MetricDef, ...]:
    others = [metric for metrics in metric_sections().values() for metric in metrics]
    return catalogue(discover().values(), others)


def populated() -> Store:
    """One series of every metric there is."""
    store = Store()
    for metric in everything():
        child = store.child(metric, tuple(f"a {label}" for label in metric.all_labels))
        if isinstance(child, GaugeChild):
            child.set(1.5)
        elif isinstance(child, CounterChild):
            child.inc()
        else:
            child.observe(0.2)
    return store


async def written(*, openmetrics: bool) -> str:
    return b"".join([piece async for piece in render(populated(), openmetrics=openmetrics)]).decode()


def test_the_page_is_what_the_code_says() -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "tools/generate/metrics.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert PAGE.read_text() == made.stdout, "docs/metrics.md is out of date: run 'make docs' and commit it"


def test_the_page_has_exactly_one_entry_for_every_metric() -> None:
    entries = re.findall(r"^### `([^`]+)`$", PAGE.read_text(), re.MULTILINE)
    assert sorted(entries) == [metric.name for metric in everything()]


@pytest.mark.parametrize("metric", everything(), ids=lambda metric: metric.name)
def test_a_person_learns_what_each_metric_is_and_when_it_is_there(metric: MetricDef) -> None:
    assert metric.help.endswith("."), "help is a sentence"
    assert metric.meaning.endswith("."), "meaning says in a sentence when the series exists"
    # Profit and loss is told in percent wherever it is told, and its metrics say so in their names.
    if not metric.name.startswith("rollwatch_trading_"):
        assert not re.search(r"\b(ms|milliseconds|kB|MB|percent)\b", metric.help), "base units only"


async def test_promtool_finds_nothing_to_say() -> None:
    text = await written(openmetrics=False)
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=50
    )
    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)


async def test_promtool_would_have_found_something() -> None:
    text = (await written(openmetrics=False)).replace(
        "rollwatch_probe_results_total", "rollwatchProbeResults"
    )
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=50
    )
    assert checked.returncode != 0
    assert "rollwatchProbeResults" in checked.stdout + checked.stderr


async def test_every_metric_can_be_written_in_openmetrics() -> None:
    families = {family.name for family in parse_openmetrics(await written(openmetrics=True))}
    assert families == {metric.family for metric in everything()}


def test_every_common_metric_is_the_constant_of_its_name() -> None:
    constants = {name for name in catalogue_module.__all__ if name.isupper() and name != "COMMON"}
    assert constants == {metric.name.upper() for metric in COMMON}
    assert all(getattr(catalogue_module, metric.name.upper()) is metric for metric in COMMON)
