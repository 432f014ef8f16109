"""What docs/browser.md shows can be loaded, and it names everything there is."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import orjson
import pytest

from rollwatch.config.browser import BrowserSpec
from rollwatch.config.ingest import IngestSpec
from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.ingest.browser.beacon import Beacon, ErrorEvent
from rollwatch.ingest.browser.errors_types import ErrorGroupJson, ErrorsJson
from rollwatch.ingest.browser.metrics import BROWSER_METRICS
from rollwatch.ingest.browser.outcomes import Outcome, Unread
from rollwatch.probers import discover

PAGE = (Path(__file__).parents[3] / "docs" / "browser.md").read_text()


def examples(language: str) -> list[str]:
    return [
        dedent(text) for text in re.findall(rf"^ *```{language}\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    ]


def test_the_configuration_loads_as_it_stands(tmp_path: Path) -> None:
    [example] = examples("yaml")
    file = tmp_path / "rollwatch.yml"
    file.write_text(example)
    kinds = {name: kind.spec for name, kind in discover().items()}
    config = load_config(file, kinds, secrets=SecretStore(tmp_path, {}), location="fra1")
    browser = config.services["web"].signals.browser
    assert browser is not None
    assert browser.routes == ("/", "/stocks/:symbol", "/docs/*")
    assert browser.source_maps == tmp_path / "source-maps"


def test_the_list_of_errors_is_what_is_answered() -> None:
    [example] = examples("json")
    found = ErrorsJson.model_validate(orjson.loads(example), extra="forbid")
    assert orjson.loads(example) == found.model_dump()


@pytest.mark.parametrize(
    "words",
    [
        BrowserSpec.model_fields,
        IngestSpec.model_fields.keys() - {"push_limit"},
        [metric.name for metric in BROWSER_METRICS],
        [*Outcome, *Unread],
        [*Beacon.model_fields, *ErrorEvent.model_fields],
        ErrorGroupJson.model_fields,
        ["service_missing", "script_missing", "encoded_body"],
    ],
)
def test_the_page_names_everything(words: list[str]) -> None:
    assert {word for word in words if not re.search(rf"\b{re.escape(word)}\b", PAGE)} == set()


def test_the_page_names_every_event() -> None:
    schema = orjson.dumps(Beacon.model_json_schema()).decode()
    types = set(re.findall(r'"const":"(\w+)"', schema))
    assert {"session_start", "view", "vital", "load", "goal", "error", "heap", "CLS"} == types
    assert all(re.search(rf"\b{name}\b", PAGE) for name in types)


def test_the_page_names_the_labels_of_every_metric() -> None:
    for metric in BROWSER_METRICS:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{metric.name}` |"))
        assert row.split("|")[2].strip() == ", ".join(metric.labels)
