"""The rules on databases read what postgres_exporter shows: Debian's, and a newer one if it is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bundle.foreign_metrics import FOREIGN
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics.database import topic
from support.postgres_lab import DEPLOYED, postgres_lab
from support.processes import wait_for

_SELECTED = re.compile(r"(pg_\w+)\{")
_BY = re.compile(r"by \(([^)]*)\) \((?:rate|increase)?\(?(pg_\w+)")
_OURS = {"service", "environment", "instance"}
"""Labels that the target has, not the exporter."""


def _shown(text: str) -> dict[str, set[str]]:
    """The labels each metric has on some series."""
    shown: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(pg_\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        shown.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return shown


@pytest.mark.parametrize("exporter", ["prometheus-postgres-exporter", "postgres_exporter"])
def test_every_metric_and_label_that_rules_read_is_shown(exporter: str, tmp_path: Path) -> None:
    if shutil.which(exporter) is None:
        pytest.skip(f"{exporter} is not on the PATH: no package of this system has it")
    expressions = [recording.expr for recording in topic(Settings()).recordings]
    read = {name for expr in expressions for name in _SELECTED.findall(expr)}
    read |= {name for expr in expressions for name in re.findall(r"\bpg_\w+", expr)}
    grouped = [
        (name, {label.strip() for label in labels.split(",")} - _OURS)
        for expr in expressions
        for labels, name in _BY.findall(expr)
    ]
    assert read <= FOREIGN
    assert len(grouped) >= 10

    with postgres_lab(tmp_path, exporter=exporter) as lab:
        shown = wait_for(
            lambda: found if read <= set(found := _shown(lab.metrics())) else None,
            f"{exporter} to show what the rules read",
        )
        output = lab.processes[0].output

    assert [(name, labels - shown[name]) for name, labels in grouped if labels - shown[name]] == []
    assert "Pa55" not in output


def test_nobody_can_read_a_password_in_what_is_deployed() -> None:
    for path in DEPLOYED.rglob("*"):
        if path.is_file():
            assert not re.search(r"PASSWORD\s+'", path.read_text("utf-8")), path
