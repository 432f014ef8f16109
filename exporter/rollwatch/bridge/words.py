"""The closed vocabularies of the bridge: the same word in the database, the log, the label and the JSON."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ChannelName", "Intake", "Outcome", "RouteName", "State"]


class ChannelName(StrEnum):
    """Where something is sent."""

    SMS = "sms"
    DIGEST = "digest"
    WEBHOOK = "webhook"
    SENTRY = "sentry"
    DATADOG = "datadog"
    WATCHDOG = "watchdog"


class Outcome(StrEnum):
    """What became of one attempt, or of what arrived."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    """The attempt failed, and there will be another."""
    GIVEN_UP = "given_up"
    """It failed in a way that trying again does not mend, or for too long."""
    DROPPED_AS_DUPLICATE = "dropped_as_duplicate"
    """Alertmanager said it again."""


class State(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENDING = "sending"
    """Written before each attempt: what a crash leaves in it is sent again."""
    SENT = "sent"
    GIVEN_UP = "given_up"


class RouteName(StrEnum):
    """What Alertmanager calls: /alerts/<name>."""

    SMS = "sms"
    EVENTS = "events"
    WATCHDOG = "watchdog"


class Intake(StrEnum):
    """What became of a notification."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNAUTHORIZED = "unauthorized"
    UNWRITABLE = "unwritable"
