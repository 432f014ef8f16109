"""The tool that lets time pass faster changes durations, all of them, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from support.compressed import divided, durations_in, expression, prometheus_config, routes, rule_file

REPO = Path(__file__).parents[3]
RULES = sorted((REPO / "prometheus/rules").glob("*.yml"))
ANY_DURATION = re.compile(r"\b\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*\b")


@pytest.mark.parametrize(
    ("text", "factor", "result"),
    [
        ("5m", 20, "15000ms"),
        ("1h30m", 10, "540000ms"),
        ("0s", 20, "0s"),
        ("1ms", 20, "1ms"),
        ("1w", 20, "30240000ms"),
        ("45s", 15, "3000ms"),
    ],
)
def test_a_duration_is_divided(text: str, factor: float, result: str) -> None:
    assert divided(text, factor) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("rate(a[5m]) > 5", "rate(a[30000ms]) > 5"),
        ("sum(rate(a[1h] offset 1w))", "sum(rate(a[360000ms] offset 60480000ms))"),
        ("max_over_time(a[1h:5m]) - a offset -5m", "max_over_time(a[360000ms:30000ms]) - a offset -30000ms"),
        ("a{range=\"[5m]\",b='offset 5m'} > 300", "a{range=\"[5m]\",b='offset 5m'} > 300"),
        ("a:ratio_1h > 5 # over [5m]\n/ b[10s]", "a:ratio_1h > 5 # over [5m]\n/ b[1000ms]"),
    ],
)
def test_an_expression_keeps_everything_but_its_durations(text: str, result: str) -> None:
    assert expression(text, 10) == result


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_no_duration_of_a_shipped_rule_is_missed(path: Path) -> None:
    before, after = yaml.safe_load(path.read_text()), yaml.safe_load(rule_file(path.read_text(), 20))

    for group, divided_group in zip(before["groups"], after["groups"], strict=True):
        for rule, other in zip(group["rules"], divided_group["rules"], strict=True):
            durations = durations_in(rule["expr"])
            bare = re.sub(r'"(?:\\.|[^"\\])*"', '""', rule["expr"])
            assert sorted(durations) == sorted(ANY_DURATION.findall(bare)), rule["expr"]
            assert durations_in(other["expr"]) == [divided(each, 20) for each in durations]
            blank = expression(rule["expr"], 1e12)
            assert expression(other["expr"], 1e12) == blank
            assert other.get("for") == (divided(rule["for"], 20) if "for" in rule else None)
            assert {**other, "expr": "", "for": ""} == {**rule, "expr": "", "for": ""}


def test_the_shipped_routes_differ_in_their_waits_only() -> None:
    text = (REPO / "alertmanager/alertmanager.yml").read_text()
    shadow = {"webhook_configs": [{"url": "http://127.0.0.1:1/"}]}
    before, after = yaml.safe_load(text), yaml.safe_load(routes(text, 20, lambda _: shadow))

    def waits(route: dict) -> list[str]:
        found = [
            route.pop(key) for key in ("group_wait", "group_interval", "repeat_interval") if key in route
        ]
        return found + [wait for child in route.get("routes", ()) for wait in waits(child)]

    assert waits(after["route"]) == [divided(wait, 20) for wait in waits(before["route"])]
    for receiver in after["receivers"]:
        assert receiver["webhook_configs"].pop() == shadow["webhook_configs"][0]
        if not receiver["webhook_configs"]:
            del receiver["webhook_configs"]
    assert after == before


def test_scrapes_and_evaluations_come_faster() -> None:
    text = """
global: {scrape_interval: 15s, evaluation_interval: 15s}
scrape_configs: [{job_name: a, scrape_interval: 1m}]
"""

    assert yaml.safe_load(prometheus_config(text, 20)) == {
        "global": {"scrape_interval": "750ms", "evaluation_interval": "750ms"},
        "scrape_configs": [{"job_name": "a", "scrape_interval": "3000ms"}],
    }
