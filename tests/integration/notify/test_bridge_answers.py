"""What `rollwatch notify test` makes of what the bridge says of its alerts."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from rollwatch.notify.bridge import Sent, sent_by_bridge
from support.bridge_running import Call, far_end


def _row(fingerprint: str, state: str, detail: str = "") -> dict[str, str]:
    what = {"service": "api", "priority": "P0", "status": "firing", "channel": "sms", "target": "…5678"}
    return {**what, "fingerprint": fingerprint, "state": state, "detail": detail}


async def _sent(*answers: list[dict[str, str]], expected: set[str], within_s: float) -> list[Sent]:
    """What is found where the bridge answers so, the last for ever."""
    left = list(answers)

    def answer(_: Call) -> web.Response:
        return web.json_response({"deliveries": left.pop(0) if len(left) > 1 else left[0]})

    async with far_end(answer) as end, aiohttp.ClientSession() as session:
        return await sent_by_bridge(
            session, end.url, "token", {"a", "b"}, expected=expected, within_s=within_s
        )


@pytest.mark.parametrize(
    ("expected", "found"),
    [(set(), {"a"}), ({"a"}, {"a"}), ({"a", "b"}, {"a", "b"})],
    ids=["none", "one", "all"],
)
async def test_an_alert_that_has_not_come_yet_is_waited_for(expected: set[str], found: set[str]) -> None:
    first, both = [_row("a", "sent")], [_row("a", "sent"), _row("b", "sent"), _row("other", "sent")]
    sent = await _sent(first, both, expected=expected, within_s=20.0)
    assert {one.fingerprint for one in sent} == found


async def test_what_does_not_come_in_time_is_not_there() -> None:
    assert await _sent([], expected={"a"}, within_s=0.5) == []


async def test_what_waits_for_another_attempt_is_seen_to_be_under_way() -> None:
    (one,) = await _sent([_row("a", "queued", "it answered 503")], expected={"a"}, within_s=0.5)
    assert (one.is_under_way, one.detail) == (True, "it answered 503")
