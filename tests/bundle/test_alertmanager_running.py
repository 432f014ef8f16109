"""What a running Alertmanager really sends, and whom nothing may keep from hearing."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.alert_receiver import GARBAGE, AlertReceiver, Answer
from support.alertmanager import Alertmanager, running_alertmanager
from support.mail_sink import MailSink
from support.processes import wait_for

HANDLER = "/handler/api/monitoring/alerts"
SMS = "/bridge/alerts/sms"
EVENTS = "/bridge/alerts/events"
ODD = """"q" 'a' <!channel> & <script>alert(1)</script> {{ .X }} 🧨 👩‍👩‍👧 \\ %s"""


def _quiet_now() -> str:
    """Quiet hours around now, whenever that is."""
    now = datetime.now(UTC)
    start, end = now - timedelta(hours=2), now + timedelta(hours=2)
    return f'  quiet_hours: {{from: "{start:%H:%M}", to: "{end:%H:%M}", time_zone: UTC}}'


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """In its quiet hours; tests share it and name services of their own."""
    directory = tmp_path_factory.mktemp("quiet")
    with (
        AlertReceiver() as receiver,
        MailSink() as mails,
        running_alertmanager(directory, receiver, mails, _quiet_now()) as alertmanager,
    ):
        yield alertmanager


@pytest.fixture(scope="module")
def am(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Without quiet hours; tests share it and name services of their own."""
    directory = tmp_path_factory.mktemp("am")
    with (
        AlertReceiver() as receiver,
        MailSink() as mails,
        running_alertmanager(directory, receiver, mails) as alertmanager,
    ):
        yield alertmanager


def _of(service: str, priority: str, name: str = "", **more: str) -> dict[str, str]:
    labels = {"alertname": name or f"{service}-{priority}", "service": service, "priority": priority}
    return labels | {"environment": "production"} | more


def _rollback(service: str, **more: str) -> dict[str, str]:
    return _of(service, "rollback", f"Rollback-{service}", rollback="auto", severity="none", **more)


def test_a_p0_reaches_everybody_and_so_does_its_end(am: Alertmanager) -> None:
    labels = _of("pay", "P0", severity="critical")
    am.fire(labels, summary="pay is down", description="All of it.", runbook_url="https://runbooks.example/a")
    slack = wait_for(lambda: am.slack("pay is down"), "Slack")[0]
    assert slack["title"] == "🔴 P0: pay is down"
    assert [action["text"] for action in slack["actions"]] == [
        "Runbook",
        "Dashboard",
        "Metrics",
        "All alerts",
    ]
    assert all(action["url"].startswith("http") for action in slack["actions"])
    mail = wait_for(lambda: am.mail("pay is down"), "mail")[0]
    assert mail.subject == "[P0] pay is down"
    assert mail.to == ["oncall@example.com", "second@example.com"]
    assert "<h2" in mail.part("html")
    sms = wait_for(lambda: am.receiver.alerts(SMS, service="pay"), "SMS")[0]
    assert sms["annotations"]["summary"] == "pay is down"
    page = wait_for(lambda: _pages(am, "pay is down"), "the pager")[0]
    assert (page["event_action"], page["routing_key"]) == ("trigger", "the-routing-key")
    assert page["payload"]["severity"] == "critical"
    for path in (HANDLER, EVENTS):
        assert (
            wait_for(lambda path=path: am.receiver.alerts(path, service="pay"), path)[0]["status"] == "firing"
        )

    am.resolve(labels)
    wait_for(
        lambda: [each for each in am.slack("pay-P0") if each["title"].startswith("✅ Resolved P0")], "Slack"
    )
    wait_for(
        lambda: [mail for mail in am.mails.mails if mail.subject.startswith("[Resolved P0] pay-P0")], "mail"
    )
    wait_for(lambda: "resolve" in {page["event_action"] for page in _pages(am, "pay-P0")}, "the pager")
    for path in (SMS, HANDLER, EVENTS):
        wait_for(lambda path=path: _is_resolved(am, path, "pay"), f"resolved at {path}")


def test_programs_are_shown_their_token(am: Alertmanager) -> None:
    am.fire(_of("tokens", "P0"))
    wait_for(lambda: {SMS, EVENTS, HANDLER} <= {call.path for call in am.receiver.calls}, "all of them")
    for path, token in ((SMS, "bridge"), (EVENTS, "bridge"), (HANDLER, "handler")):
        shown = {call.headers["Authorization"] for call in am.receiver.calls if call.path == path}
        assert shown == {f"Bearer the-token-of-the-{token}"}


