"""What the page about logs shows: its examples load, and make of their lines what it says."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.logs import LineSpec, LogSpec
from rollwatch.config.secrets import SecretStore
from rollwatch.figures.board import Board
from rollwatch.ingest.logs.following import Following
from rollwatch.ingest.logs.metrics import LOG_METRICS, LineResult
from rollwatch.ingest.logs.state import Obstacle, Rotation
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store
from support.log_intake import Batches, samples_of
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from rollwatch.config.config import Config

PAGE = (Path(__file__).parents[4] / "docs" / "logs.md").read_text()
BLOCK = r"```{}\n(.*?)```"
CONFIGS = re.findall(BLOCK.format("yaml"), PAGE, re.DOTALL)
TEXTS = re.findall(BLOCK.format("(?:json|text)"), PAGE, re.DOTALL)
LINES, SHOWN = TEXTS[0:6:2], TEXTS[1:6:2]


def load(folder: Path, text: str) -> Config:
    file = folder / "rollwatch.yml"
    file.write_text(text)
    return load_config(file, {}, secrets=SecretStore(folder, {}), location="here")


async def read(config: Config, lines: list[bytes]) -> dict[str, float]:
    """The series that `lines`, written to every log there is, are made into; without those at 0."""
    store, clock = Store(), ManualClock()
    board = Board(store, clock, location="here")
    board.configure(config)
    for service in config.services.values():
        figures = board.service(service.name)
        assert figures is not None
        for name, spec in service.signals.logs.items():
            following = Following(name, store, clock)
            following.configure(spec.lines, figures, (service.name, "production", "here"))
            await following.run(Batches(lines))
    text = b"".join([piece async for piece in render(store, openmetrics=False)]).decode()
    text = re.sub(r'service="[a-z]+",environment="production"', 'service="api",environment="test"', text)
    hidden = re.compile(r"rollwatch_(figure_|log_source_(?!lines)|\w+_bucket)")
    return {name: value for name, value in samples_of(text).items() if value and not hidden.match(name)}


@pytest.mark.parametrize(
    ("config", "lines", "shown"),
    list(zip(CONFIGS, LINES, SHOWN, strict=True)),
    ids=["json", "winston", "nginx"],
)
async def test_an_example_makes_of_its_lines_what_is_shown(
    config: str, lines: str, shown: str, tmp_path: Path
) -> None:
    loaded = await asyncio.to_thread(load, tmp_path, config)
    found = await read(loaded, lines.encode().splitlines())
    assert found == samples_of(shown)


def test_the_page_names_every_option_metric_and_word() -> None:
    words = {*LogSpec.model_fields, *LineSpec.model_fields, *(metric.name for metric in LOG_METRICS)}
    words |= {word.value for kind in (LineResult, Obstacle, Rotation) for word in kind}
    assert {word for word in words if not re.search(rf"\b{word}\b", PAGE)} == set()


def test_the_queries_can_be_asked(tmp_path: Path) -> None:
    [queries] = re.findall(BLOCK.format("promql"), PAGE, re.DOTALL)
    silent, *unfitting = queries.splitlines()
    rules = "groups: [{name: logs, rules: [RULES]}]".replace(
        "RULES",
        ", ".join(
            f"{{record: 'logs:{index}', expr: '{query}'}}"
            for index, query in enumerate([silent, " ".join(unfitting)])
        ),
    )
    file = tmp_path / "rules.yml"
    file.write_text(rules)
    checked = subprocess.run(
        ["/usr/bin/promtool", "check", "rules", file], capture_output=True, text=True, check=False, timeout=50
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "2 rules found" in checked.stdout
