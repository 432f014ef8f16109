"""From the file to channels: what can be sent, to whom, and by which lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rollwatch.bridge.channels.channel import LaneKey
from rollwatch.bridge.channels.datadog import DatadogChannel
from rollwatch.bridge.channels.digest import DigestChannel, DigestPlan
from rollwatch.bridge.channels.sentry import SentryChannel
from rollwatch.bridge.channels.sms import SmsChannel
from rollwatch.bridge.channels.webhook import WebhookChannel
from rollwatch.bridge.recipients import all_numbers
from rollwatch.bridge.words import ChannelName

if TYPE_CHECKING:
    from rollwatch.bridge.channels.channel import Channel
    from rollwatch.bridge.parts import Parts
    from rollwatch.config.bridge import BridgeSpec
    from rollwatch.config.config import Config

__all__ = ["channel_names", "digest_plan", "plan_channels"]


def digest_plan(config: Config) -> DigestPlan | None:
    """How the summary is sent; None if it is not. Blocks: it reads the time zone."""
    mail = config.notifications.mail
    digest = None if config.bridge is None else config.bridge.digest
    if digest is None or mail is None:
        return None
    zone = ZoneInfo(digest.time_zone)
    return DigestPlan(config.environment, digest.at, zone, digest.to, mail, config.mail_password)


def plan_channels(config: Config, digest: DigestPlan | None, parts: Parts) -> dict[LaneKey, Channel]:
    """A channel for every lane."""
    bridge, http, clock, paces = config.bridge, parts.http, parts.clock, parts.tempo.paces
    channels: dict[LaneKey, Channel] = {}
    if bridge is None:
        return channels
    if bridge.twilio is not None:
        for number in all_numbers(config):
            channels[LaneKey(ChannelName.SMS, number)] = SmsChannel(
                bridge.twilio, number, http, paces[ChannelName.SMS]
            )
    for name, webhook in bridge.webhooks.items():
        channels[LaneKey(ChannelName.WEBHOOK, name)] = WebhookChannel(
            webhook, http, paces[ChannelName.WEBHOOK]
        )
    if bridge.sentry is not None:
        channels[LaneKey(ChannelName.SENTRY)] = SentryChannel(
            bridge.sentry, http, clock, parts.user_agent, paces[ChannelName.SENTRY]
        )
    if bridge.datadog is not None:
        channels[LaneKey(ChannelName.DATADOG)] = DatadogChannel(
            bridge.datadog, http, clock, paces[ChannelName.DATADOG]
        )
    if digest is not None:
        channels[LaneKey(ChannelName.DIGEST)] = DigestChannel(
            digest, parts.summaries, paces[ChannelName.DIGEST], parts.tempo.mail_deadline_s
        )
    return channels


def channel_names(bridge: BridgeSpec) -> set[ChannelName]:
    """The channels that the file describes."""
    described = {
        ChannelName.SMS: bridge.twilio is not None,
        ChannelName.DIGEST: bridge.digest is not None,
        ChannelName.WEBHOOK: bool(bridge.webhooks),
        ChannelName.SENTRY: bridge.sentry is not None,
        ChannelName.DATADOG: bridge.datadog is not None,
        ChannelName.WATCHDOG: bridge.watchdog is not None,
    }
    return {name for name, is_there in described.items() if is_there}
