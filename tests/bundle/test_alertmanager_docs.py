"""docs/notifications.md shows what the loader and Alertmanager take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollwatch.bundle.alertmanager import alertmanager_files
from support.alertmanager import amtool, config_of, write_files

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "notifications.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
BASE: dict[str, Any] = {
    "environment": "production",
    "notifications": {
        "slack": {"webhook_file": "secrets/slack"},
        "mail": {"smarthost": "smtp.example.com:25", "from": "a@example.com"},
    },
    "services": {"api": {"probes": {"health": {"kind": "web", "url": "http://127.0.0.1/"}}}},
}


@pytest.mark.parametrize("block", BLOCKS)
def test_what_it_configures_can_be_configured(block: str, tmp_path: Path) -> None:
    document = _merged(BASE, yaml.safe_load(block))
    path = write_files(config_of(yaml.safe_dump(document), tmp_path), tmp_path)
    assert amtool("check-config", str(path)).returncode == 0


def test_it_shows_where_an_alert_goes() -> None:
    command, shown = re.findall(r"^\$ amtool (config routes test .*)\n(.*)$", PAGE, re.MULTILINE)[0]
    arguments = shlex.split(
        command.replace("alertmanager.yml", str(ROOT / "alertmanager" / "alertmanager.yml"))
    )
    assert amtool(*arguments).stdout.strip() == shown


def test_it_names_templates_that_exist() -> None:
    templates = "".join(text for name, text in alertmanager_files(None).items() if name.endswith(".tmpl"))
    named = set(re.findall(r"rollwatch\.[a-z]+(?:\.[a-z]+)?", PAGE)) - {"rollwatch.yml"}
    assert len(named) > 2
    assert {name for name in named if f'define "{name}"' not in templates} == set()


def test_it_tells_the_times_of_the_shipped_routes() -> None:
    document = yaml.safe_load(alertmanager_files(None)["alertmanager/alertmanager.yml"])
    routes = {route["matchers"][0]: route for route in document["route"]["routes"]}
    units = {"s": "s", "m": "min", "h": "h"}
    for priority in ("P0", "P1", "P2", "P3"):
        route = routes[f'priority="{priority}"']
        (row,) = re.findall(rf"^\| {priority} \|.*$", PAGE, re.MULTILINE)
        for key in ("group_wait", "group_interval"):
            assert f"{route[key][:-1]} {units[route[key][-1]]} " in row, (priority, key)


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
