"""Who is told of an alert, as the file says it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bridge.channels.channel import LaneKey
from rollwatch.bridge.storage.records import Wanted
from rollwatch.bridge.words import ChannelName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.bridge.alert import Alert
    from rollwatch.config.config import Config
    from rollwatch.config.notifications import Channels

__all__ = ["all_numbers", "by_sms", "to_events"]

_NOBODY = "no phone number is configured for it: add sms to notifications of the service, or of the file"
_NO_ACCOUNT = "there is no bridge.twilio to send it with"


def by_sms(alert: Alert, config: Config) -> Wanted:
    """To the numbers of the alert's service, else to those for all; an escalation has its own."""
    lane = LaneKey(ChannelName.SMS)
    if config.bridge is None or config.bridge.twilio is None:
        return Wanted(alert, refused=((lane, _NO_ACCOUNT),))
    numbers = _numbers(alert, config)
    if not numbers:
        return Wanted(alert, refused=((lane, _NOBODY),))
    return Wanted(alert, lanes=tuple(LaneKey(ChannelName.SMS, number) for number in numbers))


def to_events(alert: Alert, config: Config) -> Wanted:
    """Everything that hears of every alert."""
    bridge = config.bridge
    if bridge is None:
        return Wanted(alert)
    lanes = [LaneKey(ChannelName.WEBHOOK, name) for name in bridge.webhooks]
    lanes += [LaneKey(ChannelName.SENTRY)] if bridge.sentry is not None else []
    lanes += [LaneKey(ChannelName.DATADOG)] if bridge.datadog is not None else []
    return Wanted(alert, lanes=tuple(lanes), is_summarized=bridge.digest is not None)


def all_numbers(config: Config) -> tuple[str, ...]:
    """Every phone number of the file, each once."""
    if config.bridge is None or config.bridge.twilio is None:
        return ()
    found = [config.notifications, config.notifications.escalation]
    for service in config.services.values():
        found += [service.notifications, service.notifications.escalation]
    return tuple(dict.fromkeys(number for channels in found for number in _of(channels)))


def _numbers(alert: Alert, config: Config) -> tuple[str, ...]:
    for channels in _audiences(alert, config):
        if numbers := _of(channels):
            return numbers
    return ()


def _audiences(alert: Alert, config: Config) -> Iterator[Channels | None]:
    """The nearest first."""
    service = config.services.get(alert.service)
    # An alert of another environment may have a service of the same name; whose it is, this file can't say.
    is_ours = alert.environment in {"", config.environment}
    own = service.notifications if service is not None and is_ours else None
    if alert.labels.get("escalation") == "P1":
        yield None if own is None else own.escalation
        yield config.notifications.escalation
    yield own
    yield config.notifications


def _of(channels: Channels | None) -> tuple[str, ...]:
    return () if channels is None or channels.sms is None else channels.sms.to
