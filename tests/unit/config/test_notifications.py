"""Who hears of alerts, and what the bridge sends: read, checked, and each secret read by one program only."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

import pytest

from rollwatch.config.clock_fields import Weekday
from rollwatch.config.describe import describe
from rollwatch.config.fields import HostPort
from rollwatch.config.program import Program
from rollwatch.errors import ConfigError, SecretUnavailable
from support.config_kinds import load

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config

FULL = """\
environment: production
notifications:
  slack: {webhook_file: secrets/slack, channel: "#alerts"}
  email: {to: [oncall@example.com, second@example.com]}
  pagerduty: {routing_key_file: secrets/pagerduty}
  sms: {to: ["+4915112345678"]}
  escalation: {slack: {webhook_file: secrets/slack-lead}}
  mail: {smarthost: "smtp.example.com:587", from: r@example.com, username: r, password_file: secrets/smtp}
  quiet_hours: {from: 22:00, to: 07:00, time_zone: Europe/Berlin, days: [monday, friday]}
  bridge: {url: "http://127.0.0.1:9719/", token_file: secrets/bridge}
  rollback_handler: {url: "http://127.0.0.1:9718", token_file: secrets/rollback}
services:
  api:
    probes: {a: {kind: web, url: "http://x/${file:secrets/probe}"}}
    notifications: {slack: {webhook_file: secrets/slack-api}}
  web:
    probes: {a: {kind: line, address: "x:1"}}
bridge:
  token: "${file:secrets/bridge}"
  twilio:
    account_sid: "${file:secrets/sid}"
    auth_token: "${file:secrets/token}"
    messaging_service: MG0123456789abcdef0123456789abcdef
  digest: {time_zone: UTC, to: [team@example.com]}
  webhooks: {chat: {url: "${file:secrets/hook}", headers: {Authorization: "Bearer ${file:secrets/token}"}}}
  sentry: {dsn: "${file:secrets/dsn}"}
  datadog: {api_key: "${file:secrets/token}", site: datadoghq.eu}
  watchdog: {url: "https://watchdog.example.com/${file:secrets/token}"}
