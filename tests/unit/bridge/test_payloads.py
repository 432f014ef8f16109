"""What webhooks, Sentry and Datadog are sent; odd labels included."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.bridge.channels.datadog import datadog_event
from rollwatch.bridge.channels.sentry import _envelope, parse_dsn, sentry_event
from rollwatch.bridge.channels.webhook import webhook_document
from rollwatch.bridge.failures import SendFailed
from support.bridge_alerts import alert

NOW = 1_764_119_000.0
"""A bit over a minute after the alert began."""
ODD = 'a "quote"\nline\r\x00\x1b[31m <b>bold</b> {{ template }} %%% \U0001f525 \u202e'
TEXTS = {
    "summary": "api is down",
    "description": "Users can't reach it.",
    "value": "12 %",
    "threshold": "5 %",
    "metric": "probe_success",
    "runbook_url": "http://runbook",
    "dashboard_url": "http://dashboard",
    "logs_url": "",
}


def test_a_webhook_gets_what_it_needs_by_name() -> None:
    said = webhook_document(alert(annotations=TEXTS, severity="critical"))
    assert said["text"] == (
        "P0 firing: api is down\nUsers can't reach it.\nValue: 12 %\nLimit: 5 %\nMetric: probe_success\n"
        "Dashboard: http://dashboard\nRunbook: http://runbook"
    )
    named = (
        "timestamp",
        "service",
        "environment",
        "status",
        "alert",
        "priority",
        "severity",
        "starts_at",
        "ends_at",
    )
    assert {name: said[name] for name in named} == {
        "timestamp": "2025-11-26T01:02:03Z",
        "service": "api",
        "environment": "production",
        "status": "firing",
        "alert": "HealthDown",
        "priority": "P0",
        "severity": "critical",
        "starts_at": "2025-11-26T01:02:03Z",
        "ends_at": None,
    }
    assert said["links"] == {"dashboard": "http://dashboard", "runbook": "http://runbook"}
    assert said["test"] is False


def test_what_is_over_is_told_with_its_end() -> None:
    said = webhook_document(alert(status="resolved"))
    assert (said["timestamp"], said["ends_at"]) == ("2025-11-26T01:12:03Z",) * 2
    assert said["id"] != webhook_document(alert())["id"]


def test_the_same_has_the_same_id() -> None:
    assert webhook_document(alert())["id"] == webhook_document(alert())["id"]


def test_a_sentry_event_is_grouped_and_tagged() -> None:
    event = sentry_event(alert(annotations=TEXTS, probe="health"))
    assert re.fullmatch(r"[0-9a-f]{32}", event["event_id"])
    assert event["level"] == "fatal"
    assert event["timestamp"] == 1764118923.123
    assert event["environment"] == "production"
    assert event["fingerprint"] == ["rollwatch", "HealthDown", "api", "production", "firing"]
    assert event["tags"] == {
        "status": "firing",
        "alertname": "HealthDown",
        "service": "api",
        "priority": "P0",
        "probe": "health",
    }
    assert event["message"]["formatted"].startswith("P0 firing: api is down\n")


@pytest.mark.parametrize(
    ("priority", "status", "level", "kind", "urgency"),
    [
        ("P0", "firing", "fatal", "error", "normal"),
        ("P1", "firing", "error", "error", "normal"),
        ("P2", "firing", "warning", "warning", "normal"),
        ("P3", "firing", "info", "info", "low"),
        ("", "firing", "info", "info", "normal"),
        ("P0", "resolved", "info", "success", "normal"),
    ],
)
def test_levels(priority: str, status: str, level: str, kind: str, urgency: str) -> None:
    told = alert(priority=priority, status=status)
    assert sentry_event(told)["level"] == level
    event = datadog_event(told, NOW)
    assert (event["alert_type"], event["priority"]) == (kind, urgency)


def test_an_envelope_is_three_lines_whose_lengths_agree() -> None:
    head, item, event, end = _envelope(alert(annotations={"summary": ODD}), NOW).split(b"\n")
    assert orjson.loads(head)["event_id"] == orjson.loads(event)["event_id"]
    assert orjson.loads(item) == {"type": "event", "content_type": "application/json", "length": len(event)}
    assert end == b""


@pytest.mark.parametrize(
    ("dsn", "url", "key"),
    [
        ("https://abc@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/", "abc"),
        (
            "http://abc:old@sentry.example.com:9000/42",
            "http://sentry.example.com:9000/api/42/envelope/",
            "abc",
        ),
        ("https://abc@example.com/sentry/42/", "https://example.com/sentry/api/42/envelope/", "abc"),
        ("http://abc@[::1]:9000/42", "http://[::1]:9000/api/42/envelope/", "abc"),
    ],
)
def test_a_dsn_says_where_and_who(dsn: str, url: str, key: str) -> None:
    assert parse_dsn(dsn) == (url, key)


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "x",
        "https://example.com/42",
        "https://KEY@/42",
        "ftp://KEY@h/4",
        "https://KEY@h/x",
        "https://KEY@h:x/4",
    ],
)
def test_what_is_no_dsn_is_said_without_quoting_it(dsn: str) -> None:
    with pytest.raises(SendFailed, match="DSN") as caught:
        parse_dsn(dsn)
    assert caught.value.permanent
    assert "KEY@h" not in str(caught.value)


def test_a_datadog_event() -> None:
    event = datadog_event(alert(annotations=TEXTS), NOW)
    assert event["title"] == "P0 firing: api is down"
    assert event["text"].startswith("Users can't reach it.\nValue: 12 %")
    assert event["date_happened"] == 1764118923
    assert "service:api" in event["tags"]
    assert "environment:production" in event["tags"]
    assert len(event["aggregation_key"]) <= 100


@pytest.mark.parametrize("now", [NOW + 18 * 3600, 1_764_118_000.0])
def test_datadog_is_given_no_time_that_it_refuses(now: float) -> None:
    event = datadog_event(alert(), now)
    assert "date_happened" not in event
    assert "Happened at 2025-11-26T01:02:03Z" in event["text"]


@given(st.dictionaries(st.text(max_size=60), st.text(max_size=400), max_size=8), st.text(max_size=5000))
def test_no_label_breaks_the_bounds_of_a_receiver(labels: dict[str, str], text: str) -> None:
    told = alert(
        annotations={"summary": text, "description": text, "value": text}, **{"odd": ODD, **_named(labels)}
    )
    event = sentry_event(told)
    assert all(re.fullmatch(r"[A-Za-z0-9_.:-]{1,32}", name) for name in event["tags"])
    assert all(value and len(value) <= 200 and "\n" not in value for value in event["tags"].values())
    datadog = datadog_event(told, NOW)
    assert len(datadog["title"]) <= 100
    assert "\n" not in datadog["title"]
    assert 0 < len(datadog["text"]) <= 4000
    assert not datadog["text"].startswith("%%%")
    assert all(len(tag) <= 200 and not re.search(r"[\s,]", tag) for tag in datadog["tags"])
    for document in (event, datadog, webhook_document(told)):
        assert orjson.loads(orjson.dumps(document)) == document


def _named(labels: dict[str, str]) -> dict[str, Any]:
    taken = {"name", "service", "priority", "status", "starts_at", "ends_at", "fingerprint", "annotations"}
    return {name: value for name, value in labels.items() if name and name not in taken}