def test_a_p0_keeps_its_own_services_lesser_alerts_quiet_and_nobody_elses(am: Alertmanager) -> None:
    am.fire(_of("one", "P0"))
    wait_for(lambda: am.slack("one-P0"), "the P0")
    below = [_of("one", priority) for priority in ("P1", "P2", "P3")]
    others = [
        _of("two", "P1"),
        _of("one", "P1", "Elsewhere", environment="staging"),
        {"alertname": "Nowhere", "service": "one", "priority": "P1"},
        {"alertname": "Nobodys", "priority": "P1", "environment": "production"},
    ]
    am.fire(*below, *others)
    for labels in below:
        assert am.status(**labels)["inhibitedBy"], labels
    for labels in others:
        wait_for(lambda labels=labels: am.slack(labels["alertname"]), f"{labels} in Slack")
        assert not am.status(**labels)["inhibitedBy"]
    am.settle()
    for labels in below:
        assert not am.slack(labels["alertname"])
        assert not am.receiver.alerts(EVENTS, **labels)

    # It was never lost: once the P0 is over it is told.
    am.resolve(_of("one", "P0"))
    wait_for(lambda: am.slack("one-P1"), "the P1 after the P0")


def test_a_p0_without_environment_keeps_nothing_quiet(am: Alertmanager) -> None:
    am.fire({"alertname": "TestP0", "service": "three", "priority": "P0", "test": "true"})
    wait_for(lambda: am.slack("TEST P0"), "the P0")
    am.fire({"alertname": "TestP1", "service": "three", "priority": "P1", "test": "true"})
    wait_for(lambda: am.slack("TEST P1"), "the P1")


def test_nothing_keeps_a_rollback_alert_quiet(quiet: Alertmanager) -> None:
    """Neither a P0 of its service, nor a dead exporter at its location, nor quiet hours."""
    quiet.fire(_of("four", "P0"), _of("rollwatch", "P1", "ExporterDown", location="fra4"))
    wait_for(lambda: quiet.slack("four-P0") and quiet.slack("ExporterDown"), "what might keep it quiet")
    # A rule of somebody else's may give its rollback alert a priority of people.
    for labels in (_rollback("four", location="fra4"), _of("four", "P2", "Theirs", rollback="auto")):
        quiet.fire(labels)
        wait_for(lambda labels=labels: quiet.receiver.alerts(HANDLER, **labels), "the handler")
        status = quiet.status(**labels)
        assert (status["state"], status["inhibitedBy"], status["receivers"]) == ("active", [], ["rollback"])


def test_nothing_keeps_what_the_rollback_handler_says_quiet(quiet: Alertmanager) -> None:
    """While a P0 lasts, that its release was taken back is what people wait for."""
    quiet.fire(_of("event", "P0"), _of("rollwatch", "P1", "ExporterDown", location="event"))
    wait_for(lambda: quiet.slack("event-P0") and quiet.slack("ExporterDown"), "what might keep it quiet")
    said = _of("event", "P1", "RollbackSucceeded", rollback="event", rollback_id="rb-1", location="event")
    other = _of("event", "P1", "HttpErrorsHigh")
    quiet.fire(said, other)
    wait_for(lambda: quiet.slack("RollbackSucceeded"), "Slack")
    wait_for(lambda: quiet.receiver.alerts(EVENTS, **said), "the events")
    assert quiet.status(**said)["inhibitedBy"] == []
    assert quiet.status(**other)["inhibitedBy"], "the P0 keeps nothing quiet at all"


def test_a_rollback_alert_goes_to_the_handler_only(am: Alertmanager) -> None:
    labels = _rollback("five")
    am.fire(labels)
    wait_for(lambda: am.receiver.alerts(HANDLER, **labels), "the handler")
    am.settle()
    assert am.status(**labels)["receivers"] == ["rollback"]
    assert {call.path for call in am.receiver.calls if "Rollback-five" in str(call.body)} == {HANDLER}
    assert not am.mail("Rollback-five")


def test_a_dead_exporter_keeps_the_alerts_of_its_own_location_quiet(am: Alertmanager) -> None:
    am.fire(_of("rollwatch", "P1", "ExporterDown", location="ams6"))
    wait_for(lambda: am.slack("ExporterDown"), "the dead exporter")
    here = _of("six", "P1", "Here", location="ams6")
    others = [
        _of("six", "P1", "There", location="nyc6"),
        _of("six", "P1", "Everywhere"),
        _of("rollwatch", "P1", "ExporterDown", location="lon6"),
    ]
    am.fire(here, *others)
    assert am.status(**here)["inhibitedBy"]
    for labels in others:
        wait_for(lambda labels=labels: am.receiver.alerts(EVENTS, **labels), f"{labels}")
        assert not am.status(**labels)["inhibitedBy"]
    am.settle()
    assert not am.receiver.alerts(EVENTS, **here)


