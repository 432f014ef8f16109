"""What a text message says, and that it never takes more than two segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.bridge.channels.sms_segments import fitted, plain, segments
from rollwatch.bridge.channels.sms_text import SEGMENTS_MAX, sms_text
from support.bridge_alerts import alert


def p0(service: str, name: str = "HealthDown", **options: str) -> object:
    return alert(name, service, "P0", **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("\U0001f525" * 35, 1),
        ("\U0001f525" * 36, 2),
    ],
)
def test_segments_are_counted_as_networks_do(text: str, expected: int) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n b\t c", "a b c"),
        ("\u201cup\u201d \u2013 100 \u2265 5\u2026", '"up" - 100 >= 5...'),
        ("fire \U0001f525 down", "fire down"),
        ("\x00\u202eevil\u2066", "evil"),
        ("Ж лежит", "Ж лежит"),
    ],
)
def test_a_telephone_is_sent_what_it_can_show(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text(max_size=2000), st.integers(1, 3))
def test_what_is_cut_fits_and_what_fits_is_not_cut(text: str, at_most: int) -> None:
    cut = fitted(text, at_most)
    assert segments(cut) <= at_most
    assert (cut == text) == (segments(text) <= at_most)


def test_one_alert_is_told_with_what_is_wrong() -> None:
    assert sms_text([alert()]) == "P0 api HealthDown: api is in trouble: HealthDown"


def test_several_become_one_message_that_names_the_services() -> None:
    text = sms_text([p0("api"), p0("feed"), p0("web"), p0("api", "DatabaseLost")])  # type: ignore[list-item]
    assert text.startswith("production: 4 P0: api (2), feed, web. api is in trouble: HealthDown")


def test_an_escalation_says_so_and_of_which_alert() -> None:
    text = sms_text([alert("EscalatedP1", "api", "P1", escalation="P1", escalated="HttpErrorsHigh")])
    assert text == "P1 escalated api HttpErrorsHigh: api is in trouble: EscalatedP1"


def test_what_is_over_is_told_and_is_not_told_as_firing() -> None:
    text = sms_text([alert(), alert(status="resolved"), alert("HealthDown", "feed", status="resolved")])
    assert text == "production: 2 resolved: api, feed"


def test_one_that_is_over() -> None:
    assert sms_text([alert(status="resolved")]) == "Resolved: P0 api HealthDown"


def test_a_test_is_marked() -> None:
    assert sms_text([alert("TestAlert", "rollwatch", "P0", test="true")]).startswith("TEST P0 rollwatch")


def test_an_alert_of_no_priority_and_no_service_is_told_as_well() -> None:
    assert sms_text([alert("Odd", "", "")]) == "alert Odd:  is in trouble: Odd".replace(":  ", ": ")


def test_a_crowd_is_counted() -> None:
    text = sms_text([p0(f"service-{n}") for n in range(300)])  # type: ignore[misc]
    assert text.startswith("production: 300 P0: ")
    assert segments(text) <= SEGMENTS_MAX
    assert "+288 more" in text


@given(st.lists(st.tuples(st.text(max_size=400), st.text(min_size=1, max_size=400)), min_size=1, max_size=30))
def test_no_label_makes_it_longer_than_two_segments_or_more_than_a_line(said: list[tuple[str, str]]) -> None:
    alerts = [
        alert(name, service, annotations={"summary": service * 3}, key="k", fingerprint=str(n))
        for n, (service, name) in enumerate(said)
    ]
    text = sms_text(alerts)
    assert text
    assert segments(text) <= SEGMENTS_MAX
    assert "\n" not in text


def test_what_is_wrong_with_all_of_them_is_said_once() -> None:
    what = {"summary": "web is down"}
    some = [alert("HealthDown", "web", "P0", annotations=what, location=f"l{n}") for n in range(3)]
    assert sms_text(some) == "production: 3 P0: web (3). web is down"
