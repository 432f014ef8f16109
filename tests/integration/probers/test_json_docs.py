"""What the page about json probes shows: its examples load, and read what it says they read."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.config.readings import LabelReading, Reading
from rollwatch.config.secrets import SecretStore
from rollwatch.figures.board import Board
from rollwatch.metrics.store import Store
from rollwatch.probers import discover
from rollwatch.probers._http_expect import AnswerExpect
from rollwatch.probers._json_document import DocumentPlan
from rollwatch.probers._json_spec import JsonSpec
from support.json_probing import Teller
from support.manual_clock import ManualClock
from support.processes import ROLLWATCH
from support.servers import serve

if TYPE_CHECKING:
    from rollwatch.config.config import Config

PAGE = (Path(__file__).parents[3] / "docs" / "probers" / "json.md").read_text()
STATS_YAML, SENTRY_YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
[STATS] = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
KINDS = discover()


def write(folder: Path, text: str) -> Path:
    (folder / "secrets").mkdir()
    for name in ("stats", "sentry"):
        (folder / "secrets" / name).touch(0o600)
        (folder / "secrets" / name).write_text("s3cret-of-the-probe")
    file = folder / "rollwatch.yml"
    file.write_text(text)
    return file


def load(folder: Path, text: str) -> Config:
    specs = {name: kind.spec for name, kind in KINDS.items()}
    return load_config(write(folder, text), specs, secrets=SecretStore(folder, {}), location="here")


async def read(config: Config, documents: dict[str, Any]) -> dict[str, float]:
    """The series after each probe has read its document, by what stands in an exposition."""
    store = Store()
    board = Board(store, ManualClock(), location="here")
    board.configure(config)
    for probe in config.probes:
        assert isinstance(probe.spec, JsonSpec)
        plan = DocumentPlan(probe.spec.figures, probe.spec.records, probe.figures)
        content = plan.read(documents[probe.name])
        assert content.found.refused == []
        figures = board.service(probe.service)
        assert figures is not None
        await figures.take_run(probe.name, content.found, content.records)
    found = {}
    for family in store.collect():
        for sample in family.samples:
            labels = [
                f"{k}={v}"
                for k, v in sample.labels.items()
                if k not in {"service", "environment", "location"}
            ]
            found[" ".join([sample.name, *labels])] = sample.value
    return {name: value for name, value in found.items() if not name.startswith("rollwatch_figure_")}


async def test_the_stats_of_the_page_are_read_whole(tmp_path: Path) -> None:
    config = await asyncio.to_thread(load, tmp_path, STATS_YAML)
    assert await read(config, {"stats": STATS}) == {
        "rollwatch_active_users window=day": 1204,
        "rollwatch_active_users window=month": 18950,
        "app_live_streams": 12,
        "app_stream_viewers stream=morning-bell": 310,
        "app_stream_viewers stream=options-101": 88,
        "app_revenue_today": 1234.56,
        "app_reward_claims_total plan=free": 0,
        "app_reward_claims_total plan=pro": 0,
        "rollwatch_payments_total outcome=ok": 0,
        "rollwatch_payments_total outcome=failed": 0,
        "rollwatch_database_reported_query_average_seconds": 0.0125,
    }


def issue(number: int, level: str, count: str) -> dict[str, Any]:
    """As Sentry's API has it (docs.sentry.io/api/events/list-an-organizations-issues)."""
    return {
        "id": str(number),
        "shortId": f"WEB-{number}",
        "level": level,
        "status": "unresolved",
        "count": count,
        "userCount": number,
        "firstSeen": "2018-11-06T21:19:55Z",
        "lastSeen": "2018-11-06T21:19:55Z",
        "title": "This is an example Python exception",
        "project": {"id": "4501", "slug": "web"},
        "stats": {"24h": [[1541455200, 473]]},
    }


async def test_the_sentry_example_counts_issues_and_events(tmp_path: Path) -> None:
    config = await asyncio.to_thread(load, tmp_path, SENTRY_YAML)
    issues = [issue(1, "fatal", "150"), issue(2, "error", "88"), issue(3, "error", "7")]
    issues += [issue(number, "info", "1") for number in range(10, 40)]
    events = {"data": [{"level": "error", "count()": 412}, {"level": "fatal", "count()": 3}], "meta": {}}
    found = await read(config, {"sentry-issues": issues, "sentry-events": events})
    assert found["web_sentry_issues level=fatal"] == 1
    assert found["web_sentry_issues level=error"] == 2
    assert found["web_sentry_issues level=warning"] == 0
    assert found["web_sentry_issue_events issue=WEB-1 level=fatal"] == 150
    assert found["web_sentry_issue_users issue=WEB-3"] == 3
    assert found["web_sentry_events_last_hour level=error"] == 412
    assert sum(name.startswith("web_sentry_issue_events ") for name in found) == 20


def test_the_page_names_every_option() -> None:
    shared = ProbeSpec.model_fields.keys()
    words = {
        field.alias or name
        for spec in (JsonSpec, AnswerExpect, Reading, LabelReading)
        for name, field in spec.model_fields.items()
        if name not in shared
    }
    assert {word for word in words if not re.search(rf"\b{word}\b", PAGE)} == set()


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
async def test_the_command_shows_what_was_read_and_what_was_not(as_json: bool, tmp_path: Path) -> None:
    document = {**STATS, "streams": {"top": STATS["streams"]["top"]}}
    async with serve(Teller(document)) as server:
        text = STATS_YAML.replace("https://api.example.com/api/stats", server.url("/api/stats"))
        file = await asyncio.to_thread(write, tmp_path, text)
        flags = ["--json"] if as_json else []
        process = await asyncio.create_subprocess_exec(
            *ROLLWATCH,
            "probe",
            "app/stats",
            "--config.file",
            str(file),
            *flags,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(os.environ),
        )
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"s3cret" not in output
    if as_json:
        notes = [(note["name"], note["value"]) for note in json.loads(output)["notes"]]
    else:
        assert output.startswith(b"app/stats is UP\n")
        notes = re.findall(r"^  ([a-z]+): (.*)$", output.decode(), re.MULTILINE)
    [shown] = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for name, value in re.findall(r"^  (figure|refused): (.*)$", shown, re.MULTILINE):
        assert (name, value) in notes
