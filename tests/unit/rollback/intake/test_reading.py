"""A notification, sorted: what may lead to a rollback, what never does, and what can't be used."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.alertmanager.notification import NotificationInvalid
from rollwatch.rollback.intake.reading import read_delivery
from support.rollback_notifications import alert, notification


def test_an_alert_is_read_whole() -> None:
    (read,) = read_delivery(notification(alert())).rollback
    assert (read.name, read.service, read.environment) == ("RollbackHttpErrorRatio", "api", "production")
    assert (read.is_firing, read.is_for_rollback, read.ends_at) == (True, True, None)
    assert read.paging_twin == "HttpErrorRatio"
    # Nine digits of a second are cut to microseconds; the year 1 is no end.
    assert read.incident == "9f86d081884c7d65:1764144000.123456"


def test_each_alert_has_its_own_status_and_destination() -> None:
    found = read_delivery(
        notification(
            alert(),
            alert(status="resolved", endsAt="2025-11-26T08:10:00Z", fingerprint="b" * 16),
            alert({"rollback": None, "priority": "P0"}),
            alert({"rollback": None, "priority": "P1"}),
            alert({"rollback": None, "priority": "P2"}),
            alert({"rollback": "no", "priority": None}),
            truncatedAlerts=3,
        )
    )
    assert [one.is_firing for one in found.rollback] == [True, False]
    assert found.rollback[1].ends_at == 1764144600.0
    assert (found.timeline, found.ignored, found.truncated) == (2, 2, 3)


@pytest.mark.parametrize("ends_at", ["0001-01-01T00:00:00Z", "", None, "2025-11-25T00:00:00Z"])
def test_an_end_that_is_none_is_the_beginning(ends_at: object) -> None:
    (read,) = read_delivery(notification(alert(status="resolved", endsAt=ends_at))).rollback
    assert read.ends_at == read.starts_at


def test_what_alertmanager_leaves_out_is_not_missed() -> None:
    bare = {"version": "4", "alerts": [{key: alert()[key] for key in ("status", "labels", "startsAt")}]}
    read = read_delivery(notification(**bare)).rollback[0]
    assert (read.annotations, len(read.fingerprint)) == ({}, 16)


def test_without_a_fingerprint_the_labels_in_any_order_make_one() -> None:
    one = alert(fingerprint="")
    other = {**one, "labels": dict(reversed(one["labels"].items()))}
    first, second = read_delivery(notification(one, other)).rollback
    assert first.incident == second.incident


HOSTILE = [
    "; rm -rf /",
    "$(reboot)",
    "`id`",
    "--upload-pack=x",
    "a b",
    "a\nb",
    "a\0b",
    "ünï",
    "x" * 129,
    "",
    None,
]


@pytest.mark.parametrize("label", ["alertname", "service"])
@pytest.mark.parametrize("value", HOSTILE)
def test_what_names_things_is_a_plain_word_or_the_alert_is_refused(label: str, value: str | None) -> None:
    found = read_delivery(notification(alert({label: value}), alert()))
    assert [one.number for one in found.unusable] == [1]
    assert len(found.rollback) == 1, "the other one counts"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("x", "no object"),
        (alert(status="maybe"), "neither"),
        (alert(labels=None) | {"labels": {}}, "no labels"),
        ({**alert(), "labels": ["x"]}, "no labels"),
        (alert({"n": 1}), "no text"),
        (alert({"blob": "x" * 1025}), "longer"),
        (alert({"blob": "x" * 1_000_000}), "longer"),
        (alert({"n" * 129: "x"}), "longer"),
        (alert({"blob": "a\0b"}), "NUL"),
        (alert({"na\0me": "b"}), "NUL"),
        (alert({f"label{n}": "x" for n in range(64)}), "more than 64"),
        (alert(startsAt=None), "when it began"),
        (alert(startsAt="2025-11-26T08:00:00"), "when it began"),
        (alert(startsAt="soon"), "when it began"),
        (alert({"environment": "pro duction"}), "environment"),
        (alert(annotations={"paging_twin": 'x"} or up{'}), "paging_twin"),
    ],
)
def test_an_alert_that_cant_be_used_is_refused_alone(bad: Any, why: str) -> None:
    found = read_delivery(notification(alert(), bad, alert()))
    assert [(one.number, why in one.why) for one in found.unusable] == [(2, True)]
    assert len(found.rollback) == 2


def test_other_labels_may_say_anything_and_are_kept_as_they_are() -> None:
    said = {"team": "; rm -rf /", "pod": "$(x)\n--flag", "note": "\u202eünïcode \U0001f525"}
    (read,) = read_delivery(notification(alert(said))).rollback
    assert {name: read.labels[name] for name in said} == said


def test_annotations_are_cut_and_never_hold_a_nul() -> None:
    said = {"summary": "y" * 99_999, "odd": "a\0b", "n": 1, **{f"more{n:03}": "" for n in range(99)}}
    (read,) = read_delivery(notification(alert(annotations=said))).rollback
    assert len(read.annotations) == 64
    assert len(read.annotations.get("summary", "")) in {0, 4096}
    assert "\0" not in "".join(read.annotations.values())


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[]", "no object"),
        (b'{"text": "a custom payload"}', "version 4"),
        (notification(version="3"), "version 4"),
        (notification(version="5"), "version 4"),
        (notification(alerts=None), "no list"),
        (notification(alerts={}), "no list"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_notification_is_refused_whole(document: bytes, why: str) -> None:
    with pytest.raises(NotificationInvalid, match=why) as caught:
        read_delivery(document)
    assert caught.value.remedy


@pytest.mark.parametrize("said", [True, None, "3", -1, 2.5, [], 0])
def test_a_count_that_is_none_is_zero(said: object) -> None:
    counted = read_delivery(notification(truncatedAlerts=said)).truncated
    assert (counted, type(counted)) == (0, int)


def test_no_alerts_are_none() -> None:
    found = read_delivery(notification())
    assert (found.rollback, found.timeline, found.ignored, found.unusable) == ((), 0, 0, ())
