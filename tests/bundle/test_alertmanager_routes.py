"""Every alert that the rule files have reaches whom its priority says, and nobody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollwatch.bundle.posted import POSTED, Posted
from rollwatch.bundle.rules import Severity
from support.alertmanager import amtool, config_of, everything, write_files

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "alertmanager" / "tests" / "golden"
RULES = {
    rule["alert"]: rule["labels"]
    for file in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
P1 = ["rollback-timeline", "events"]
"""Who hears of each P0 and P1, whosever it is."""
EVERYBODY = {
    "P0": [*P1, "pagerduty", "sms", "slack", "email"],
    "P1": [*P1, "slack", "email"],
    "P2": ["events", "slack"],
    "P3": ["events", "slack-batched"],
    "rollback": ["rollback"],
    "escalated P1": [*P1, "pagerduty", "sms", "slack", "email"],
    "escalated P2": ["events", "slack", "email"],
}
SHOP = {
    "P0": [*P1, "pagerduty", "sms", "slack/shop", "email"],
    "P1": [*P1, "slack/shop", "email"],
    "P2": ["events", "slack/shop"],
    "P3": ["events", "slack-batched/shop"],
    "rollback": ["rollback"],
    "escalated P1": [*P1, "email-escalation/shop"],
    "escalated P2": ["events", "slack/shop", "email"],
}
FAILING = {
    ("NotificationsFail", "integration", "slack"): ["email"],
    ("NotificationsFail", "integration", "email"): ["slack"],
    ("NotificationsFail", "integration", "pagerduty"): ["slack", "email"],
    ("NotificationsFail", "integration", "webhook"): ["slack", "email"],
    ("BridgeDeliveriesFail", "channel", "sms"): ["slack", "email"],
    ("BridgeDeliveriesFail", "channel", "digest"): ["slack"],
    ("BridgeDeliveriesFail", "channel", "webhook"): ["slack", "email"],
    ("BridgeDeliveriesFail", "channel", "sentry"): ["slack", "email"],
    ("BridgeDeliveriesFail", "channel", "datadog"): ["slack", "email"],
    ("BridgeDeliveriesFail", "channel", "watchdog"): ["slack", "email"],
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("routes")
    return write_files(config_of(everything("http://127.0.0.1:1", 25), directory), directory)


def _expect(path: Path, receivers: list[str], labels: dict[str, str]) -> None:
    found = amtool(
        "config",
        "routes",
        "test",
        f"--config.file={path}",
        f"--verify.receivers={','.join(receivers)}",
        *(f"{name}={value}" for name, value in labels.items()),
    )
    assert found.returncode == 0, f"{labels} reaches {found.stdout.strip()}, not {','.join(receivers)}"


def _only(notifications: str) -> str:
    return f"""
environment: production
notifications: {{{notifications}}}
services: {{api: {{probes: {{health: {{kind: web, url: "http://127.0.0.1/"}}}}}}}}
"""


def _rank(labels: dict[str, str]) -> str:
    return f"escalated {labels['escalation']}" if "escalation" in labels else labels["priority"]


def _variants(rule: dict[str, Any]) -> list[dict[str, str]]:
    """The labels it can have: a declared figure brings its priority with it."""
    filled = {name: "filled in" if "{{" in value else value for name, value in rule.items()}
    priorities = [rule["priority"]] if "priority" in rule else ["P0", "P1", "P2", "P3"]
    return [filled | {"priority": priority} for priority in priorities]


@pytest.mark.parametrize("name", sorted(set(RULES) - {"Watchdog"}))
def test_an_alert_reaches_whom_its_priority_says(name: str, path: Path) -> None:
    for rule in _variants(RULES[name]):
        for service in ("api", "shop"):
            labels = {"alertname": name, "service": service, "environment": "production"} | rule
            expected = SHOP if labels["service"] == "shop" else EVERYBODY
            _expect(path, expected[_rank(labels)], labels)


@pytest.mark.parametrize("name", sorted(POSTED))
def test_what_the_rollback_handler_says_reaches_whom_its_priority_says(name: Posted, path: Path) -> None:
    """Nobody else, and above all not the handler's own intake of rollback alerts."""
    priority = POSTED[name].priority
    for service, expected in (("api", EVERYBODY), ("shop", SHOP)):
        labels = {
            "alertname": name.value,
            "service": service,
            "environment": "production",
            "priority": priority.value,
            "severity": Severity.of(priority).value,
            "rollback": "event",
            "rollback_id": "rb-018c2d0f9a3e5b1f00c2",
        }
        _expect(path, expected[priority.value], labels)


