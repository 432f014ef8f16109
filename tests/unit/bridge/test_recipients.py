"""Whom the file says to tell, alert by alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollwatch.bridge.recipients import all_numbers, by_sms, to_events
from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.config.secrets import SecretStore
from rollwatch.probers import discover
from support.bridge_alerts import alert

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config

DEFAULT, OWN, CHIEF, OWN_CHIEF = "+4915100000001", "+4915100000002", "+4915100000003", "+4915100000004"
FILE = f"""
environment: production
services:
  api: {{probes: {{health: {{kind: http, url: "http://127.0.0.1:1/"}}}}}}
  web:
    probes: {{page: {{kind: http, url: "http://127.0.0.1:1/"}}}}
    notifications:
      sms: {{to: ["{OWN}"]}}
      escalation: {{sms: {{to: ["{OWN_CHIEF}"]}}}}
notifications:
  sms: {{to: ["{DEFAULT}"]}}
  escalation: {{sms: {{to: ["{CHIEF}"]}}}}
  bridge: {{url: "http://127.0.0.1:9719", token_file: secrets/bridge}}
  mail: {{smarthost: "127.0.0.1:25", from: a@example.com}}
bridge:
  token: abc
  twilio: {{account_sid: AC1, auth_token: x, from: "+15005550006"}}
  webhooks: {{chat: {{url: "http://127.0.0.1:1/"}}, board: {{url: "http://127.0.0.1:1/"}}}}
  sentry: {{dsn: "http://key@127.0.0.1/1"}}
  datadog: {{api_key: k}}
  digest: {{at: "08:00", time_zone: UTC, to: [a@example.com]}}
"""


def loaded(directory: Path, text: str) -> Config:
    path = directory / "rollwatch.yml"
    path.write_text(text)
    kinds = {name: kind.spec for name, kind in discover().items()}
    return load_config(path, kinds, secrets=SecretStore(directory, {}), location=None, program=Program.BRIDGE)


@pytest.mark.parametrize(
    ("service", "labels", "number"),
    [
        ("api", {}, DEFAULT),
        ("web", {}, OWN),
        ("unknown", {}, DEFAULT),
        ("", {}, DEFAULT),
        ("web", {"environment": "staging"}, DEFAULT),
        ("web", {"environment": ""}, OWN),
        ("api", {"escalation": "P1"}, CHIEF),
        ("web", {"escalation": "P1"}, OWN_CHIEF),
        ("web", {"escalation": "P2"}, OWN),
    ],
)
def test_the_nearest_number_is_called(
    tmp_path: Path, service: str, labels: dict[str, str], number: str
) -> None:
    wanted = by_sms(alert("X", service, **labels), loaded(tmp_path, FILE))
    assert [lane.target for lane in wanted.lanes] == [number]
    assert wanted.refused == ()


def test_without_numbers_of_its_own_an_escalation_goes_to_whoever_hears_of_a_p0(tmp_path: Path) -> None:
    text = FILE.replace(f'  escalation: {{sms: {{to: ["{CHIEF}"]}}}}\n', "")
    wanted = by_sms(alert("X", "api", escalation="P1"), loaded(tmp_path, text))
    assert [lane.target for lane in wanted.lanes] == [DEFAULT]


def test_an_alert_for_nobody_is_written_down_with_why(tmp_path: Path) -> None:
    text = FILE.replace(f'  sms: {{to: ["{DEFAULT}"]}}\n', "", 1)
    wanted = by_sms(alert("X", "api"), loaded(tmp_path, text))
    assert wanted.lanes == ()
    assert "no phone number" in wanted.refused[0][1]


def test_every_number_has_a_lane(tmp_path: Path) -> None:
    assert all_numbers(loaded(tmp_path, FILE)) == (DEFAULT, CHIEF, OWN, OWN_CHIEF)


def test_events_go_everywhere_and_numbers_are_not_shown_whole(tmp_path: Path) -> None:
    config = loaded(tmp_path, FILE)
    wanted = to_events(alert(), config)
    assert [(lane.channel.value, lane.target) for lane in wanted.lanes] == [
        ("webhook", "chat"),
        ("webhook", "board"),
        ("sentry", ""),
        ("datadog", ""),
    ]
    assert wanted.is_summarized
    (lane,) = by_sms(alert(), config).lanes
    assert lane.shown == "…0001"
