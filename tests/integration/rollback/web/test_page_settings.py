"""What the page says of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.config.secrets import SecretStore
from rollwatch.rollback.model.words import Mode
from rollwatch.rollback.web.page_settings import PageSettings, page_settings
from support.config_kinds import KINDS

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
environment: production
services:
  api:
    links: {{logs_url: "https://logs.example/api"}}
    rollback: {{mode: auto, strategy: command, triggers: [RollbackLatency], command: {{run: ["true"]}}}}
  shop:
    rollback: {{mode: approve, strategy: command, triggers: [RollbackLatency], command: {{run: ["true"]}}}}
  quiet: {{}}
rollback:
  prometheus: {{url: "{prometheus}"}}
  exporter: {{url: "http://exporter.example"}}
  alertmanager: {{url: "http://alertmanager.example"}}
  public_url: "https://rollbacks.example"
  units: {{store: [shop, api]}}
"""


def settings_of(base: Path, prometheus: str) -> PageSettings:
    path = base / "rollwatch.yml"
    path.write_text(CONFIG.format(prometheus=prometheus))
    secrets = SecretStore(base, {"KEY": "hidden"})
    return page_settings(load_config(path, KINDS, secrets=secrets, location=None, program=Program.ROLLBACK))


def test_each_service_is_shown_with_the_mode_of_its_unit(tmp_path: Path) -> None:
    shown = settings_of(tmp_path, "http://prometheus.example:9090")
    assert [(one.service, one.unit, one.mode) for one in shown.switches] == [
        ("shop", "store", Mode.APPROVE),
        ("api", "store", Mode.APPROVE),
    ]
    api = shown.of("api")
    assert api is not None
    assert (api.triggers, api.links) == (("RollbackLatency",), (("Logs", "https://logs.example/api"),))
    assert (shown.public_url, shown.prometheus_url) == (
        "https://rollbacks.example",
        "http://prometheus.example:9090",
    )


@pytest.mark.parametrize(
    "url", ["http://user:password@prometheus.example", "http://prometheus.example/?key=${env:KEY}"]
)
def test_an_address_with_a_secret_is_no_link(tmp_path: Path, url: str) -> None:
    assert settings_of(tmp_path, url).prometheus_url is None