@pytest.mark.parametrize(("alert", "label", "value"), FAILING)
def test_that_a_channel_fails_is_told_by_another(alert: str, label: str, value: str, path: Path) -> None:
    labels = {"alertname": alert, label: value, "service": "rollwatch", "priority": "P1"}
    _expect(path, [*P1, *FAILING[alert, label, value]], labels)


@pytest.mark.parametrize("priority", ["P0", "P1", "P2", "P3"])
def test_a_test_alert_takes_the_way_of_a_real_one(priority: str, path: Path) -> None:
    for service, expected in (("", EVERYBODY), ("shop", SHOP)):
        labels = {"alertname": "T", "test": "true", "priority": priority, "service": service}
        _expect(path, expected[priority], labels)


def test_the_watchdog_goes_to_the_bridge_only(path: Path) -> None:
    _expect(path, ["watchdog"], {"alertname": "Watchdog", "severity": "none", "service": "rollwatch"})


def test_an_alert_of_somebody_elses_rules_is_heard_of(path: Path) -> None:
    _expect(path, ["slack"], {"alertname": "Theirs", "severity": "critical"})
    _expect(path, ["slack/shop"], {"alertname": "Theirs", "severity": "critical", "service": "shop"})


@pytest.mark.parametrize(
    ("notifications", "expected"),
    [
        (
            "slack: {webhook_file: s}",
            {
                "P0": ["slack"],
                "P1": ["slack"],
                "P2": ["slack"],
                "P3": ["slack-batched"],
                "rollback": ["nobody"],
            },
        ),
        (
            "pagerduty: {routing_key_file: p}",
            {"P0": ["pagerduty"], "P1": ["pagerduty"], "P2": ["nobody"], "P3": ["nobody"]},
        ),
        (
            "email: {to: [a@example.com]}, mail: {smarthost: 'smtp.example.com:25', from: b@example.com}",
            {"P0": ["email"], "P1": ["email"], "P2": ["email"], "P3": ["email-batched"]},
        ),
        (
            "slack: {webhook_file: s}, escalation: {slack: {webhook_file: t}}",
            {"P0": ["slack"], "escalated P1": ["slack-escalation"]},
        ),
    ],
)
def test_where_channels_are_missing_the_next_best_is_told(
    notifications: str, expected: dict[str, list[str]], tmp_path: Path
) -> None:
    path = write_files(config_of(_only(notifications), tmp_path), tmp_path)
    for rank, receivers in expected.items():
        labels = {"alertname": "A", "service": "api", "priority": rank.removeprefix("escalated ")}
        if rank == "rollback":
            labels["rollback"] = "auto"
        if rank.startswith("escalated"):
            labels["escalation"] = labels["priority"]
        _expect(path, receivers, labels)


def test_the_only_channel_is_told_of_its_own_trouble(tmp_path: Path) -> None:
    """Nobody else is there, and it may work again by then."""
    path = write_files(config_of(_only("slack: {webhook_file: s}"), tmp_path), tmp_path)
    _expect(path, ["slack"], {"alertname": "NotificationsFail", "integration": "slack", "priority": "P1"})


def test_the_tree_is_as_it_was(path: Path) -> None:
    shown = amtool("config", "routes", "show", f"--config.file={path}")
    assert shown.returncode == 0, shown.stderr
    # Older versions draw with spaces that don't break.
    tree = shown.stdout.replace("\u00a0", " ").rstrip() + "\n"
    golden = GOLDEN / "routes.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(tree, "utf-8")
    assert tree == golden.read_text("utf-8"), "if this is wanted, run the test with UPDATE_GOLDEN=1"
