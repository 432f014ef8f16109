"""What would be decided about a notification now, without acting and without writing anything down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.alertmanager.notification import NotificationInvalid
from rollwatch.rollback.intake.reading import read_delivery
from rollwatch.rollback.model.decision import Decision
from rollwatch.rollback.model.words import Level
from rollwatch.rollback.policy.facts import Question
from rollwatch.rollback.web.declined import Declined

if TYPE_CHECKING:
    from rollwatch.rollback.model.alert import RollbackAlert

__all__ = ["MOST_EXPLAINED", "Asking", "Explained", "Explainer", "Explanation"]

Asking = Callable[[Question], Awaitable[Decision]]
"""Gathers the facts and decides; reads only, bounded in time. Raises JournalFailed."""

MOST_EXPLAINED = 20
"""Alerts of one notification that are judged; each may ask the platform, Prometheus and the exporter."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One rollback alert. `decision` is None where it is not judged; `why` says so in a sentence."""

    alert: RollbackAlert
    decision: Decision | None
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A whole notification."""

    alerts: tuple[Explained, ...]
    unusable: tuple[tuple[int, str], ...]
    """Number in the notification, and why it can't be used."""
    not_for_rollback: int
    truncated: int


class Explainer:
    """Asks as the worker would, the first time that it sees the alert."""

    def __init__(self, ask: Asking, *, environment: str, within_s: float = 15.0) -> None:
        self._ask = ask
        self._environment = environment
        self._within_s = within_s

    async def explain(self, body: bytes) -> Explanation:
        """`body` is what Alertmanager would post. Raises Declined 400, JournalFailed."""
        try:
            delivered = await asyncio.to_thread(read_delivery, body)
        except NotificationInvalid as invalid:
            raise Declined(400, "notification_invalid", invalid.message, invalid.remedy) from None
        loop = asyncio.get_running_loop()
        until = loop.time() + self._within_s
        explained = [
            await self._one(alert, until) if number < MOST_EXPLAINED else Explained(alert, None, _TOO_MANY)
            for number, alert in enumerate(delivered.rollback)
        ]
        return Explanation(
            tuple(explained),
            delivered.unusable,
            delivered.timeline + delivered.ignored,
            delivered.truncated,
        )

    async def _one(self, alert: RollbackAlert, until: float) -> Explained:
        if not alert.is_firing:
            return Explained(alert, None, "It is resolved: a resolved alert never leads to anything.")
        question = Question(Level.AUTOMATIC, alert.environment or self._environment, alert.service, alert)
        try:
            async with asyncio.timeout_at(until):
                decision = await self._ask(question)
        except TimeoutError:
            return Explained(alert, None, _TOO_SLOW)
        return Explained(alert, decision, decision.why)


_TOO_MANY = f"Not looked at: it comes after the first {MOST_EXPLAINED}. Send it in a notification of its own."
_TOO_SLOW = "Not decided in time: the platform, Prometheus or the exporter is slow. Ask again."
