"""Every file of the bundle for one installation, by its path below the directory it is written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.alertmanager import alertmanager_files
from rollwatch.bundle.dashboards import dashboard_files
from rollwatch.bundle.prometheus_config import prometheus_files
from rollwatch.bundle.rule_files import rule_files
from rollwatch.bundle.topics import topics

if TYPE_CHECKING:
    from rollwatch.bundle.prometheus_config import Addresses
    from rollwatch.bundle.settings import Settings
    from rollwatch.config.config import Config

__all__ = ["MARK", "bundle_files"]

MARK = "Written by rollwatch"
"""Stands in the head of every file that may be written anew, but of JSON."""


def bundle_files(
    settings: Settings, config: Config | None, *, addresses: Addresses | None = None, directory: str = ""
) -> dict[str, str]:
    """Rules, Prometheus's configuration, Alertmanager's, dashboards.

    `config` says who hears; None: nobody real. Alertmanager finds its secrets below `directory`: where
    alertmanager.yml will be, or, if empty, where Alertmanager is started.
    """
    rules = rule_files(topics(settings), settings)
    files = {f"prometheus/rules/{name}": text for name, text in rules.items()}
    files |= prometheus_files(settings, addresses)
    files |= {f"grafana/dashboards/{name}": text for name, text in dashboard_files(settings).items()}
    return files | alertmanager_files(config, directory=directory)
