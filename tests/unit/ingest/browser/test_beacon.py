"""What a beacon may be, and how what it may not be is told."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from rollwatch.ingest.browser.beacon import parse_beacon
from rollwatch.serving.refusal import Refusal

PLACE = {"path": "/stocks/AAPL", "route": "/stocks/:symbol"}
EVENTS: list[dict[str, Any]] = [
    {"type": "session_start"},
    {"type": "view", **PLACE},
    {"type": "view", "path": "/"},
    *({"type": "vital", "name": name, "value": 1800.5, **PLACE} for name in ("LCP", "INP", "FCP", "TTFB")),
    {"type": "vital", "name": "CLS", "value": 0.05, **PLACE},
    {"type": "load", "value": 2100, **PLACE},
    {"type": "goal", "name": "signup"},
    {
        "type": "error",
        "kind": "rejection",
        "name": "Error",
        "message": "",
        "stack": "at f",
        "first": False,
        **PLACE,
    },
    {"type": "error", "kind": "error", "name": "Error", "message": "m" * 1000, "first": True, **PLACE},
    {"type": "heap", "value": 25_000_000, **PLACE},
]
WHOLE: dict[str, Any] = {
    "v": 1,
    "id": "0123456789abcdef",
    "service": "web",
    "session": "a-Z_0123",
    "session_age_s": 312.5,
    "release": "2.8.1",
    "device": "mobile",
    "sent_at": 1764111111.123,
    "events": EVENTS,
}
LCP = {"type": "vital", "name": "LCP", "value": 1, "path": "/"}
ERROR = EVENTS[-2]


def with_event(*events: Any) -> bytes:
    return orjson.dumps({**WHOLE, "events": events})


def with_member(**members: Any) -> bytes:
    return orjson.dumps({**WHOLE, **members})


def without(name: str) -> bytes:
    return orjson.dumps({key: value for key, value in WHOLE.items() if key != name})


def refusal(body: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse_beacon(body)
    return caught.value


def test_every_kind_of_event_is_read() -> None:
    beacon = parse_beacon(orjson.dumps(WHOLE))
    assert beacon.model_dump(exclude_unset=True) == {**WHOLE, "events": tuple(EVENTS)}


def test_as_many_events_as_fit_are_read() -> None:
    assert len(parse_beacon(with_event(*[LCP] * 50)).events) == 50


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        orjson.dumps(WHOLE)[:-20],
        orjson.dumps(WHOLE) + b"{}",
        b"\xef\xbb\xbf" + orjson.dumps(WHOLE),
        orjson.dumps(WHOLE).decode().encode("utf-16"),
        orjson.dumps(WHOLE).replace(b"AAPL", b"\xff"),
        orjson.dumps(WHOLE).replace(b"AAPL", b"\xed\xa0\x80"),
        orjson.dumps(WHOLE).replace(b"AAPL", b"\\ud800"),
        orjson.dumps(WHOLE).replace(b"AAPL", b"\x00"),
        orjson.dumps(WHOLE).replace(b"312.5", b"9" * 60_000),
        orjson.dumps(WHOLE).replace(b"312.5", b"012"),
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"%PDF-1.7",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_is_told_so(body: bytes) -> None:
    refused = refusal(body)
    assert (refused.status, refused.error) == (400, "json_invalid")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"null", "it must be an object"),
        (b"[]", "it must be an object"),
        (without("session"), "session is missing"),
        (with_member(v=2), "v must be 1"),
        (with_member(v=True), "v must be 1"),
        (with_member(v="1"), "v must be 1"),
        (with_member(id="short"), "id has characters it can't have, or is too short or too long"),
        (with_member(id="0123456789abcdef\n"), "id has characters it can't have"),
        (with_member(session="a b c d e f"), "session has characters it can't have"),
        (with_member(service=""), "service must have at least 1 character"),
        (with_member(service="s" * 65), "service must have at most 64 characters"),
        (with_member(device="tablet"), "device must be 'mobile' or 'desktop'"),
        (with_member(release=7), "release must be a valid string"),
        (with_member(session_age_s=-1), "session_age_s must be greater than or equal to 0"),
        (with_member(session_age_s=True), "session_age_s must be a valid number"),
        (with_member(sent_at="now"), "sent_at must be a valid number"),
        (with_member(sent_at=1e300), "sent_at must be less than or equal to"),
        (orjson.dumps(WHOLE).replace(b"312.5", b"NaN"), "session_age_s must be a finite number"),
        (orjson.dumps(WHOLE).replace(b"312.5", b"-Infinity"), "session_age_s must be a finite number"),
        (orjson.dumps(WHOLE).replace(b"312.5", b"1e999"), "session_age_s must be a finite number"),
        (with_member(events=[]), "events must have at least 1 item"),
        (with_member(events={}), "events must be a valid array"),
        (with_event(*[LCP] * 51), "events must have at most 50 items"),
        (with_event(7), "events[0] must be an object"),
        (with_event(LCP, {}), "events[1].type must be one of error, goal, heap, load, session_start"),
        (with_event({"type": "<script>"}), "events[0].type must be one of"),
        (with_event({**LCP, "name": "FID"}), "events[0].name must be one of LCP, INP, CLS, FCP, TTFB"),
        (with_event({**LCP, "value": -0.1}), "events[0].value must be greater than or equal to 0"),
        (with_event({**LCP, "value": 600_001}), "events[0].value must be less than or equal to 600000"),
        (
            with_event({**LCP, "name": "CLS", "value": 101}),
            "events[0].value must be less than or equal to 100",
        ),
        (with_event({**LCP, "value": "1"}), "events[0].value must be a valid number"),
        (with_event({**LCP, "path": "/a?b=c"}), "events[0].path has characters it can't have"),
        (with_event({**LCP, "route": "/a#b"}), "events[0].route has characters it can't have"),
        (with_event({**LCP, "path": "/" * 513}), "events[0].path must have at most 512 characters"),
        (with_event({"type": "load", "value": 1}), "events[0].path is missing"),
        (with_event({"type": "heap", "value": 2e12, "path": "/"}), "events[0].value must be less than"),
        (with_event({**ERROR, "first": 1}), "events[0].first must be a valid boolean"),
        (with_event({**ERROR, "kind": "warning"}), "events[0].kind must be 'error' or 'rejection'"),
        (with_event({**ERROR, "stack": "s" * 16_385}), "events[0].stack must have at most 16384 characters"),
        (with_member(ip="192.0.2.1"), "it has a key that does not exist there"),
        (with_event({**LCP, "user": "ada"}), "events[0] has a key that does not exist there"),
    ],
)
def test_the_fault_is_named_with_its_place(body: bytes, words: str) -> None:
    refused = refusal(body)
    assert (refused.status, refused.error) == (422, "beacon_invalid")
    assert words in refused.message
    assert "docs/browser.md" in refused.remedy


def test_at_most_three_faults_are_named() -> None:
    assert refusal(b"{}").message == (
        "The beacon is not as it must be: v is missing; id is missing; service is missing; and 5 more."
    )


def test_only_the_first_bad_event_is_named() -> None:
    assert refusal(with_event({}, {}, {})).message.count("events") == 1


def test_thousands_of_faults_are_not_listed() -> None:
    body = orjson.dumps({f"key{index}": index for index in range(5000)})
    assert refusal(body).message == "The beacon has 5008 faults."


@pytest.mark.parametrize(
    "body",
    [
        with_member(HOSTILE=1),
        with_member(service=["HOSTILE"]),
        with_member(device="HOSTILE"),
        with_member(session="HOSTILE HOSTILE"),
        with_event({"type": "HOSTILE"}),
        with_event({**LCP, "name": "HOSTILE"}),
        with_event({**LCP, "HOSTILE": {"HOSTILE": "HOSTILE"}}),
        with_event({**LCP, "value": "HOSTILE"}),
        with_event({**LCP, "path": "/HOSTILE?HOSTILE"}),
        b'{"v": HOSTILE}',
    ],
)
def test_nothing_that_was_sent_is_in_the_answer(body: bytes) -> None:
    refused = refusal(body)
    assert "HOSTILE" not in refused.message + refused.remedy + repr(refused)
