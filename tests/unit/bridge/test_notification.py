"""What Alertmanager posts, read: by 0.25 and newer, and by nobody we know."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from rollwatch.alertmanager.notification import ALERTS_MAX, Status
from rollwatch.bridge.alert import from_stored
from rollwatch.bridge.notification import parse
from rollwatch.serving.refusal import Refusal

ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "HealthDown", "service": "api", "environment": "production", "priority": "P0"},
    "annotations": {"summary": "api is down"},
    "startsAt": "2025-11-26T01:02:03.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "abcdef0123456789",
}
DOCUMENT: dict[str, Any] = {
    "version": "4",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "events",
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager",
    "alerts": [ALERT],
}


def body(**changes: Any) -> bytes:
    return orjson.dumps({**DOCUMENT, **changes})


def with_alert(**changes: Any) -> bytes:
    return body(alerts=[{**ALERT, **changes}])


def test_a_firing_alert_is_read_whole() -> None:
    (alert,) = parse(body()).alerts
    assert alert.identity == ("abcdef0123456789", "firing", 1764118923123456)
    assert (alert.name, alert.service, alert.environment, alert.priority) == (
        "HealthDown",
        "api",
        "production",
        "P0",
    )
    assert (alert.status, alert.ends_at, alert.summary) == (Status.FIRING, None, "api is down")


def test_a_resolved_alert_has_an_end_and_an_identity_of_its_own() -> None:
    (firing,) = parse(body()).alerts
    (resolved,) = parse(with_alert(status="resolved", endsAt="2025-11-26T02:12:03+01:00")).alerts
    assert resolved.ends_at == 1764119523000000
    assert resolved.identity != firing.identity
    assert resolved.identity.digest != firing.identity.digest


@pytest.mark.parametrize("ends_at", ["0001-01-01T00:00:00Z", "", None, "2025-11-25T00:00:00Z"])
def test_an_end_that_is_none_makes_no_long_life(ends_at: object) -> None:
    (resolved,) = parse(with_alert(status="resolved", endsAt=ends_at)).alerts
    assert resolved.ends_at == resolved.starts_at


def test_keys_of_releases_to_come_are_passed_over() -> None:
    newer = body(notificationReason="first", alerts=[{**ALERT, "silencedBy": [], "x": {"y": 1}}])
    assert parse(newer) == parse(body())


def test_the_zone_in_which_a_time_is_written_makes_no_difference() -> None:
    elsewhere = with_alert(startsAt="2025-11-26T02:02:03.123456789+01:00")
    assert parse(elsewhere).alerts[0].identity == parse(body()).alerts[0].identity


@pytest.mark.parametrize("fingerprint", [None, "", 7, "with space", "ä", "x" * 65])
def test_without_a_fingerprint_the_labels_make_one(fingerprint: object) -> None:
    (one,) = parse(with_alert(fingerprint=fingerprint)).alerts
    reordered = dict(reversed(ALERT["labels"].items()))
    (same,) = parse(with_alert(fingerprint=fingerprint, labels=reordered)).alerts
    (other,) = parse(with_alert(fingerprint=fingerprint, labels={"alertname": "Other"})).alerts
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b'{"version": "4", "alerts": [\xff]}', "no JSON"),
        (b"[]", "no object"),
        (body(version="3"), "version 4"),
        (body(version=4), "version 4"),
        (body(alerts=None), "no list of alerts"),
        (body(alerts={}), "no list of alerts"),
        (body(alerts=["x"]), "Alert 1 is no object"),
        (body(alerts=[ALERT, {**ALERT, "status": "maybe"}]), "Alert 2 is neither"),
        (with_alert(labels={}), "Alert 1 has no labels"),
        (with_alert(labels=[1]), "Alert 1 has no labels"),
        (with_alert(startsAt=None), "does not say when"),
        (with_alert(startsAt="yesterday"), "does not say when"),
        (with_alert(startsAt="2025-11-26T01:02:03"), "does not say when"),
        (body(alerts=[ALERT] * (ALERTS_MAX + 1)), "more than"),
    ],
)
def test_what_is_no_notification_is_refused_with_its_reason(document: bytes, complaint: str) -> None:
    with pytest.raises(Refusal, match=complaint) as caught:
        parse(document)
    assert caught.value.status == 400
    assert caught.value.remedy


def test_texts_are_bounded_and_what_is_no_text_is_left_out() -> None:
    labels = {**{f"label{n:03}": "x" * 5000 for n in range(200)}, "alertname": "A", "n": 1}
    (alert,) = parse(with_alert(labels=labels, annotations={"summary": "y" * 99_999})).alerts
    assert len(alert.labels) == 64
    assert alert.name == "A"
    assert max(len(value) for value in alert.labels.values()) == 1024
    assert len(alert.summary) == 4096


def test_what_is_stored_is_read_back_as_it_was() -> None:
    labels = {"alertname": 'odd "quotes"\n\U0001f525 <b>&', "service": "ünïcode\u0000"}
    (alert,) = parse(with_alert(labels=labels, status="resolved")).alerts
    assert from_stored(alert.identity, alert.stored()) == alert


def test_alerts_that_were_left_out_are_counted() -> None:
    assert parse(body(truncatedAlerts=12)).truncated == 12
    assert parse(body(truncatedAlerts=None)).truncated == 0