def test_a_dead_exporter_of_no_location_keeps_nothing_quiet(am: Alertmanager) -> None:
    am.fire(_of("rollwatch", "P1", "ExporterDown", instance="a"))
    am.fire(_of("seven", "P1", "Unlocated"))
    wait_for(lambda: am.slack("Unlocated"), "the other alert")


def test_in_quiet_hours_p2_and_p3_wait_and_p1_does_not(quiet: Alertmanager) -> None:
    waiting = [
        _of("eight", "P2"),
        _of("eight", "P3"),
        _of("eight", "P2", "Persistent", escalation="P2"),
        _of("shop", "P2", "shop-P2"),
    ]
    quiet.fire(*waiting)
    quiet.fire(_of("eight", "P1"), _of("shop", "P1", "shop-P1"))
    wait_for(lambda: quiet.slack("eight-P1") and quiet.slack("shop-P1"), "the P1s")
    for labels in waiting:
        # The summary of the day has them all the same.
        wait_for(lambda labels=labels: quiet.receiver.alerts(EVENTS, **labels), f"{labels} in the events")
    quiet.settle()
    for labels in waiting:
        assert not quiet.slack(labels["alertname"])
        assert not quiet.mail(labels["alertname"])


def test_a_service_is_told_on_its_own_channels(am: Alertmanager) -> None:
    am.fire(_of("shop", "P1", "shop-trouble"), _of("shop", "P1", "shop-long", escalation="P1"))
    wait_for(lambda: am.receiver.taken("/slack/shop"), "its Slack")
    (mail,) = wait_for(lambda: am.mail("shop-long"), "its escalation")
    assert mail.to == ["boss@example.com"]
    wait_for(lambda: am.mail("shop-trouble"), "mail, which it has not of its own")
    assert "shop-trouble" not in str(am.receiver.taken("/slack"))
    assert not am.receiver.alerts(SMS, service="shop")


def test_the_watchdog_is_passed_on_to_the_bridge(am: Alertmanager) -> None:
    am.fire({"alertname": "Watchdog", "severity": "none", "service": "rollwatch"})
    wait_for(lambda: am.receiver.alerts("/bridge/alerts/watchdog", alertname="Watchdog"), "the bridge")


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Answer(500, b"<html>oh no"), id="says-500"),
        pytest.param(Answer(503, b""), id="says-503"),
        pytest.param(GARBAGE, id="answers-garbage"),
        pytest.param(Answer(403, b"no"), id="refuses"),
        pytest.param(Answer(302, b""), id="redirects"),
    ],
)
def test_what_a_receiver_does_not_take_comes_again(bad: Answer, am: Alertmanager) -> None:
    paths = (HANDLER, EVENTS, SMS, "/slack", "/pagerduty")
    service = f"again-{bad.status}-{bad.raw is None}"
    am.receiver.standing |= dict.fromkeys(paths, bad)
    try:
        am.fire(_of(service, "P0"))
        for path in paths:
            wait_for(lambda path=path: _tries(am, path, service), f"the first try at {path}")
    finally:
        am.receiver.standing.clear()
    for path in paths:
        wait_for(lambda path=path: _tries(am, path, service, taken=True), f"the try that works at {path}")


def test_a_receiver_that_is_down_hears_when_it_is_back(tmp_path: Path) -> None:
    with AlertReceiver() as receiver, MailSink() as mails:
        port, mail_port = receiver.port, mails.port
        with running_alertmanager(tmp_path, receiver, mails) as am:
            receiver.__exit__()
            mails.__exit__()
            rollback, labels = _rollback("down"), _of("down", "P0")
            am.fire(rollback, labels)
            wait_for(lambda: am.status(**rollback)["receivers"] == ["rollback"], "it to be routed")
            # It tries again by itself; all that this waits for is that it has tried in vain.
            time.sleep(1)
            with receiver, mails:
                assert (receiver.port, mails.port) == (port, mail_port)
                for path in (HANDLER, EVENTS, SMS):
                    wait_for(lambda path=path: receiver.alerts(path, service="down"), f"{path} to hear")
                wait_for(lambda: receiver.alerts(HANDLER, **rollback), "the handler to hear")
                wait_for(lambda: am.slack("down-P0") and am.mail("down-P0"), "people to hear")
            # For the end of the outer context.
            receiver.__enter__()
            mails.__enter__()


