"""`rollwatch notify test` against a running Alertmanager: who took it, who did not; nothing else happens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.alert_receiver import AlertReceiver, Answer
from support.alertmanager import Alertmanager, running_alertmanager
from support.mail_sink import MailSink
from support.processes import fetch, free_port, wait_for

REAL = {"alertname": "HttpErrorsHigh", "service": "api", "environment": "production", "priority": "P1"}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    with (
        AlertReceiver() as receiver,
        MailSink() as mails,
        running_alertmanager(tmp_path, receiver, mails) as running,
    ):
        config = tmp_path / "rollwatch.yml"
        # The file of the tests has a kind of probe that is theirs alone.
        config.write_text(config.read_text().replace("kind: web", "kind: http"))
        receiver.standing["/bridge/api/deliveries"] = Answer(body=b'{"deliveries": []}')
        yield running


def _notify_test(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rollwatch", "notify", "test", "--config.file", "rollwatch.yml", *arguments],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )


def _row(said: str, priority: str, receiver: str) -> str:
    (rest,) = [part for part in said.split("\n\n") if part.startswith(f"{priority}\n")]
    (row,) = [line for line in rest.splitlines() if f" {receiver} (" in line]
    return row


def test_everybody_who_took_it_is_named_and_told_that_it_was_a_test(
    tmp_path: Path, alertmanager: Alertmanager
) -> None:
    done = _notify_test(
        tmp_path, "--alertmanager.url", alertmanager.url, "--priority", "P0", "--priority", "P1"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    # shop has receivers of its own, api stands for all others.
    for service, slack in (("shop", "slack/shop"), ("api", "slack")):
        assert _row(done.stdout, "P0", slack).split() == [service, slack, "(slack)", "taken"]
    messages = alertmanager.slack("P0 of api")
    assert messages
    assert all("TEST" in message["title"] for message in messages)
    assert alertmanager.mail("TEST")
    # It is over at once, and people are told.
    wait_for(lambda: not _firing_tests(alertmanager), "the tests to be over")


def _firing_tests(alertmanager: Alertmanager) -> list[str]:
    _, _, body = fetch(f"{alertmanager.url}/api/v2/alerts?filter=test=%22true%22")
    return [] if body.strip() == b"[]" else [body.decode()]


def test_a_channel_that_fails_is_named(tmp_path: Path, alertmanager: Alertmanager) -> None:
    alertmanager.receiver.standing["/slack"] = Answer(status=500)

    done = _notify_test(
        tmp_path,
        *("--alertmanager.url", alertmanager.url),
        *("--service", "api", "--priority", "P1", "--within", "6s"),
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "failed" in _row(done.stdout, "P1", "slack")
    assert "taken" in _row(done.stdout, "P1", "email")


@pytest.mark.parametrize(
    ("state", "detail"),
    [("given_up", "21211: no such number"), ("queued", "it answered 401: 20003 Authenticate")],
)
def test_what_the_bridge_could_not_send_is_named(
    tmp_path: Path, alertmanager: Alertmanager, state: str, detail: str
) -> None:
    sent = {"service": "api", "priority": "P0", "status": "firing", "target": "…4567"}
    failed = {**sent, "channel": "sms", "state": state, "detail": detail}

    def answer() -> None:
        """As the bridge does, for the alert that is there now."""
        alerts = json.loads(fetch(f"{alertmanager.url}/api/v2/alerts")[2])
        told = [{**failed, "fingerprint": alert["fingerprint"]} for alert in alerts]
        other = {**failed, "fingerprint": "of another day", "service": "web"}
        body = json.dumps({"deliveries": [*told, other]}).encode()
        alertmanager.receiver.standing["/bridge/api/deliveries"] = Answer(body=body)

    # So that the bridge is asked only after it has an answer.
    alertmanager.receiver.answers["/slack"].append(Answer(delay_s=3))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            _notify_test,
            tmp_path,
            *("--alertmanager.url", alertmanager.url, "--service", "api", "--priority", "P0"),
        )
        wait_for(lambda: alertmanager.receiver.taken("/bridge/alerts/sms"), "the bridge to be called")
        answer()
        done = running.result(timeout=50)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "P0 api           sms …4567" in done.stdout
    assert f"{state}: {detail}" in done.stdout
    assert "P0 web" not in done.stdout


def test_a_real_alert_is_sent_as_ever_meanwhile(tmp_path: Path, alertmanager: Alertmanager) -> None:
    alertmanager.fire(REAL)
    wait_for(lambda: alertmanager.slack("HttpErrorsHigh"), "the real alert")

    done = _notify_test(
        tmp_path, "--alertmanager.url", alertmanager.url, "--service", "api", "--priority", "P0"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert alertmanager.status(alertname="HttpErrorsHigh")["state"] == "active"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--service", "apj"), 2, "there is no service apj in the file. Did you mean 'api'?"),
        (("--within", "soon"), 2, "--within soon"),
        (("--alertmanager.url", "CLOSED"), 4, "does not answer"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[str, str], status: int, words: str) -> None:
    (tmp_path / "rollwatch.yml").write_text(
        "environment: production\nservices:\n  api:\n    probes:\n"
        "      health: {kind: http, url: http://127.0.0.1/}\n"
    )
    closed = f"http://127.0.0.1:{free_port()}"

    done = _notify_test(tmp_path, *(closed if each == "CLOSED" else each for each in arguments))

    assert done.returncode == status
    assert words in done.stderr
