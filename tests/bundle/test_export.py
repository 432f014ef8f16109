"""`rollwatch bundle export`: Prometheus and Alertmanager take what it writes, and it is as asked for."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from rollwatch.bundle.choices import parse_choices
from rollwatch.bundle.rules import Dashboard
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.shipped import MARK, bundle_files
from rollwatch.bundle.topics import topics
from rollwatch.cli import cli
from rollwatch.errors import ConfigError, UsageError

GUIDE = (Path(__file__).parents[2] / "docs/existing-stacks.md").read_text("utf-8")
CONFIG = """\
environment: production
notifications:
  slack: {webhook_file: secrets/slack, channel: "#alerts"}
  email: {to: [oncall@example.com]}
  mail: {smarthost: "smtp.example.com:587", from: rollwatch@example.com}
services:
  api:
    probes: {health: {kind: http, url: "https://api.example.com/${file:secrets/not-here}"}}
    notifications: {slack: {webhook_file: secrets/slack-api}}
bridge: {token: "${file:secrets/not-here-either}"}
"""


def export(*words: str | Path) -> list[str]:
    arguments = ["bundle", "export", *map(str, words)]
    return (
        CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False).output.splitlines()
    )


def check(*words: str | Path) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_and_alertmanager_take_what_is_written(tmp_path: Path) -> None:
    config = tmp_path / "rollwatch.yml"
    config.write_text(CONFIG)

    said = export(tmp_path / "out", "--config.file", config)

    check("promtool", "check", "config", tmp_path / "out/prometheus/prometheus.yml")
    check("amtool", "check-config", tmp_path / "out/alertmanager/alertmanager.yml")
    assert f"wrote {tmp_path}/out/prometheus/rules/sli.yml" in said
    assert any(
        line.strip() == f"2. promtool check config {tmp_path}/out/prometheus/prometheus.yml" for line in said
    )
    written = (tmp_path / "out/alertmanager/alertmanager.yml").read_text()
    assert f"{tmp_path}/out/alertmanager/secrets/slack-api" in written


def test_settings_reach_the_rules_and_prometheus(tmp_path: Path) -> None:
    choices = ["window=10m", "scrape_interval=10s", "for.HealthDown=2m", "grafana_url=https://g.example.com"]

    export(tmp_path, *(word for choice in choices for word in ("--set", choice)))

    rules = yaml.safe_load((tmp_path / "prometheus/rules/alerts-health.yml").read_text())
    alerts = {rule["alert"]: rule for group in rules["groups"] for rule in group["rules"]}
    assert alerts["HealthDown"]["for"] == "2m"
    assert "https://g.example.com/d/" in alerts["HealthDown"]["annotations"]["dashboard_url"]
    prometheus = yaml.safe_load((tmp_path / "prometheus/prometheus.yml").read_text())
    assert prometheus["global"]["scrape_interval"] == "10s"
    assert "[10m]" in (tmp_path / "prometheus/rules/sli.yml").read_text()
    check("promtool", "check", "config", tmp_path / "prometheus/prometheus.yml")


def test_secrets_of_alertmanager_are_looked_for_where_it_will_be(tmp_path: Path) -> None:
    export(tmp_path, "--alertmanager.directory", "/etc/prometheus")

    written = (tmp_path / "alertmanager/alertmanager.yml").read_text()
    assert "/etc/prometheus/secrets/slack" in written
    assert str(tmp_path) not in written


def test_without_a_configuration_it_says_that_nobody_real_hears(tmp_path: Path) -> None:
    said = export(tmp_path)

    assert "alertmanager.yml leads to nobody real: --config.file rollwatch.yml makes your own routes" in said
    assert said[-1] == "With files of your own, take over parts of these: docs/existing-stacks.md."


def test_once_more_says_what_was_kept_and_what_to_remove(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "prometheus/rules/alerts-old.yml").write_text(f"# {MARK}.\ngroups: []\n")

    said = export(tmp_path)

    assert not [line for line in said if line.startswith("wrote ")]
    assert f"kept {tmp_path}/prometheus/targets/applications.yml: it is yours to edit" in said
    assert (
        f"remove {tmp_path}/prometheus/rules/alerts-old.yml: this version has it no more, "
        "and its alerts would fire twice"
    ) in said


def test_a_file_of_ones_own_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus/prometheus.yml").write_text("global: {}\n")

    with pytest.raises(UsageError, match=r"prometheus/prometheus\.yml"):
        export(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["prometheus.yml"]
    export(tmp_path, "--force")
    check("promtool", "check", "config", tmp_path / "prometheus/prometheus.yml")


def test_a_bad_configuration_or_setting_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "rollwatch.yml").write_text(CONFIG.replace("webhook_file", "webhok_file"))

    with pytest.raises(ConfigError, match="webhok_file"):
        export(tmp_path / "out", "--config.file", tmp_path / "rollwatch.yml")
    with pytest.raises(UsageError, match="window"):
        export(tmp_path / "out", "--set", "windw=5m")
    assert not (tmp_path / "out").exists()


def test_every_file_says_who_wrote_it() -> None:
    files = bundle_files(Settings(), None)

    unsaid = [name for name, text in files.items() if MARK not in text[:1024]]
    assert [name for name in unsaid if not name.endswith(".json")] == []
    assert {name.split("/")[0] for name in files} == {"prometheus", "alertmanager", "grafana"}


def test_dashboards_lead_to_where_the_pages_of_this_installation_are(tmp_path: Path) -> None:
    export(
        tmp_path,
        "--set",
        "exporter_url=https://watch.example.com",
        "--set",
        "rollback_url=https://rb.example.com",
    )

    boards = [json.loads(path.read_text()) for path in (tmp_path / "grafana/dashboards").rglob("*.json")]
    assert {board["uid"] for board in boards} == {uid.value for uid in Dashboard}
    for board in boards:
        constants = {
            one["name"]: one["query"] for one in board["templating"]["list"] if one["type"] == "constant"
        }
        assert constants["exporter_url"] == "https://watch.example.com"
        assert constants["rollback_url"] == "https://rb.example.com"
        assert constants["runbooks_url"] == Settings().runbooks_url


def test_targets_are_where_processes_are_said_to_listen(tmp_path: Path) -> None:
    said = ["exporter=fra.example.com:9717", "exporter=[2001:db8::7]:9717", "bridge=none", "rollback=rb:9718"]

    export(tmp_path, *(word for one in said for word in ("--target", one)))

    targets = {
        path.stem: [one for group in yaml.safe_load(path.read_text()) or [] for one in group["targets"]]
        for path in (tmp_path / "prometheus/targets").glob("*.yml")
    }
    assert targets["rollwatch"] == ["fra.example.com:9717", "[2001:db8::7]:9717"]
    assert targets["rollwatch-bridge"] == []
    assert targets["rollwatch-rollback"] == ["rb:9718"]
    assert targets["alertmanager"] == ["127.0.0.1:9093"]
    check("promtool", "check", "config", tmp_path / "prometheus/prometheus.yml")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("exporter", "write it like --target exporter=10.0.0.7:9717"),
        ("exportr=a:1", "there is no job 'exportr'. Did you mean 'exporter'?"),
        ("exporter=http://a:1", "is no host:port"),
        ("exporter=", "is no host:port"),
    ],
)
def test_a_target_that_is_none_is_refused_with_what_to_write(tmp_path: Path, said: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        export(tmp_path / "out", "--target", said)
    assert not (tmp_path / "out").exists()


def test_a_dashboard_that_is_shipped_no_more_is_named_and_one_of_ones_own_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "grafana/dashboards/rollwatch"
    folder.mkdir(parents=True)
    (folder / "old.json").write_text('{"uid": "rollwatch-home"}')
    (folder / "mine.json").write_text('{"uid": "mine"}')

    said = export(tmp_path)

    assert [line for line in said if line.startswith("remove ")] == [
        f"remove {folder}/old.json: this version has it no more, and it would be shown beside the new one"
    ]


def test_a_dashboard_of_ones_own_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "grafana/dashboards/rollwatch"
    folder.mkdir(parents=True)
    (folder / "home.json").write_text('{"uid": "mine"}')

    with pytest.raises(UsageError, match=r"rollwatch/home\.json"):
        export(tmp_path)


def test_every_setting_of_an_alert_is_one_of_a_rule_that_is_written() -> None:
    names = [alert.name for topic in topics(Settings()) for alert in topic.alerts]
    settings = Settings(holds=dict.fromkeys(names, "7m30s"))
    rules = [
        rule
        for name, text in bundle_files(settings, None).items()
        if name.startswith("prometheus/rules/")
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]

    assert {rule["alert"] for rule in rules if rule.get("for") == "7m30s"} == set(names)


def test_the_guide_for_stacks_of_ones_own_shows_what_alertmanager_and_prometheus_take(tmp_path: Path) -> None:
    blocks = [
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    ]
    rules, scraping, routes, provider = blocks
    routes["route"]["receiver"] = "nobody"
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(routes))
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(rules | scraping))

    check("amtool", "check-config", tmp_path / "alertmanager.yml")
    check("promtool", "check", "config", tmp_path / "prometheus.yml")
    (folders,) = provider["providers"]
    assert folders["type"] == "file"
    assert folders["options"]["foldersFromFilesStructure"] is True


def test_the_guide_names_flags_and_files_there_are() -> None:
    command = cli.get_command(click.Context(cli), "bundle").commands["export"]
    known = {option for parameter in command.params for option in parameter.opts}
    named = set(re.findall(r"bundle export [^\n]*", GUIDE))

    assert {flag for line in named for flag in re.findall(r"--[a-z.]+", line)} <= known
    parse_choices(
        re.findall(r"--set ((?!grafana|runbooks|exporter_url|rollback_url)[a-zA-Z_.0-9]+=[a-z0-9]+)", GUIDE)
    )
