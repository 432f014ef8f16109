"""Whatever is sent to `/ingest/browser`: it is taken, or refused by name and without a trace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from rollwatch.ingest.browser.beacon import parse_beacon
from rollwatch.ingest.browser.outcomes import Outcome, Unread
from rollwatch.serving.limits import LIMITS, Limits
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import Request
from support.browser_intake import AGENT, NOW, ORIGIN, Browsers, browser_config

WORDS = {*Outcome, *Unread}
WHOLE: dict[str, Any] = {
    "v": 1,
    "id": "0123456789abcdef",
    "service": "web",
    "session": "0123456789abcdef",
    "session_age_s": 1.5,
    "release": "1.0",
    "device": "mobile",
    "sent_at": NOW,
    "events": [
        {"type": "session_start"},
        {"type": "goal", "name": "signup"},
        {"type": "view", "path": "/", "route": "/"},
        {"type": "vital", "name": "LCP", "value": 1.5, "path": "/"},
        {"type": "vital", "name": "CLS", "value": 0.1, "path": "/"},
        {"type": "load", "value": 1, "path": "/"},
        {"type": "heap", "value": 1, "path": "/"},
        {
            "type": "error",
            "kind": "error",
            "name": "E",
            "message": "",
            "stack": "",
            "first": True,
            "path": "/",
        },
    ],
}
KEYS = sorted({*WHOLE, *(key for event in WHOLE["events"] for key in event), "", "user", "__proto__"})
NUMBERS = (
    st.sampled_from([0, -0.0, 1, -1, 50, 600_000, 1e12, 1e300, 2**63, 2**64, NOW, NOW + 2e5]) | st.floats()
)
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["web", "LCP", "CLS", "view", "error", "mobile", "signup", "/", "/?q=1", "a" * 600, "\u202e<script>"]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)


def json_bytes(value: Any) -> bytes:
    """JSON with NaN and infinities as JavaScript's mistakes have them, and halves of surrogate pairs."""
    return json.dumps(value).encode()


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A beacon with a member or two that are something else, more or missing."""
    whole = orjson.loads(orjson.dumps(WHOLE))
    whole["id"] = draw(st.uuids()).hex
    for _ in range(draw(st.integers(0, 2))):
        target = draw(st.sampled_from([whole, *whole["events"]])) if whole.get("events") else whole
        if not isinstance(target, dict):
            continue
        key = draw(st.sampled_from(KEYS))
        if draw(st.booleans()):
            target[key] = draw(VALUES)
        else:
            target.pop(key, None)
        if not isinstance(whole.get("events"), list):
            break
    return json_bytes(whole)


BODIES = spoiled() | VALUES.map(json_bytes) | st.binary(max_size=200) | spoiled().map(lambda body: body[:-3])


class _Content:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def readany(self) -> bytes:
        body, self._body = self._body, b""
        return body


class _Request:
    """As much of a request as a handler looks at."""

    def __init__(self, body: bytes) -> None:
        self.headers = CIMultiDict({"Origin": ORIGIN, "Content-Type": "text/plain", "User-Agent": AGENT})
        self.remote = "127.0.0.1"
        self.content_length = len(body)
        self.content = _Content(body)
        self.app = {LIMITS: Limits()}
        self.protocol = None


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def series(browsers: Browsers) -> dict[tuple[str, ...], Any]:
    told = ("beacons_total", "unread_requests_total", "unknown_goals_total")
    return {
        (family.metric.name, *key): getattr(child, "count", None) or getattr(child, "value", None)
        for family in browsers.store.families()
        for key, child in family.children.items()
        if not family.metric.name.endswith(told)
    }


async def sent(browsers: Browsers, body: bytes) -> Refusal | None:
    """Why it was refused, if it was; any other exception is a failure."""
    try:
        answer = await browsers.intake._post(cast("Request", _Request(body)))
    except Refusal as refused:
        return refused
    assert answer.status == 204
    return None


@given(st.lists(BODIES, min_size=1, max_size=5))
def test_a_body_is_taken_or_refused_by_name_and_then_changes_nothing(
    runner: asyncio.Runner, bodies: list[bytes]
) -> None:
    browsers = Browsers(browser_config(goals=["signup"], routes=["/"], ignore_errors={"none": "^$"}))
    for body in bodies:
        before = series(browsers)
        refused = runner.run(sent(browsers, body))
        assert (series(browsers) == before) is (refused is not None)
        assert refused is None or (400 <= refused.status < 500 and refused.error in WORDS)
    refused_or_taken = {**browsers.shown("beacons_total"), **browsers.shown("unread_requests_total")}
    assert sum(refused_or_taken.values()) == len(bodies)


@given(BODIES)
def test_what_is_read_can_be_written_and_read_again(body: bytes) -> None:
    try:
        beacon = parse_beacon(body)
    except Refusal:
        return
    assert parse_beacon(beacon.model_dump_json(exclude_unset=True).encode()) == beacon