def test_a_slow_receiver_hears_once_and_holds_up_nobody(am: Alertmanager) -> None:
    am.receiver.standing["/slack"] = Answer(delay_s=3)
    try:
        am.fire(_of("slow", "P1"))
        wait_for(lambda: am.mail("slow-P1"), "mail")
        assert not am.slack("slow-P1")
        am.resolve(_of("slow", "P1"))
        wait_for(
            lambda: [mail for mail in am.mail("slow-P1") if "Resolved" in mail.subject], "the end, by mail"
        )
        wait_for(lambda: am.slack("slow-P1"), "Slack")
    finally:
        del am.receiver.standing["/slack"]
    assert len([each for each in am.slack("slow-P1") if "Resolved" not in each["title"]]) == 1


def test_a_mail_server_that_says_nothing_holds_up_nobody_else(tmp_path: Path) -> None:
    """Alertmanager sets it no time: a receiver with several channels would stand still for good."""
    with (
        AlertReceiver() as receiver,
        MailSink(is_silent=True) as mails,
        running_alertmanager(tmp_path, receiver, mails) as am,
    ):
        am.fire(_of("mute", "P1"))
        wait_for(lambda: am.slack("mute-P1"), "Slack")
        am.resolve(_of("mute", "P1"))
        wait_for(
            lambda: [each for each in am.slack("mute-P1") if "Resolved" in each["title"]], "its end in Slack"
        )


def test_odd_values_arrive_as_they_are(am: Alertmanager) -> None:
    am.fire(
        _of("odd", "P0", probe=ODD, long="ü" * 5000, new="a\nb"),
        summary=f"odd {ODD}",
        description=ODD * 200,
        value=ODD,
    )
    slack = wait_for(lambda: am.slack("odd "), "Slack")[0]
    assert html.unescape(slack["title"]) == f"🔴 P0: odd {ODD}"
    assert f"\nValue: {ODD}\n" in html.unescape(slack["text"])
    assert "<" not in slack["title"] + slack["text"]
    mail = wait_for(lambda: am.mail("odd "), "mail")[0]
    assert mail.subject == f"[P0] odd {ODD}"
    assert ODD in mail.part("plain")
    assert ODD in html.unescape(mail.part("html"))
    assert "<script" not in mail.part("html")
    page = wait_for(lambda: _pages(am, "odd "), "the pager")[0]
    assert page["payload"]["summary"] == f"P0: odd {ODD}"
    for path in (SMS, EVENTS, HANDLER):
        labels = wait_for(lambda path=path: am.receiver.alerts(path, service="odd"), path)[0]["labels"]
        assert (labels["probe"], labels["long"], labels["new"]) == (ODD, "ü" * 5000, "a\nb")


def test_a_told_alert_is_not_told_again_before_its_time(am: Alertmanager) -> None:
    am.fire(_of("told", "P1"))
    wait_for(lambda: am.slack("told-P1") and am.receiver.alerts(EVENTS, service="told"), "the first time")
    for _ in range(2):
        am.fire(_of("told", "P1"))
        am.settle()
    assert len(am.slack("told-P1")) == len(am.mail("told-P1")) == 1
    assert len(am.receiver.alerts(EVENTS, service="told")) == 1


def test_programs_hear_each_alert_once_however_many_join_it(am: Alertmanager) -> None:
    am.fire(_of("join", "P1", "First"))
    wait_for(lambda: am.slack("First"), "the first")
    am.fire(_of("join", "P1", "Second"))
    wait_for(lambda: am.slack("Second"), "the second, in one message with the first")
    am.settle()
    for path in (EVENTS, HANDLER):
        assert [each["labels"]["alertname"] for each in am.receiver.alerts(path, service="join")] == [
            "First",
            "Second",
        ]


def _pages(am: Alertmanager, text: str) -> list[dict[str, Any]]:
    return [body for body in am.receiver.taken("/pagerduty") if text in body["payload"]["summary"]]


def _is_resolved(am: Alertmanager, path: str, service: str) -> bool:
    return "resolved" in {alert["status"] for alert in am.receiver.alerts(path, service=service)}


def _tries(am: Alertmanager, path: str, service: str, *, taken: bool = False) -> bool:
    return any(
        call.path == path and service in str(call.body) and call.is_taken is taken
        for call in am.receiver.calls
    )
