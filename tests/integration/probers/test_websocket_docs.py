"""What docs/probers/websocket.md shows can be loaded and asked, and says what it is said to say."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.config.secrets import SecretStore
from rollwatch.probers import discover
from rollwatch.probers._ws_metrics import METRICS, PHASES
from rollwatch.probers._ws_spec import ExpectSpec, PingSpec, WebSocketSpec
from rollwatch.probers.websocket import KIND

PAGE = (Path(__file__).parents[3] / "docs" / "probers" / "websocket.md").read_text()
QUERIES = re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_loads_as_it_stands(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "rollwatch.yml"
    file.write_text(example)
    kinds = {name: kind.spec for name, kind in discover().items()}
    config = load_config(file, kinds, secrets=SecretStore(tmp_path, {"FEED_TOKEN": "x"}), location=None)
    assert [probe.spec.mode for probe in config.probes] == ["connect", "watch"]


def test_the_page_names_every_option_metric_and_reason_of_its_own() -> None:
    fields = [
        (field.alias or name, name)
        for spec in (WebSocketSpec, ExpectSpec, PingSpec)
        for name, field in spec.model_fields.items()
    ]
    words = {alias for alias, name in fields if name not in ProbeSpec.model_fields}
    words |= {metric.name for metric in (*METRICS, PHASES)}
    words |= {reason.value for reason in KIND.reasons - discover()["http"].reasons}
    assert {word for word in words if not re.search(rf"\b{word}\b", PAGE)} == set()


def test_every_query_is_promql_about_metrics_there_are(tmp_path: Path) -> None:
    names = {metric.name for metric in METRICS}
    suffixes = re.compile(r"_(bucket|sum|count)$")
    asked = {suffixes.sub("", word) for query in QUERIES for word in re.findall(r"rollwatch_\w+", query)}
    assert asked <= names
    rules = [{"record": f"q:{number}", "expr": query} for number, query in enumerate(QUERIES)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "page", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


LABELS = 'service="api",environment="prod",probe="feed",location="l"'
P = "rollwatch_websocket_"
ANSWERS = {
    # 2 abnormal of: 1 open at the start of the hour, 3 opened in it.
    "Disconnect ratio": (
        "1h",
        {
            f'{P}closes_total{{{LABELS},code="1006"}}': "0x60 0x29 2x30",
            f'{P}closes_total{{{LABELS},code="1000"}}': "0x60 0x29 1x30",
            f"{P}sessions_opened_total{{{LABELS}}}": "1x60 1x29 4x30",
            f"{P}session_open{{{LABELS}}}": "1x120",
        },
        0.5,
    ),
    # The feed last spoke at minute 1, is 30 s behind its limit of 60 s at 2 min 30 s.
    "Feed staleness": (
        "150s",
        {
            f'{P}last_message_timestamp_seconds{{{LABELS},channel="all"}}': "0 60x10",
            f"{P}stale_after_seconds{{{LABELS}}}": "60x10",
        },
        90.0,
    ),
    "Connect success ratio": (
        "15m",
        {
            f'{P}connects_total{{{LABELS},outcome="ok"}}': "0+3x15",
            f'{P}connects_total{{{LABELS},outcome="failed"}}': "0+1x15",
            f'{P}connects_total{{{LABELS},outcome="undecided"}}': "0+9x15",
        },
        0.75,
    ),
}


@pytest.mark.parametrize("heading", ANSWERS)
def test_a_query_answers_what_the_page_says(heading: str, tmp_path: Path) -> None:
    at, series, expected = ANSWERS[heading]
    after = PAGE[PAGE.index("## Asking Prometheus") :]
    query = re.search(rf"^{heading}.*?```promql\n(.*?)```", after, re.DOTALL | re.MULTILINE)
    assert query is not None
    own = ',channel="all"' if heading == "Feed staleness" else ""
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"round({query[1].strip()}, 0.01)",
                "eval_time": "2h" if at == "1h" else at,
                "exp_samples": [
                    {
                        "labels": '{service="api",environment="prod",probe="feed"' + own + "}",
                        "value": expected,
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
