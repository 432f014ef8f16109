"""Prometheus's own configuration: what it scrapes, which rules it reads, whom it tells; for 2.42 and up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.bundle.settings import Settings

__all__ = ["RETENTION", "Addresses", "prometheus_files", "prometheus_flags"]

_MARK = "Written by rollwatch."
RETENTION = "35d"
"""How long samples are kept, for SLOs look back 30 days: a flag, no part of the configuration."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each process listens, as `host:port`; jobs without any are there, and scrape nothing."""

    prometheus: tuple[str, ...] = ("127.0.0.1:9090",)
    alertmanager: tuple[str, ...] = ("127.0.0.1:9093",)
    exporter: tuple[str, ...] = ("127.0.0.1:9717",)
    """One exporter per location."""
    bridge: tuple[str, ...] = ("127.0.0.1:9719",)
    rollback: tuple[str, ...] = ()
    """The rollback handler; none until it runs, or its absence would be alerted."""


def prometheus_files(settings: Settings, addresses: Addresses | None = None) -> dict[str, str]:
    """By path, the text: `prometheus/prometheus.yml` and one `prometheus/targets/<job>.yml` per scrape job.

    Rule files are looked for beside it, in `rules/`. Prometheus reads changed target files by itself.
    """
    chosen = addresses or Addresses()
    targets = {
        "rollwatch": (_EXPORTERS, chosen.exporter),
        "applications": (_APPLICATIONS, ()),
        "rollwatch-bridge": (_BRIDGE, chosen.bridge),
        "rollwatch-rollback": (_HANDLER, chosen.rollback),
        "alertmanager": (_ALERTMANAGERS, chosen.alertmanager),
        "prometheus": (_PROMETHEUS, chosen.prometheus),
    }
    files = {f"prometheus/targets/{name}.yml": _targets(*found) for name, found in targets.items()}
    return {"prometheus/prometheus.yml": _configuration(settings)} | files


def prometheus_flags(*, config_file: Path, data: Path, listen: str = "127.0.0.1:9090") -> list[str]:
    """The arguments of `prometheus` for this configuration; it reloads on SIGHUP only."""
    return [
        f"--config.file={config_file}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address={listen}",
    ]


def _configuration(settings: Settings) -> str:
    return f"""\
# {_MARK}
# Prometheus with rollwatch's rules. What is scraped is in targets/*.yml: read again whenever they change.
# Start it with --storage.tsdb.retention.time={RETENTION}: SLOs look back 30 days.
global:
  scrape_interval: {settings.scrape_interval}
  evaluation_interval: {settings.evaluation_interval}

rule_files: [rules/*.yml]

alerting:
  alertmanagers:
    - file_sd_configs: [{{files: [targets/alertmanager.yml]}}]

scrape_configs:
  # rollwatch exporter, one per location. honor_labels: its labels say whose each series is.
  - job_name: {json.dumps(settings.exporter_job)}
    honor_labels: true
    file_sd_configs: [{{files: [targets/rollwatch.yml]}}]

  # Applications with Prometheus metrics of their own. The target file says whose they are, not they.
  - job_name: applications
    honor_labels: false
    file_sd_configs: [{{files: [targets/applications.yml]}}]

  - job_name: rollwatch-bridge
    honor_labels: true
    file_sd_configs: [{{files: [targets/rollwatch-bridge.yml]}}]

  - job_name: rollwatch-rollback
    honor_labels: true
    file_sd_configs: [{{files: [targets/rollwatch-rollback.yml]}}]

  - job_name: alertmanager
    file_sd_configs: [{{files: [targets/alertmanager.yml]}}]

  - job_name: prometheus
    file_sd_configs: [{{files: [targets/prometheus.yml]}}]
"""


_EXPORTERS = """\
# rollwatch exporter: one address per location. Set no labels here: each series says its service and location.
"""
_APPLICATIONS = """\
# Applications with Prometheus metrics of their own. Both labels are needed: rules pass over what has none.
#
# - targets: ["api-1.example.com:8080", "api-2.example.com:8080"]
#   labels: {service: api, environment: production}
"""
_BRIDGE = """\
# rollwatch bridge: what Alertmanager can't send itself (SMS, daily summary, webhooks). Without one: []
"""
_HANDLER = """\
# The rollback handler: - targets: ["127.0.0.1:9718"] once it runs. While it is named here and can't be
# reached, RollbackHandlerDown fires.
"""
_ALERTMANAGERS = """\
# Alertmanagers: alerts are sent to each of them, and each is scraped.
"""
_PROMETHEUS = """\
# Prometheus itself, whose reloads, rules and notifications meta.yml looks after.
"""


def _targets(comment: str, addresses: tuple[str, ...]) -> str:
    groups = f"- targets: {json.dumps(list(addresses))}" if addresses else "[]"
    return f"# {_MARK}\n{comment}{groups}\n"
