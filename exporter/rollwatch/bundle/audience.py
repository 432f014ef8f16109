"""Who hears of an alert, in words; the routes themselves are Alertmanager's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.rules import Alert

__all__ = ["audience", "audience_of"]

_BY_PRIORITY = {
    Priority.P0: "pager, SMS, Slack, e-mail",
    Priority.P1: "Slack, e-mail; paged after an hour",
    Priority.P2: "Slack",
    Priority.P3: "Slack in batches, daily summary",
    Priority.ROLLBACK: "the rollback handler, nobody else",
}
_POSTED = _BY_PRIORITY | {Priority.P1: "Slack, e-mail"}
"""Escalation looks at what Prometheus knows, and no rule raises these."""
_BY_ESCALATION = {"P1": "the escalation channels, else as P0", "P2": "Slack, e-mail"}
_OTHERS = "Slack or e-mail, whichever works; else pager and SMS"
_FAILING_CHANNEL = frozenset({"NotificationsFail", "BridgeDeliveriesFail"})


def audience_of(priority: Priority) -> str:
    """The channels of an alert that the rollback handler posts, where a service names all of them."""
    return _POSTED[priority]


def audience(alert: Alert) -> str:
    """The channels, where a service names all of them."""
    if alert.name in _FAILING_CHANNEL:
        return _OTHERS
    if "escalation" in alert.labels:
        return _BY_ESCALATION[alert.labels["escalation"]]
    if alert.priority is not None:
        return _BY_PRIORITY[alert.priority]
    if "severity" in alert.labels and alert.labels["severity"] == "none":
        return "the outside address of the bridge"
    return "as its priority says"