"""
OF_THE_BRIDGE = {
    "bridge": "0123456789abcdef",
    "sid": "AC1",
    "token": "hunter2",
    "hook": "https://hooks.example.com/hunter2",
    "dsn": "https://key@o0.ingest.sentry.io/42",
    "smtp": "smtp password",
}
MINIMAL = """\
environment: test
services: {a: {probes: {p: {kind: line, address: "x:1"}}}}
"""
BRIDGE = 'bridge: {token: "${file:bridge}"}\n'


def config(folder: Path, text: str = FULL, program: Program = Program.EXPORTER, **secrets: str) -> Config:
    """The configuration as `program` loads it when there are just these secrets."""
    (folder / "secrets").mkdir(exist_ok=True)
    for name, value in secrets.items():
        (folder / "secrets" / name).write_text(value)
        (folder / "secrets" / name).chmod(0o600)
    path = folder / "rollwatch.yml"
    path.write_text(text)
    return load(path, program=program)


def problems(folder: Path, text: str, program: Program = Program.EXPORTER, **secrets: str) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        config(folder, text, program, **secrets)
    return [f"{problem.path}: {problem.message}" for problem in refusal.value.problems]


def test_everything_a_file_says_is_in_the_config(tmp_path: Path) -> None:
    found = config(tmp_path, probe="x")
    notifications = found.notifications

    assert notifications.slack is not None
    assert (notifications.slack.webhook_file, notifications.slack.channel) == ("secrets/slack", "#alerts")
    assert notifications.email is not None
    assert notifications.email.to == ("oncall@example.com", "second@example.com")
    assert notifications.pagerduty is not None
    assert notifications.sms is not None
    assert notifications.sms.to == ("+4915112345678",)
    assert notifications.escalation is not None
    assert list(notifications.escalation.named()) == ["slack"]
    assert notifications.mail is not None
    assert notifications.mail.smarthost == HostPort("smtp.example.com", 587)
    assert (notifications.mail.from_, notifications.mail.require_tls) == ("r@example.com", True)
    assert notifications.quiet_hours is not None
    assert (notifications.quiet_hours.from_, notifications.quiet_hours.to) == ("22:00", "07:00")
    assert notifications.quiet_hours.days == (Weekday.MONDAY, Weekday.FRIDAY)
    assert notifications.bridge is not None
    assert notifications.bridge.url == "http://127.0.0.1:9719"
    assert notifications.rollback_handler is not None
    own = found.services["api"].notifications
    assert list(own.named()) == ["slack"]
    assert list(found.services["web"].notifications.named()) == []
    assert found.bridge is not None
    assert found.bridge.digest is not None
    assert found.bridge.digest.at == "08:00"
    assert found.warnings == ()


def test_a_file_without_these_sections_has_nobody_to_tell(tmp_path: Path) -> None:
    found = config(tmp_path, MINIMAL)

    assert list(found.notifications.named()) == []
    assert found.bridge is None
    assert found.warnings == ()


def test_a_section_with_nothing_in_it_is_as_good_as_none(tmp_path: Path) -> None:
    assert config(tmp_path, MINIMAL + "bridge:\n") == config(tmp_path, MINIMAL)


def test_the_exporter_needs_no_secret_of_the_bridge_and_has_none(tmp_path: Path) -> None:
    found = config(tmp_path, probe="x")

    assert found.bridge is not None
    assert found.bridge.watchdog is not None
    with pytest.raises(SecretUnavailable):
        found.bridge.token.render()
    assert found.mail_password is None
    assert found.probes[0].spec.url.render() == "http://x/x"


def test_the_bridge_reads_its_own_secrets_and_none_of_the_probes(tmp_path: Path) -> None:
    found = config(tmp_path, program=Program.BRIDGE, **OF_THE_BRIDGE)
    bridge = found.bridge

    assert bridge is not None
    assert bridge.token.render() == "0123456789abcdef"
    assert bridge.webhooks["chat"].url.render() == "https://hooks.example.com/hunter2"
    assert bridge.webhooks["chat"].headers["Authorization"].render() == "Bearer hunter2"
    assert bridge.sentry is not None
    assert bridge.sentry.dsn.render() == OF_THE_BRIDGE["dsn"]
    assert found.mail_password is not None
    assert found.mail_password.render() == "smtp password"
    with pytest.raises(SecretUnavailable):
        found.probes[0].spec.url.render()
    assert "hunter2" not in repr(found)


def test_a_command_reads_no_secret_at_all(tmp_path: Path) -> None:
    found = config(tmp_path, program=Program.COMMAND)

    assert found.bridge is not None
    assert found.notifications.slack is not None
    assert found.probes[0].spec.url.masked == "http://x/***"


def test_the_bridge_is_told_of_every_secret_it_lacks(tmp_path: Path) -> None:
    secrets = OF_THE_BRIDGE | {
        "hook": "hooks.example.com/hunter2",
        "dsn": "https://o0.ingest.sentry.io/hunter2",
    }
    del secrets["sid"]

    assert problems(tmp_path, FULL, Program.BRIDGE, **secrets) == [
        (
            "bridge.twilio.account_sid: needs the secret ${file:secrets/sid}, which can't be read: "
            "there is no such file"
        ),
        "bridge.webhooks.chat.url: is no absolute URL",
        "bridge.sentry.dsn: is no DSN of Sentry",
    ]


def test_the_bridge_is_told_when_it_can_not_read_the_password_of_the_mail_server(tmp_path: Path) -> None:
    secrets = {name: value for name, value in OF_THE_BRIDGE.items() if name != "smtp"}

    assert problems(tmp_path, FULL, Program.BRIDGE, **secrets) == [
        "notifications.mail.password_file: can't be read: there is no such file"
    ]


@pytest.mark.parametrize(
    "without",
    [
        ", username: r, password_file: secrets/smtp",
        "  digest: {time_zone: UTC, to: [team@example.com]}\n",
    ],
)
def test_the_bridge_needs_no_password_where_it_sends_no_mail_or_the_server_wants_none(
    tmp_path: Path, without: str
) -> None:
    secrets = {name: value for name, value in OF_THE_BRIDGE.items() if name != "smtp"}

    assert config(tmp_path, FULL.replace(without, ""), Program.BRIDGE, **secrets).mail_password is None


def test_the_bridge_of_a_file_without_mail_sends_none(tmp_path: Path) -> None:
    text = MINIMAL + 'bridge: {token: "${file:secrets/bridge}"}\n'

    assert config(tmp_path, text, Program.BRIDGE, bridge="0123456789abcdef").mail_password is None


def test_a_good_file_is_summed_up(tmp_path: Path) -> None:
    assert describe(config(tmp_path, probe="x")) == [
        "environment production, location local",
        "2 services: api, web",
        "2 probes: 1 line, 1 web",
        "alerts go to slack, email, pagerduty, sms; P2 and P3 wait from 22:00 to 07:00 (Europe/Berlin)",
        "alerts on api go to its own slack",
        (
            "the bridge sends twilio, digest, webhooks, sentry, datadog, watchdog; "
            "its secrets are read by rollwatch bridge only"
        ),
        "1 secret read: file:secrets/probe",
    ]


def test_a_bridge_that_sends_nothing_is_summed_up_too(tmp_path: Path) -> None:
    text = FULL.partition("  twilio:")[0].replace('  sms: {to: ["+4915112345678"]}\n', "")

    said = describe(config(tmp_path, text.replace("  quiet_hours", "  # quiet_hours"), probe="x"))

    assert "alerts go to slack, email, pagerduty" in said
    assert "the bridge sends nothing; its secrets are read by rollwatch bridge only" in said


MEND = {
    "only one way": (
        MINIMAL + "notifications: {slack: {webhook_file: s}}\n",
        ["notifications: slack is the only way to people; when it fails, nobody hears of that. Add another."],
    ),
    "nobody in general": (
        """\
