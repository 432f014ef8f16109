"""Alertmanager and amtool of this machine, on files that rollwatch wrote.

AMTOOL and ALERTMANAGER name other binaries than Debian's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rollwatch.bundle.alertmanager import alertmanager_files
from rollwatch.config.config import Config
from support.alert_receiver import AlertReceiver
from support.config_kinds import load
from support.mail_sink import MailSink
from support.processes import fetch, free_port, running, wait_for

__all__ = [
    "Alertmanager",
    "amtool",
    "config_of",
    "everything",
    "hurried",
    "running_alertmanager",
    "write_files",
]


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One run of it."""
    return subprocess.run(
        [_binary("AMTOOL", "amtool"), *arguments], check=False, capture_output=True, text=True, timeout=30
    )


def config_of(text: str, directory: Path) -> Config:
    """What the loader makes of a file with `text`. Raises ConfigError."""
    path = directory / "rollwatch.yml"
    path.write_text(text)
    return load(path)


def write_files(config: Config | None, directory: Path) -> Path:
    """Writes all of them below `directory`; gives alertmanager.yml."""
    for name, text in alertmanager_files(config).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory / "alertmanager" / "alertmanager.yml"


def hurried(text: str) -> str:
    """The same routes, with no time to wait. Repetition stays as slow as it is."""
    text = re.sub(r"(group_wait): (?!0s)\w+", r"\1: 200ms", text)
    return re.sub(r"(group_interval): \w+", r"\1: 1s", text)


class Alertmanager:
    """A running one, and everybody it calls."""

    def __init__(self, url: str, receiver: AlertReceiver, mails: MailSink) -> None:
        self.url = url
        self.receiver = receiver
        self.mails = mails

    def fire(self, *labels: dict[str, str], resolved: bool = False, **annotations: str) -> None:
        """Post alerts as Prometheus does; it would say them again every minute."""
        now = datetime.now(UTC)
        ends = now if resolved else now + timedelta(minutes=10)
        alerts = [
            {
                "labels": each,
                "annotations": annotations or {"summary": f"{each['alertname']} of {each.get('service')}"},
                "endsAt": ends.isoformat(),
                "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up&g0.tab=1",
            }
            for each in labels
        ]
        status, _, body = fetch(
            f"{self.url}/api/v2/alerts",
            method="POST",
            headers={"Content-Type": "application/json"},
            data=json.dumps(alerts).encode(),
        )
        assert status == 200, body

    def resolve(self, *labels: dict[str, str]) -> None:
        """Say that they are over."""
        self.fire(*labels, resolved=True)

    def status(self, **labels: str) -> dict[str, Any]:
        """Of the one alert with `labels`: state, inhibitedBy, receivers."""
        _, _, body = fetch(f"{self.url}/api/v2/alerts")
        found = [each for each in json.loads(body) if labels.items() <= each["labels"].items()]
        assert len(found) == 1, (labels, found)
        return found[0]["status"] | {"receivers": [each["name"] for each in found[0]["receivers"]]}

    def slack(self, text: str) -> list[dict[str, Any]]:
        """The attachments of messages to Slack that say `text`."""
        return [
            body["attachments"][0]
            for path in {call.path for call in self.receiver.calls if call.path.startswith("/slack")}
            for body in self.receiver.taken(path)
            if text in json.dumps(body, ensure_ascii=False)
        ]

    def mail(self, text: str) -> list[Any]:
        """The mails that say `text` in subject or plain body."""
        return [mail for mail in self.mails.mails if text in mail.subject or text in mail.part("plain")]

    def settle(self) -> None:
        """Until whoever hears of what was fired before has heard: a mark that came after it has gone out."""
        mark = f"mark-{time.monotonic_ns()}"
        label = {"alertname": "Mark", "service": mark, "priority": "P1", "environment": "marking"}
        # Two rounds: a group that exists already waits for its interval, not for the first wait.
        self.fire(label)
        wait_for(lambda: self.slack(mark), "the mark")
        self.resolve(label)
        wait_for(lambda: len(self.slack(mark)) > 1, "the mark to be resolved")


def everything(programs: str, mail_port: int, more: str = "") -> str:
    """A configuration with every channel; bridge and handler below the address `programs`.

    Service `shop` has a Slack of its own and its own escalation; `more` goes below `notifications`.
    """
    probe = '{health: {kind: web, url: "http://127.0.0.1/"}}'
    return f"""
environment: production
notifications:
  slack: {{webhook_file: secrets/slack, channel: "#alerts"}}
  email: {{to: [oncall@example.com, second@example.com]}}
  pagerduty: {{routing_key_file: secrets/pagerduty}}
  sms: {{to: ["+4915112345678"]}}
  mail: {{smarthost: "127.0.0.1:{mail_port}", from: rollwatch@example.com, require_tls: false}}
  bridge: {{url: "{programs}/bridge", token_file: secrets/bridge}}
  rollback_handler: {{url: "{programs}/handler", token_file: secrets/rollback}}
{more}
bridge:
  token: a-token-of-forty-characters-for-the-bridge
  twilio: {{account_sid: AC1, auth_token: of-the-account, from: "+15005550006"}}
services:
  api: {{probes: {probe}}}
  shop:
    probes: {probe}
    notifications:
      slack: {{webhook_file: secrets/slack-shop}}
      escalation: {{email: {{to: [boss@example.com]}}}}
"""


@contextlib.contextmanager
def running_alertmanager(
    directory: Path, receiver: AlertReceiver, mails: MailSink, more: str = ""
) -> Iterator[Alertmanager]:
    """On files written for a configuration with every channel, in a hurry, its secrets in their files."""
    path = write_files(config_of(everything(receiver.url, mails.port, more), directory), directory)
    text = path.read_text().replace("global:\n", f"global:\n  pagerduty_url: {receiver.url}/pagerduty\n")
    path.write_text(hurried(text))
    secrets = path.parent / "secrets"
    secrets.mkdir()
    for name, content in {
        "slack": f"{receiver.url}/slack\n",
        "slack-shop": f"{receiver.url}/slack/shop\n",
        "pagerduty": "the-routing-key\n",
        "bridge": "the-token-of-the-bridge\n",
        "rollback": "the-token-of-the-handler\n",
    }.items():
        (secrets / name).write_text(content)
    url = f"http://127.0.0.1:{free_port()}"
    argv = [
        _binary("ALERTMANAGER", "prometheus-alertmanager"),
        f"--config.file={path.name}",
        f"--storage.path={directory}/data",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--web.external-url=http://alertmanager.example:9093",
        "--cluster.listen-address=",
    ]
    with running(argv, cwd=path.parent):
        wait_for(lambda: _is_ready(url), "Alertmanager to be ready")
        yield Alertmanager(url, receiver, mails)


def _is_ready(url: str) -> bool:
    try:
        return bool(fetch(f"{url}/-/ready")[0] == 200)
    except OSError:
        return False


def _binary(variable: str, name: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    assert found, f"{name} is missing: `make test` installs what the tests need"
    return found
