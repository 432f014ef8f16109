"""`GET /api/deliveries`: what became of the alerts that arrived, on each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from rollwatch.bridge.alert import MICROSECONDS, iso
from rollwatch.bridge.storage.database import StorageFailed
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.bridge.access import Gate
    from rollwatch.bridge.storage.records import Told
    from rollwatch.bridge.storage.reports import Reports
    from rollwatch.serving.route import Request

__all__ = ["deliveries_routes"]

_LIMIT = 100
_LIMIT_MAX = 1000


def deliveries_routes(
    gate: Gate, reports: Reports, next_summary_at: Callable[[], float | None]
) -> list[Route]:
    """The route; it needs the token, since alerts and the ends of phone numbers are shown."""

    async def answer(request: Request) -> web.StreamResponse:
        gate.check(request.headers.get("Authorization"))
        fingerprint = request.query.get("fingerprint") or None
        try:
            told = await reports.told(fingerprint, _limit(request.query.get("limit")))
        except StorageFailed as failure:
            raise Refusal(
                503, "unreadable", f"The database can't be read: {failure.why}.", "Ask again."
            ) from None
        due = next_summary_at()
        body = {
            "deliveries": [_shown(one) for one in told],
            "next_summary_at": None if due is None else iso(int(due * MICROSECONDS)),
        }
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    return [Route("GET", "/api/deliveries", answer, ANYONE)]


def _limit(text: str | None) -> int:
    if text is None:
        return _LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) >= 1):
        raise Refusal(400, "limit_invalid", "limit is no number from 1 on.", f"Write 1 to {_LIMIT_MAX}.")
    return min(int(text), _LIMIT_MAX)


def _shown(one: Told) -> dict[str, Any]:
    alert = one.alert
    return {
        "fingerprint": alert.fingerprint,
        "status": alert.status.value,
        "alert": alert.name,
        "service": alert.service,
        "priority": alert.priority,
        "test": alert.is_test,
        "starts_at": iso(alert.starts_at),
        "channel": one.lane.channel.value,
        "target": one.lane.shown,
        "state": "kept" if one.state is None else one.state.value,
        "attempts": one.attempts,
        "queued_at": iso(int(one.queued_at * MICROSECONDS)),
        "done_at": None if one.done_at is None else iso(int(one.done_at * MICROSECONDS)),
        "detail": one.detail,
    }
