"""What Alertmanager calls. 2xx means that all of it is on the disk; 5xx that it shall ask again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
import structlog
from aiohttp import web

from rollwatch.bridge.notification import parse
from rollwatch.bridge.recipients import by_sms, to_events
from rollwatch.bridge.storage.database import StorageFailed
from rollwatch.bridge.words import Intake, Outcome, RouteName
from rollwatch.serving.body import read_body
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollwatch.bridge.access import Gate
    from rollwatch.bridge.alert import Alert
    from rollwatch.bridge.channels.watchdog import Watchdog
    from rollwatch.bridge.lanes import Lanes
    from rollwatch.bridge.metrics import BridgeMetrics
    from rollwatch.bridge.notification import Notification
    from rollwatch.bridge.storage.queue import Queue
    from rollwatch.bridge.storage.records import Taken, Wanted
    from rollwatch.config.config import Config
    from rollwatch.serving.route import Request

__all__ = ["BODY_MAX", "AlertIntake"]

_log = structlog.get_logger(__name__)

BODY_MAX = 4 * 1024**2
"""Some thousand alerts with their annotations; `max_alerts` of the receiver keeps a notification smaller."""
_LARGE = 64 * 1024


class AlertIntake:
    """The routes under /alerts/. Nothing is taken before `configure`."""

    def __init__(
        self, gate: Gate, queue: Queue, lanes: Lanes, watchdog: Watchdog, metrics: BridgeMetrics
    ) -> None:
        self._gate = gate
        self._queue = queue
        self._lanes = lanes
        self._watchdog = watchdog
        self._metrics = metrics
        self._config: Config | None = None

    def configure(self, config: Config) -> None:
        """Send to whom this says from now on."""
        self._config = config

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/alerts/sms", self._answering(RouteName.SMS, self._sms), ANYONE),
            Route("POST", "/alerts/events", self._answering(RouteName.EVENTS, self._events), ANYONE),
            Route("POST", "/alerts/watchdog", self._answering(RouteName.WATCHDOG, self._alive), ANYONE),
        ]

    def _answering(
        self, route: RouteName, take: Callable[[Notification], Awaitable[dict[str, int]]]
    ) -> Callable[[Request], Awaitable[web.StreamResponse]]:
        async def answer(request: Request) -> web.StreamResponse:
            try:
                answer = await take(await self._read(request))
            except Refusal as refusal:
                self._refused(route, request, refusal)
                raise
            self._metrics.notified(route, Intake.TAKEN)
            return web.Response(body=orjson.dumps(answer), content_type="application/json")

        return answer

    async def _read(self, request: Request) -> Notification:
        self._gate.check(request.headers.get("Authorization"))
        body = await read_body(request, BODY_MAX)
        found = parse(body) if len(body) <= _LARGE else await asyncio.to_thread(parse, body)
        if found.truncated:
            _log.warning(
                "notification_truncated",
                left_out=found.truncated,
                remedy="raise max_alerts of the receiver, or group",
            )
        return found

    def _refused(self, route: RouteName, request: Request, refusal: Refusal) -> None:
        outcome = {401: Intake.UNAUTHORIZED, 503: Intake.UNWRITABLE}.get(refusal.status, Intake.REFUSED)
        self._metrics.notified(route, outcome)
        _log.warning(
            "notification_refused",
            route=route,
            status=refusal.status,
            why=refusal.message,
            client=request.remote,
        )

    async def _sms(self, notification: Notification) -> dict[str, int]:
        return await self._take(notification, by_sms)

    async def _events(self, notification: Notification) -> dict[str, int]:
        return await self._take(notification, to_events)

    async def _alive(self, notification: Notification) -> dict[str, int]:
        if any(alert.is_firing for alert in notification.alerts):
            self._watchdog.arrived()
        return {"alerts": len(notification.alerts)}

    async def _take(
        self, notification: Notification, wanting: Callable[[Alert, Config], Wanted]
    ) -> dict[str, int]:
        config = self._config
        if config is None:
            raise Refusal(503, "not_ready", "The bridge is not configured yet.", "Ask again.")
        try:
            taken = await self._queue.take([wanting(alert, config) for alert in notification.alerts])
        except StorageFailed as failure:
            self._metrics.storage_worked(False)
            _log.error("bridge_storage_failed", why=failure.why, kept=0, alerts=len(notification.alerts))
            raise Refusal(
                503,
                "unwritable",
                "Nothing was taken: what arrives can't be kept.",
                "Make room on the disk of --storage.path, or see the log for what else is wrong with it.",
                headers={"Retry-After": "10"},
            ) from None
        self._metrics.storage_worked(True)
        self._count(taken)
        self._lanes.wake(taken.lanes)
        return {
            "alerts": len(notification.alerts),
            "queued": sum(taken.queued.values()),
            "duplicates": sum(taken.duplicates.values()),
            "given_up": sum(taken.refused.values()),
        }

    def _count(self, taken: Taken) -> None:
        for channel, times in taken.duplicates.items():
            self._metrics.count(channel, Outcome.DROPPED_AS_DUPLICATE, times)
        for channel, times in taken.refused.items():
            self._metrics.count(channel, Outcome.GIVEN_UP, times)
            _log.error(
                "bridge_nobody_to_tell",
                channel=channel,
                alerts=times,
                remedy="GET /api/deliveries says what is missing",
            )