environment: test
services:
  a:
    probes: {p: {kind: line, address: "x:1"}}
    notifications: {slack: {webhook_file: s}}
""",
        [
            (
                "notifications: alerts on the monitoring itself, and on services without notifications of "
                "their own, reach nobody. Add slack or email for all."
            )
        ],
    ),
    "no section": (
        MINIMAL + "notifications: {bridge: {url: 'http://127.0.0.1:9719', token_file: s}}\n",
        ["notifications.bridge: rollwatch bridge can't start without a section bridge. Add it."],
    ),
    "no address": (
        MINIMAL + BRIDGE,
        ["bridge: nothing says where it is, so Alertmanager never calls it. Add notifications.bridge."],
    ),
    "written out": (
        MINIMAL
        + """\
notifications: {bridge: {url: "http://127.0.0.1:9719", token_file: s}}
bridge:
  token: short
  twilio: {account_sid: AC1, auth_token: "${env:T}", from: Larkspur}
  webhooks: {chat: {url: "https://hooks.example.com/x", headers: {Authorization: Bearer x, X-Plain: y}}}
""",
        [
            f"bridge.{place}: a secret stands in the file. Write ${{file:PATH}} or ${{env:NAME}} instead."
            for place in ("token", "webhooks.chat.url", "webhooks.chat.headers.Authorization")
        ]
        + [
            "bridge.token: it is shorter than 16 characters. Make one: openssl rand -hex 32.",
            "bridge.twilio: nobody is to get an SMS. Add notifications.sms, or remove it.",
        ],
    ),
}


@pytest.mark.parametrize(("text", "said"), MEND.values(), ids=list(MEND))
def test_what_leaves_people_in_the_dark_is_a_warning(tmp_path: Path, text: str, said: list[str]) -> None:
    assert list(config(tmp_path, text).warnings) == said


def test_an_sms_at_escalation_is_an_sms(tmp_path: Path) -> None:
    text = FULL.replace('  sms: {to: ["+4915112345678"]}\n', "").replace(
        "escalation: {slack: {webhook_file: secrets/slack-lead}}",
        'escalation: {sms: {to: ["+4915112345678"]}}',
    )

    assert config(tmp_path, text, probe="x").warnings == ()


def test_a_host_without_time_zones_is_told_so(tmp_path: Path) -> None:
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        said = problems(tmp_path, FULL, probe="x")
    finally:
        zoneinfo.reset_tzpath(to=before)

    assert "bridge.digest.time_zone: can't be checked: this host knows no time zones" in said
