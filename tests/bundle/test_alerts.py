"""Every alert is whole: labels, words, links, runbook, documentation, and tests that assert all of it."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from mutants.rules import case_files, load_groups, seconds
from rollwatch.bundle.posted import POSTED, Posted
from rollwatch.bundle.rule_files import rule_files
from rollwatch.bundle.rules import Alert, Dashboard
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics
from rollwatch.config.thresholds import THRESHOLDS, Priority

ROOT = Path(__file__).parents[2]
GROUPS = load_groups()
CASES = case_files()
TOPICS = topics(Settings())
ALERTS: dict[str, Alert] = {alert.name: alert for topic in TOPICS for alert in topic.alerts}
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in GROUPS.values() for rule in group["rules"] if "alert" in rule
}
SEVERITIES = {"P0": "critical", "P1": "warning", "P2": "warning", "P3": "info", "rollback": "none"}
HEADINGS = [
    "First: roll back, fix, or watch",
    "What you see",
    "At once",
    "Diagnosis",
    "Mend",
    "Is it over",
    "Afterwards",
]

every_alert = pytest.mark.parametrize("name", sorted(ALERTS))
every_posted = pytest.mark.parametrize("name", sorted(POSTED))
every_one = pytest.mark.parametrize("name", sorted({*ALERTS, *POSTED}))


def _tests() -> list[dict[str, Any]]:
    return [test for file in CASES for test in file.document["tests"]]


def _cases(name: str) -> list[dict[str, Any]]:
    """What the tests say of the alert, moment by moment."""
    return [
        case for test in _tests() for case in test.get("alert_rule_test", []) if case["alertname"] == name
    ]


def test_names_of_alerts_are_given_once() -> None:
    assert len(ALERTS) == sum(len(topic.alerts) for topic in TOPICS) == len(RULES)
    assert set(ALERTS) & set(POSTED) == set()


def test_no_test_is_about_an_alert_that_is_not_there() -> None:
    """promtool passes a test that expects nothing of an alert nobody wrote."""
    named = {case["alertname"] for test in _tests() for case in test.get("alert_rule_test", [])}
    assert named - set(ALERTS) == set()


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.path.name)
def test_a_test_file_loads_what_it_is_about(file: Any) -> None:
    paths = [(file.path.parent / name).resolve() for name in file.document["rule_files"]]
    assert [path for path in paths if not path.is_file()] == []
    loaded = {group["name"] for path in paths for group in yaml.safe_load(path.read_text())["groups"]}
    assert set(file.groups) <= loaded
    about = {case["alertname"] for test in file.document["tests"] for case in test.get("alert_rule_test", [])}
    known = {rule.get("alert") for name in file.groups for rule in GROUPS[name]["rules"]}
    assert about <= known


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.path.name)
def test_samples_and_questions_lie_off_the_grid(file: Any) -> None:
    """At the edge of a range Prometheus 2 and 3 differ; between two evaluations nothing is on an edge."""
    step = seconds(file.document["evaluation_interval"])
    for test in file.document["tests"]:
        assert seconds(test["interval"]) % step != 0, test["name"]
        for case in (*test.get("alert_rule_test", []), *test.get("promql_expr_test", [])):
            assert seconds(case["eval_time"]) % step != 0, (test["name"], case["eval_time"])


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.path.name)
def test_values_mean_the_same_to_every_reader_of_yaml(file: Any) -> None:
    """An unquoted 0x60 is sixty zeros to promtool and ninety-six to others."""
    wrong = [
        series["series"]
        for test in file.document["tests"]
        for series in test["input_series"]
        if not isinstance(series["values"], str)
    ]
    assert wrong == []


@every_alert
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_just_does_not(name: str) -> None:
    assert any(case["exp_alerts"] for case in _cases(name)), "no test sees it fire"
    assert name == "Watchdog" or any(_sees_it_not_fire(test, name) for test in _tests()), (
        "no test sees it not fire"
    )


def _sees_it_not_fire(test: dict[str, Any], name: str) -> bool:
    """Whether at some moment nothing fires, or less than at another, or not for all that could."""
    cases = [case for case in test.get("alert_rule_test", []) if case["alertname"] == name]
    found = [[alert["exp_labels"] for alert in case["exp_alerts"]] for case in cases]
    there = str(test["input_series"])
    return any(
        not fires
        or fires != found[0]
        or any(
            set(re.findall(rf'\b{label}="([^"]+)"', there)) - {labels[label] for labels in fires}
            for label in fires[0]
        )
        for fires in found
    )


@every_alert
def test_what_fires_is_asserted_in_full(name: str) -> None:
    told = set(RULES[name]["annotations"])
    for case in _cases(name):
        for expected in case["exp_alerts"]:
            assert set(expected["exp_annotations"]) == told
            for text in ("summary", "description"):
                assert expected["exp_annotations"][text]
                assert not re.search(r"<no value>|<error|\{\{|%!", expected["exp_annotations"][text])


@every_alert
def test_an_alert_says_how_bad_it_is(name: str) -> None:
    labels = RULES[name]["labels"]
    if "priority" in labels:
        expected = "critical" if labels.get("escalation") == "P1" else SEVERITIES[labels["priority"]]
        assert labels["severity"] == expected
    else:
        # The watchdog tells nobody; a declared figure has the priority its owner gave it.
        assert name in {"Watchdog", "FigureBeyondLimit"}
        assert labels["severity"]
    assert (labels.get("rollback") == "auto") == (labels.get("priority") == "rollback")


@every_alert
def test_an_alert_has_a_limit_and_words_for_it(name: str) -> None:
    alert = ALERTS[name]
    if alert.threshold is not None:
        assert alert.priority is not None
        assert alert.priority in THRESHOLDS[alert.threshold].defaults
    else:
        assert alert.limit, "neither a row of the table nor a limit in words"
    assert alert.condition
    assert not alert.condition.endswith(".")
    assert re.sub(r"\{\{[^}]*\}\}", "", alert.description).endswith(".")
    assert not alert.summary.endswith(".")


@every_alert
def test_an_alert_links_to_its_runbook_and_a_dashboard(name: str) -> None:
    told = RULES[name]["annotations"]
    assert f"/{name}.md" in told["runbook_url"]
    assert any(f"/d/{dashboard}?" in told["dashboard_url"] for dashboard in Dashboard)


@every_alert
def test_a_rollback_alert_names_what_people_get(name: str) -> None:
    alert = ALERTS[name]
    assert (alert.twin is not None) == (RULES[name]["labels"].get("rollback") == "auto")
    if alert.twin is not None:
        assert alert.twin in ALERTS
        assert ALERTS[alert.twin].twin is None


@every_one
def test_an_alert_has_a_runbook(name: str) -> None:
    path = ROOT / f"docs/runbooks/{name}.md"
    assert path.is_file(), "docs/runbooks has none"
    text = path.read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    found = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading for heading in HEADINGS if not any(one.startswith(heading) for one in found)] == []


def test_no_runbook_is_about_an_alert_that_is_not_there() -> None:
    assert {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} - {"README"} == {*ALERTS, *POSTED}


@every_one
def test_an_alert_has_a_row_in_the_documentation(name: str) -> None:
    rows = re.findall(rf"^\| `{name}` \|.*$", (ROOT / "docs/alerts.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 1


def test_all_that_the_handler_says_can_be_posted() -> None:
    assert set(POSTED) == set(Posted)


@every_posted
def test_what_the_handler_says_is_whole(name: Posted) -> None:
    alert = POSTED[name]
    assert alert.priority.value in SEVERITIES
    assert alert.priority is not Priority.ROLLBACK, "it is for people"
    assert alert.lasts_s >= 0
    assert alert.condition
    assert not alert.condition.endswith(".")


@every_posted
def test_texts_of_what_the_handler_says_render(name: Posted) -> None:
    """With words of the kind the handler puts in, which may hold braces."""
    alert = POSTED[name]
    words = {
        "service": "api",
        "environment": "production",
        "bad": "1.5.0 {x}",
        "target": "1.4.2",
        "why": "Guard {y} says so.",
    }
    for text in (alert.summary, alert.description):
        used = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
        assert used <= set(words)
        assert text.format(**words)
    assert {"api (production)"} <= set(re.findall(r"api \(production\)", alert.summary.format(**words)))
    assert "{bad}" in alert.summary, "the headline says which release"
    assert not alert.summary.endswith(".")
    assert alert.description.format(**words).endswith(".")
    assert "{why}" in alert.description


@every_posted
def test_no_escalation_is_promised_of_what_no_rule_raises(name: Posted) -> None:
    for page in ("docs/alerts.md", f"docs/runbooks/{name}.md"):
        rows = re.findall(
            rf"^\| (?:who hears|`{name}`) \|.*$", (ROOT / page).read_text("utf-8"), re.MULTILINE
        )
        assert len(rows) == 1, page
        assert "after an hour" not in rows[0]


def test_every_threshold_is_judged_once_and_used() -> None:
    judged = [each.threshold for topic in TOPICS for each in topic.judged]
    assert sorted(judged) == sorted(THRESHOLDS)
    expressions = " ".join(rule["expr"] for rule in RULES.values())
    for row in THRESHOLDS.values():
        for priority in row.defaults:
            series = f'rollwatch:threshold{{threshold="{row.id}",priority="{priority}"}}'
            assert series in expressions, f"no alert judges by {series}"


def test_a_duration_is_changed_for_one_installation() -> None:
    changed = Settings(window="10m", holds={"HealthDown": "2m"})
    files = rule_files(topics(changed), changed)
    (rule,) = [
        rule
        for group in yaml.safe_load(files["alerts-health.yml"])["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "HealthDown"
    ]
    assert rule["for"] == "2m"
    assert "[10m]" in files["sli.yml"]
    assert "[10m]" not in rule_files(topics(Settings()), Settings())["sli.yml"]
