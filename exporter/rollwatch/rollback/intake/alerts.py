"""`POST /api/monitoring/alerts`. 2xx means that all of it is durable; 5xx that it shall be sent again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from aiohttp import web

from rollwatch.alertmanager.notification import NotificationInvalid
from rollwatch.rollback.intake.reading import Delivered, read_delivery
from rollwatch.rollback.journal_port import Taken
from rollwatch.rollback.model.words import Role
from rollwatch.rollback.ports import JournalFailed
from rollwatch.serving.body import read_body
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.serving.route import Request

__all__ = ["ALERTS_PATH", "BODY_MAX", "AlertIntake", "Arrival", "IntakeOutcome"]

_log = structlog.get_logger(__name__)

ALERTS_PATH = "/api/monitoring/alerts"
BODY_MAX = 4 * 1024**2
"""Some thousand alerts with their annotations. The listener's `Limits.body_bytes` must be as large."""
_LARGE = 64 * 1024
_LISTED = 20
_REQUEST_S = 15.0


class IntakeOutcome(StrEnum):
    """What became of a notification."""

    TAKEN = "taken"
    REFUSED = "refused"
    """It can't be read, whoever sends it again."""
    UNWRITABLE = "unwritable"
    """The journal could not keep it; Alertmanager will send it again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One notification, for whoever counts."""

    outcome: IntakeOutcome
    new: int = 0
    """Rollbacks that now wait to be judged."""
    repeated: int = 0
    resolved: int = 0
    timeline: int = 0
    ignored: int = 0
    refused: int = 0
    truncated: int = 0


class AlertIntake:
    """Takes what Alertmanager delivers. `units` says which release unit each declared service belongs to."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        units: Callable[[], Mapping[str, str]],
        wake: Callable[[], None],
        on_arrival: Callable[[Arrival], None] = lambda _: None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._units = units
        self._wake = wake
        self._on_arrival = on_arrival

    def routes(self) -> list[Route]:
        alert = frozenset({Role.ALERT})
        return [Route("POST", ALERTS_PATH, self._answer, alert, is_open=False, request_s=_REQUEST_S)]

    async def _answer(self, request: Request) -> web.StreamResponse:
        try:
            delivered = await self._read(request)
            taken = await self._take(delivered)
        except Refusal as refusal:
            outcome = IntakeOutcome.UNWRITABLE if refusal.status == 503 else IntakeOutcome.REFUSED
            self._on_arrival(Arrival(outcome))
            _log.warning(
                "notification_refused", status=refusal.status, why=refusal.message, client=request.remote
            )
            raise
        self._told(delivered, taken)
        if taken.new:
            self._wake()
        return web.Response(body=orjson.dumps(_shown(delivered, taken)), content_type="application/json")

    async def _read(self, request: Request) -> Delivered:
        body = await read_body(request, BODY_MAX)
        if request.content_type != "application/json":
            raise Refusal(
                415,
                "content_type",
                "The body is not declared as JSON.",
                "Send Content-Type: application/json, as Alertmanager does.",
            )
        try:
            return (
                read_delivery(body) if len(body) <= _LARGE else await asyncio.to_thread(read_delivery, body)
            )
        except NotificationInvalid as invalid:
            raise Refusal(400, "notification_invalid", invalid.message, invalid.remedy) from None

    async def _take(self, delivered: Delivered) -> Taken:
        if not delivered.rollback:
            return Taken()
        units = self._units()
        # What no configuration names is taken as well: that it was denied, and why, is to be found later.
        alerts = [(alert, units.get(alert.service, alert.service)) for alert in delivered.rollback]
        try:
            return await self._journal.take(alerts, self._clock.wall())
        except JournalFailed as failure:
            _log.error("journal_failed", why=failure.why, kept=0, alerts=len(alerts))
            raise Refusal(
                503,
                "unwritable",
                "Nothing was taken: the journal can't keep what arrives.",
                "Make room on its disk, or see the log for what else is wrong with it.",
                headers={"Retry-After": "10"},
            ) from None

    def _told(self, delivered: Delivered, taken: Taken) -> None:
        self._on_arrival(
            Arrival(
                IntakeOutcome.TAKEN,
                new=len(taken.new),
                repeated=taken.repeated,
                resolved=taken.resolved,
                timeline=delivered.timeline,
                ignored=delivered.ignored,
                refused=len(delivered.unusable),
                truncated=delivered.truncated,
            )
        )
        if delivered.truncated:
            _log.warning(
                "notification_truncated",
                left_out=delivered.truncated,
                remedy="set max_alerts: 0 on the receiver: what it leaves out is not acted on",
            )
        for number, why in delivered.unusable[:_LISTED]:
            _log.warning("alert_refused", number=number, why=why, of=len(delivered.unusable))
        _log.info(
            "alerts_taken",
            rollbacks=" ".join(taken.new[:_LISTED]),
            new=len(taken.new),
            repeated=taken.repeated,
            resolved=taken.resolved,
            timeline=delivered.timeline,
            ignored=delivered.ignored,
        )


def _shown(delivered: Delivered, taken: Taken) -> dict[str, Any]:
    return {
        "taken": len(taken.new),
        "repeated": taken.repeated,
        "resolved": taken.resolved,
        "timeline": delivered.timeline,
        "ignored": delivered.ignored,
        "refused": len(delivered.unusable),
        "truncated": delivered.truncated,
        "rollbacks": list(taken.new),
        "refusals": [{"alert": number, "why": why} for number, why in delivered.unusable[:_LISTED]],
    }
