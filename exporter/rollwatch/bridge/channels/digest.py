"""The daily summary by e-mail: written from the database when it is sent, so that a late one is true."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rollwatch.bridge.channels.channel import Pace
from rollwatch.bridge.channels.digest_facts import summary_facts
from rollwatch.bridge.channels.digest_text import summary_letter
from rollwatch.bridge.channels.mail import MailServer, mail_message, send_mail
from rollwatch.bridge.storage.summaries import Period

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage
    from zoneinfo import ZoneInfo

    from rollwatch.bridge.storage.records import Delivery
    from rollwatch.bridge.storage.summaries import Summaries, SummaryContent
    from rollwatch.config.notifications import MailSpec
    from rollwatch.config.template import SecretText

__all__ = ["DIGEST_PACE", "DigestChannel", "DigestPlan"]

DIGEST_PACE = Pace(burst=2, every_s=60.0, give_up_s=24 * 3600.0)


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """Who gets the summary, when, and how it leaves."""

    environment: str
    at: str
    zone: ZoneInfo
    to: tuple[str, ...]
    mail: MailSpec
    password: SecretText | None


class DigestChannel:
    """One mail a day, to everybody who gets it."""

    def __init__(self, plan: DigestPlan, summaries: Summaries, pace: Pace, deadline_s: float) -> None:
        self._plan = plan
        self._summaries = summaries
        self._pace = pace
        self._deadline_s = deadline_s

    @property
    def pace(self) -> Pace:
        return self._pace

    async def send(self, batch: Sequence[Delivery]) -> None:
        """One mail per summary. Raises SendFailed, SecretUnavailable, StorageFailed."""
        password = self._plan.password
        mail = self._plan.mail
        server = MailServer(
            mail.smarthost, mail.require_tls, mail.username, None if password is None else password.render()
        )
        for delivery in batch:
            period = Period.of(delivery.content)
            content = await self._summaries.content(period)
            # Thousands of alerts may have come: putting them into words takes a while.
            message = await asyncio.to_thread(self._message, period, content, delivery)
            await send_mail(server, message, deadline_s=self._deadline_s)

    def _message(self, period: Period, content: SummaryContent, delivery: Delivery) -> EmailMessage:
        plan = self._plan
        letter = summary_letter(summary_facts(period, content), plan.environment, plan.zone)
        return mail_message(
            letter,
            sender=plan.mail.from_,
            to=plan.to,
            date=datetime.fromtimestamp(period.until, plan.zone),
            number=f"summary.{delivery.identity.digest}",
        )
