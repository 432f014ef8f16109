"""How fast everything goes: one value, so that tests need not wait as people do."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.bridge.channels.datadog import DATADOG_PACE
from rollwatch.bridge.channels.digest import DIGEST_PACE
from rollwatch.bridge.channels.sentry import SENTRY_PACE
from rollwatch.bridge.channels.sms import SMS_PACE
from rollwatch.bridge.channels.webhook import WEBHOOK_PACE
from rollwatch.bridge.words import ChannelName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.bridge.channels.channel import Pace

__all__ = ["PACES", "Tempo"]

PACES: Mapping[ChannelName, Pace] = MappingProxyType(
    {
        ChannelName.SMS: SMS_PACE,
        ChannelName.DIGEST: DIGEST_PACE,
        ChannelName.WEBHOOK: WEBHOOK_PACE,
        ChannelName.SENTRY: SENTRY_PACE,
        ChannelName.DATADOG: DATADOG_PACE,
    }
)


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds."""

    paces: Mapping[ChannelName, Pace] = field(default_factory=lambda: PACES)
    call_timeout_s: float = 10.0
    """Of one HTTP call, all of it."""
    mail_deadline_s: float = 60.0
    """Of one mail, all of it."""
