"""The linter of dashboards: what is committed is clean, and every rule can fail."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollwatch.bundle.rules import Dashboard
from rollwatch.bundle.settings import Settings
from rollwatch_dashboards import application
from rollwatch_dashboards.lint.check import RULES, findings, findings_of
from rollwatch_dashboards.lint.finding import panels_of
from rollwatch_dashboards.lint.known import known

ROOT = Path(__file__).parents[2]
KNOWN = known()
GOOD: dict[str, Any] = json.loads(application.board().json(Settings()))
Board = dict[str, Any]


def panel(board: Board, kind: str) -> Any:
    return next(one for one in panels_of(board) if one["type"] == kind)


def target(board: Board) -> dict[str, Any]:
    found: dict[str, Any] = panel(board, "timeseries")["targets"][0]
    return found


def variable(board: Board, name: str) -> dict[str, Any]:
    return next(one for one in board["templating"]["list"] if one["name"] == name)


def expr(text: str) -> Callable[[Board], object]:
    return lambda board: target(board).update(expr=text)


def link(url: str) -> Callable[[Board], object]:
    def change(board: Board) -> None:
        panel(board, "timeseries")["fieldConfig"]["defaults"]["links"][0]["url"] = url

    return change


CHOSEN = 'environment=~"$environment",service=~"$service"'
KEPT = "${datasource:queryparam}&${environment:queryparam}&${__url_time_range}"
BROKEN: list[tuple[str, Callable[[Board], object]]] = [
    ("uneditable-dashboard", lambda board: board.update(editable=True)),
    ("template-datasource", lambda board: variable(board, "datasource").update(name="ds")),
    ("template-on-time-change-reload", lambda board: variable(board, "service").update(refresh=1)),
    ("template-choice", lambda board: variable(board, "service").update(allValue=".*")),
    ("template-choice", lambda board: variable(board, "environment").update(name="env")),
    ("template-label-promql", lambda board: variable(board, "service").update(query="services()")),
    ("dashboard-identity", lambda board: board.update(uid="mine")),
    ("dashboard-identity", lambda board: board.update(__inputs=[{"name": "DS"}])),
    ("dashboard-identity", lambda board: board.update(schemaVersion=12)),
    ("dashboard-identity", lambda board: board["timepicker"].update(refresh_intervals=["1m"])),
    ("dashboard-annotations", lambda board: board["annotations"]["list"].pop(0)),
    ("dashboard-annotations", lambda board: board["annotations"]["list"][1].update(enable=False)),
    ("panel-datasource", lambda board: target(board).update(datasource={"uid": "prometheus"})),
    ("panel-datasource", lambda board: board["annotations"]["list"][0].update(datasource=None)),
    ("panel-kind", lambda board: panel(board, "heatmap").update(type="grafana-clock-panel")),
    ("panel-place", lambda board: panel(board, "heatmap").update(id=1)),
    ("panel-place", lambda board: panel(board, "heatmap")["gridPos"].update(w=30)),
    ("panel-place", lambda board: panel(board, "heatmap")["gridPos"].update(y=0)),
    ("panel-title-description", lambda board: panel(board, "stat").update(description="")),
    ("panel-units", lambda board: panel(board, "stat")["fieldConfig"]["defaults"].update(unit="furlongs")),
    ("panel-units", lambda board: panel(board, "stat")["fieldConfig"]["defaults"].pop("unit")),
    ("panel-no-value", lambda board: panel(board, "stat")["fieldConfig"]["defaults"].pop("noValue")),
    ("panel-no-targets", lambda board: panel(board, "stat").update(targets=[])),
    ("panel-links", link(f"/d/rollwatch-nowhere?{KEPT}")),
    ("panel-links", link("/d/rollwatch-home")),
    ("panel-links", link("${runbooks_url}/NoSuchAlert.md")),
    ("dashboard-links", lambda board: board.update(links=[])),
    ("dashboard-links", lambda board: board["links"][0].update(keepTime=False)),
    ("target-promql", expr("sum(")),
    ("target-rate-interval", expr(f"rate(rollwatch_payments_total{{{CHOSEN}}}[1m])")),
    ("target-counter-agg", expr(f"sum(rollwatch_payments_total{{{CHOSEN}}})")),
    ("target-chosen", expr('service:http_errors:ratio{environment=~"$environment"}')),
    ("target-chosen", expr("sum by (service) (probe_success)")),
    ("target-known", expr(f"service:no_such:ratio{{{CHOSEN}}}")),
    ("target-known", expr(f'probe_success{{{CHOSEN},instance=~".+",colour="red"}}')),
    ("target-known", expr(f'service:http_errors:ratio{{{CHOSEN},endpoint="/"}}')),
    ("target-threshold", expr(f'rollwatch:threshold{{{CHOSEN},threshold="no_such"}}')),
    ("target-legend", lambda board: target(board).update(legendFormat="{{colour}}")),
    ("panel-column", lambda board: panel(board, "table")["targets"][0].update(expr=f"sum(up{{{CHOSEN}}})")),
]


def test_a_good_dashboard_has_no_findings() -> None:
    assert list(findings_of(GOOD, KNOWN)) == []


@pytest.mark.parametrize(("rule", "change"), BROKEN, ids=lambda one: one if isinstance(one, str) else "")
def test_a_fault_is_found_by_its_rule(rule: str, change: Callable[[Board], object]) -> None:
    board = copy.deepcopy(GOOD)
    change(board)

    assert rule in {finding.rule for finding in findings_of(board, KNOWN)}


def test_every_rule_is_seen_to_fail() -> None:
    names = {rule.__name__.replace("_", "-") for rule in RULES}
    assert names <= {name for name, _ in BROKEN}


def test_a_dashboard_that_is_missing_or_there_twice_is_found() -> None:
    found = [finding.what for _, finding in findings({"one": GOOD, "two": GOOD}, KNOWN)]

    assert f"there is no dashboard {Dashboard.HOME}" in found
    assert f"{Dashboard.APPLICATION} is there twice" in found
    assert f"{GOOD['title']} is there twice" in found


def test_what_is_committed_is_clean_and_is_what_the_source_makes() -> None:
    for tool in (["dashboards_lint.py"], ["dashboards.py", "--check"]):
        done = subprocess.run(
            [sys.executable, str(ROOT / "tools" / tool[0]), *tool[1:]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
