"""alertmanager.yml: valid for every configuration, free of secrets, and as the committed file says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollwatch.bridge.intake import BODY_MAX
from rollwatch.bundle.alertmanager import alertmanager_files
from support.alertmanager import amtool, config_of, everything, write_files

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "alertmanager"
QUIET = 'quiet_hours: {from: "22:00", to: "07:00", time_zone: Europe/Berlin}'
SERVICE = """
services:
  api:
    probes: {health: {kind: web, url: "http://127.0.0.1/"}}
"""
ONLY_SLACK = "notifications: {slack: {webhook_file: secrets/slack}}"
CONFIGS = {
    "nothing": "",
    "slack": ONLY_SLACK,
    "pager": "notifications: {pagerduty: {routing_key_file: secrets/pagerduty}}",
    "mail": """
notifications:
  email: {to: ["odd{{name}}@example.com"]}
  mail: {smarthost: "smtp.example.com:465", from: a@example.com, username: u, password_file: secrets/smtp}
""",
    "own": ONLY_SLACK + SERVICE + "    notifications: {slack: {webhook_file: secrets/api, channel: '#api'}}",
    "only-own": SERVICE.lstrip() + "    notifications: {slack: {webhook_file: secrets/api}}",
    "everything": everything("http://127.0.0.1:1", 25, f"  {QUIET}"),
}


def _config(name: str, directory: Path) -> Any:
    text = CONFIGS[name]
    if "services:" not in text:
        text += SERVICE
    if "environment:" not in text:
        text = "environment: production\n" + text
    return config_of(text, directory)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_configuration_gives_one_that_alertmanager_takes(name: str, tmp_path: Path) -> None:
    path = write_files(_config(name, tmp_path), tmp_path)
    checked = amtool("check-config", str(path))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    text = path.read_text()
    assert _unknown_receivers(yaml.safe_load(text)) == set()


def test_the_committed_files_are_what_the_code_writes() -> None:
    for name, text in alertmanager_files(None).items():
        assert (ROOT / name).read_text("utf-8") == text, f"{name}: run 'make docs' and commit it"


def test_the_committed_files_are_good() -> None:
    checked = amtool("check-config", str(SHIPPED / "alertmanager.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "1 templates" in checked.stdout


def test_no_receiver_is_named_that_is_not_there_and_none_is_there_in_vain(tmp_path: Path) -> None:
    document = yaml.safe_load(write_files(_config("everything", tmp_path), tmp_path).read_text())
    assert _unknown_receivers(document) == set()
    there = {receiver["name"] for receiver in document["receivers"]}
    assert there == _named(document["route"])


def test_secrets_stand_in_files_only(tmp_path: Path) -> None:
    text = write_files(_config("everything", tmp_path), tmp_path).read_text()
    assert not re.search(
        r"\b(api_url|routing_key|service_key|smtp_auth_password|credentials|password):", text
    )
    for secret in ("a-token-of-forty", "of-the-account"):
        assert secret not in text


def test_secrets_can_be_given_whole_paths() -> None:
    text = alertmanager_files(None, directory="/etc/alertmanager")["alertmanager/alertmanager.yml"]
    files = re.findall(r"\w+_file: (\S+)", text)
    assert {file.rpartition("/")[0] for file in files} == {"/etc/alertmanager/secrets"}
    assert {file.rpartition("/")[2] for file in files} == {"slack", "smtp", "pagerduty", "bridge", "rollback"}


def test_whoever_hears_of_trouble_hears_that_it_is_over(tmp_path: Path) -> None:
    document = yaml.safe_load(write_files(_config("everything", tmp_path), tmp_path).read_text())
    silent = {
        receiver["name"]
        for receiver in document["receivers"]
        for key, ways in receiver.items()
        if key.endswith("_configs")
        for way in ways
        if way["send_resolved"] is not True
    }
    # The one that is over when all of this is dead.
    assert silent == {"watchdog"}


def test_a_group_of_any_size_gets_to_the_bridge_as_a_text_message(tmp_path: Path) -> None:
    text = write_files(_config("everything", tmp_path), tmp_path).read_text()
    hooks = [hook for each in yaml.safe_load(text)["receivers"] for hook in each.get("webhook_configs", ())]
    by_sms = [hook for hook in hooks if hook["url"].endswith("/alerts/sms")]
    assert by_sms
    # What is larger the bridge refuses, and Alertmanager gives it up: room for 16 KiB of each alert.
    assert all(hook["max_alerts"] * 16 * 1024 <= BODY_MAX for hook in by_sms)


def test_matchers_mean_the_same_before_and_since_0_27(tmp_path: Path) -> None:
    """Quoted, and with quoted values, both parsers read them alike."""
    lines = write_files(_config("everything", tmp_path), tmp_path).read_text().splitlines()
    matchers = [line for line in lines if "matchers:" in line]
    assert len(matchers) > 15
    item = r"'[a-z]+(=|!=|=~|!~)\"[^\"]*\"'"
    assert [line for line in matchers if not re.search(rf"matchers: \[{item}(, {item})*\]$", line)] == []


def test_nothing_is_repeated_later_than_alertmanager_remembers(tmp_path: Path) -> None:
    text = write_files(_config("everything", tmp_path), tmp_path).read_text()
    repeats = re.findall(r"repeat_interval: (\d+)(s|m|h)", text)
    assert max(int(n) * {"s": 1, "m": 60, "h": 3600}[u] for n, u in repeats) < 120 * 3600


@pytest.mark.parametrize(
    ("quiet", "spans"),
    [
        ('from: "22:00", to: "07:00"', [("22:00", "24:00", None), ("00:00", "07:00", None)]),
        ('from: "01:00", to: "05:30"', [("01:00", "05:30", None)]),
        ('from: "20:00", to: "00:00"', [("20:00", "24:00", None)]),
        (
            'from: "22:00", to: "06:00", days: [sunday, friday]',
            [("22:00", "24:00", ["friday", "sunday"]), ("00:00", "06:00", ["monday", "saturday"])],
        ),
    ],
)
def test_quiet_hours_cross_midnight_in_two_spans(quiet: str, spans: Any, tmp_path: Path) -> None:
    more = f"  quiet_hours: {{{quiet}, time_zone: Europe/Berlin}}"
    config = config_of(everything("http://127.0.0.1:1", 25, more), tmp_path)
    path = write_files(config, tmp_path)
    assert amtool("check-config", str(path)).returncode == 0
    (interval,) = yaml.safe_load(path.read_text())["time_intervals"]
    found = [
        (times["start_time"], times["end_time"], span.get("weekdays"))
        for span in interval["time_intervals"]
        for times in span["times"]
    ]
    assert found == spans
    assert {span["location"] for span in interval["time_intervals"]} == {"Europe/Berlin"}


def test_quiet_hours_are_for_p2_and_p3_only(tmp_path: Path) -> None:
    """Of each route itself: Alertmanager does not inherit them."""
    route = yaml.safe_load(write_files(_config("everything", tmp_path), tmp_path).read_text())["route"]
    muted, loud = [], []

    def walk(node: dict[str, Any], matchers: tuple[str, ...]) -> None:
        matchers += tuple(node.get("matchers", ()))
        for child in node.get("routes", ()):
            walk(child, matchers)
        if "routes" not in node:
            (muted if node.get("mute_time_intervals") == ["quiet-hours"] else loud).append(matchers)

    walk(route, ())
    waiting = {'priority="P2"', 'priority="P3"', 'escalation="P2"'}
    assert all(waiting & set(matchers) for matchers in muted)
    assert not any(waiting & set(matchers) for matchers in loud)
    assert len(muted) == 8


def _unknown_receivers(document: dict[str, Any]) -> set[str]:
    return _named(document["route"]) - {receiver["name"] for receiver in document["receivers"]}


def _named(node: dict[str, Any]) -> set[str]:
    named = {node["receiver"]} if "receiver" in node else set()
    return named.union(*(_named(child) for child in node.get("routes", ())))
