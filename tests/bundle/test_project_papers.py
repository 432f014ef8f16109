"""The papers say what is so: links lead somewhere, examples are valid, flags and codes are the program's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from rollwatch.cli.exits import Exit
from rollwatch.exporter.metric_sections import metric_sections
from rollwatch.metrics.catalogue import catalogue
from rollwatch.probers import discover
from support.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PAPERS = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()
PROMETHEUS = (ROOT / "docs/prometheus.md").read_text()

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_SUFFIXES = ("_bucket", "_count", "_sum")


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(paper: Path) -> None:
    targets = [link for link in _LINK.findall(paper.read_text()) if "://" not in link]
    assert [link for link in targets if not (paper.parent / link).exists()] == []


def test_the_readmes_configuration_is_well(tmp_path: Path) -> None:
    (example,) = [block for block in _blocks(README, "yaml") if "services:" in block]
    (tmp_path / "rollwatch.yml").write_text(example)
    done = _rollwatch("check-config", "rollwatch.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readmes_mistakes_are_said_as_it_shows(tmp_path: Path) -> None:
    (tmp_path / "rollwatch.yml").write_text(
        "environment: production\nlocation: fra1\nservices:\n  api:\n    owner: backend\n    probes:\n"
        "      health: {kind: htpp, url: https://api.example.com/health}\n"
        '      feed: {kind: websocket, url: "wss://api.example.com/feed", timout: 5s}\n'
    )
    done = _rollwatch("check-config", "rollwatch.yml", cwd=tmp_path)
    assert done.returncode == 2
    shown = done.stderr.strip().splitlines()
    assert len(shown) == 2
    for line in shown:
        assert line in README


def test_the_demo_takes_what_the_readme_pushes() -> None:
    (pushed,) = re.findall(r"--data '(.*)'$", README, re.MULTILINE)
    (value,) = json.loads(pushed)["metrics"]
    demo = yaml.safe_load((ROOT / "exporter/rollwatch/demo/rollwatch.yml").read_text())
    figure = demo["services"]["api"]["figures"][value["name"]]
    assert figure["type"] == "counter"
    assert value["add"] > 0
    assert {name: text in figure["labels"][name] for name, text in value["labels"].items()} == {"plan": True}


def test_the_readme_names_every_command() -> None:
    named = re.findall(r"^\| `rollwatch ([a-z-]+)", README, re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)


def test_the_readmes_flags_and_defaults_are_the_exporters() -> None:
    documented = dict(re.findall(r"^\| `(--[a-z.-]+)` \| (?:`([^`]*)`)?", README, re.MULTILINE))
    options = {
        option.opts[0]: option for option in COMMANDS["exporter"].params if isinstance(option, click.Option)
    }
    options.pop("--help", None)
    assert set(documented) == set(options)
    for flag, default in documented.items():
        if default:
            assert str(options[flag].default) == default, flag


def test_the_readmes_exit_codes_are_the_programs() -> None:
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert documented == {code.value for code in Exit}


@pytest.mark.parametrize(
    "block",
    [block for text in (README, PROMETHEUS) for block in _blocks(text, "yaml") if "scrape_configs" in block],
    ids=["README", "one exporter", "several with TLS and a token"],
)
def test_prometheus_accepts_the_scrape_job(block: str, tmp_path: Path) -> None:
    assert shutil.which("promtool"), "run `make test`, which installs what the tests need"
    for path in re.findall(r"/etc/prometheus/[a-z-]+(?:\.pem)?", block):
        local = tmp_path / Path(path).name
        local.write_text("")
        block = block.replace(path, str(local))
    config = tmp_path / "prometheus.yml"
    config.write_text(block)
    done = subprocess.run(
        ["promtool", "check", "config", str(config)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = yaml.safe_load(block)["scrape_configs"]
    assert job["honor_labels"] is True


def _queries() -> list[str]:
    cells = re.findall(r"^\| [^|`]+ \| `((?:[^`])*)` \|$", PROMETHEUS, re.MULTILINE)
    return [cell.replace("\\|", "|") for cell in cells]


def test_prometheus_understands_the_queries(tmp_path: Path) -> None:
    queries = _queries()
    assert len(queries) >= 15
    _check_rules(_as_rules(queries), tmp_path)


@pytest.mark.parametrize("paper", ["docs/signals.md", "docs/browser.md", "docs/logs.md"])
def test_prometheus_understands_what_the_pages_on_signals_ask(paper: str, tmp_path: Path) -> None:
    blocks = _blocks((ROOT / paper).read_text(), "promql")
    queries = [query for block in blocks for query in re.split(r"\n(?=[a-z])", block)]
    assert queries
    _check_rules(_as_rules(queries), tmp_path)


def test_prometheus_takes_the_recording_rule_for_metrics_of_ones_own(tmp_path: Path) -> None:
    blocks = _blocks((ROOT / "docs/signals.md").read_text(), "yaml")
    (rules,) = [block for block in blocks if "groups:" in block]
    _check_rules(rules, tmp_path)


def _as_rules(queries: list[str]) -> str:
    rules: list[dict[str, Any]] = [
        {"record": f"q{number}", "expr": expr} for number, expr in enumerate(queries)
    ]
    return yaml.safe_dump({"groups": [{"name": "docs", "rules": rules}]})


def _check_rules(text: str, folder: Path) -> None:
    path = folder / "rules.yml"
    path.write_text(text)
    command = ["promtool", "check", "rules", "--lint-fatal", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "paper",
    [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "docs/prometheus.md",
        "docs/signals.md",
        "docs/browser.md",
        "docs/push.md",
        "docs/trading.md",
        "docs/logs.md",
        "docs/probers/json.md",
    ],
)
def test_every_metric_that_is_named_exists(paper: str) -> None:
    others = [metric for metrics in metric_sections().values() for metric in metrics]
    known = {metric.name for metric in catalogue(discover().values(), others)}
    known |= {name + suffix for name in known for suffix in _SUFFIXES}
    named = set(re.findall(r"\b(?:probe|rollwatch)_[a-z0-9_]+\b", (ROOT / paper).read_text()))
    assert {name for name in named if not name.endswith("_")} - known == set()


def _rollwatch(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rollwatch", *argv]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=30, check=False)
