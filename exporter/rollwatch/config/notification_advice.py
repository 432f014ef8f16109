"""What works and may still leave people in the dark: sentences about notifications and the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.template import SHORTEST_TOKEN, Template, is_short
from rollwatch.config.values import values_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollwatch.config.bridge import BridgeSpec
    from rollwatch.config.config import Service
    from rollwatch.config.notifications import NotificationsSpec

__all__ = ["notification_advice"]


def notification_advice(
    notifications: NotificationsSpec, bridge: BridgeSpec | None, services: Mapping[str, Service]
) -> Iterator[str]:
    """One sentence for each thing to mend, with its place."""
    ways = list(notifications.named())
    if not ways and any(list(service.notifications.named()) for service in services.values()):
        yield (
            "notifications: alerts on the monitoring itself, and on services without notifications of "
            "their own, reach nobody. Add slack or email for all."
        )
    if len(ways) == 1:
        yield (
            f"notifications: {ways[0]} is the only way to people; when it fails, nobody hears of that. "
            "Add another."
        )
    if bridge is None:
        if notifications.bridge is not None:
            yield "notifications.bridge: rollwatch bridge can't start without a section bridge. Add it."
        return
    yield from _of_bridge(bridge, notifications, services)


def _of_bridge(
    bridge: BridgeSpec, notifications: NotificationsSpec, services: Mapping[str, Service]
) -> Iterator[str]:
    for path, value in values_in(bridge):
        if isinstance(value, Template) and value.is_written_out:
            remedy = "Write ${file:PATH} or ${env:NAME} instead."
            yield f"bridge.{path}: a secret stands in the file. {remedy}"
    if is_short(bridge.token):
        yield (
            f"bridge.token: it is shorter than {SHORTEST_TOKEN} characters. Make one: openssl rand -hex 32."
        )
    if notifications.bridge is None:
        yield "bridge: nothing says where it is, so Alertmanager never calls it. Add notifications.bridge."
    audiences = [notifications, *(service.notifications for service in services.values())]
    everybody = [*audiences, *(audience.escalation for audience in audiences if audience.escalation)]
    if bridge.twilio is not None and not any(channels.sms for channels in everybody):
        yield "bridge.twilio: nobody is to get an SMS. Add notifications.sms, or remove it."
