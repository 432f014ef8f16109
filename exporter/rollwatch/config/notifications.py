"""Who hears of an alert: what the routes of Alertmanager are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from rollwatch.config.clock_fields import TimeOfDay, TimeZone, Weekday, Weekdays
from rollwatch.config.contacts import (
    EmailAddress,
    EmailAddresses,
    ForeignFile,
    PhoneNumbers,
    ProgramUrl,
    SlackChannel,
    Smarthost,
)
from rollwatch.config.document_text import Line
from rollwatch.config.fields import mistake
from rollwatch.config.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Audience",
    "Channels",
    "EmailSpec",
    "MailSpec",
    "NotificationsSpec",
    "PagerDutySpec",
    "ProgramAddress",
    "QuietHours",
    "SlackSpec",
    "SmsSpec",
]


class SlackSpec(Spec):
    """Messages to Slack, or to anything with webhooks of that form."""

    webhook_file: ForeignFile
    """The file with the webhook's URL, as Alertmanager reads it; relative to alertmanager.yml."""
    channel: SlackChannel = None
    """The channel; without it, the one the webhook belongs to. In quotes: an unquoted # begins a comment."""


class EmailSpec(Spec):
    """Messages by e-mail; how they leave is said by `notifications.mail`."""

    to: EmailAddresses
    """Who gets them."""


class PagerDutySpec(Spec):
    """A pager, for P0 only."""

    routing_key_file: ForeignFile
    """The file with the integration's key (Events API v2), as Alertmanager reads it."""


class SmsSpec(Spec):
    """Text messages, for P0 only; the bridge sends them."""

    to: PhoneNumbers
    """Who gets them, in international form."""


class Channels(Spec):
    """Ways to people; each priority uses some of them. Their keys are those under `notifications`."""

    slack: SlackSpec | None = None
    """Slack: every priority."""
    email: EmailSpec | None = None
    """E-mail: P0 and P1."""
    pagerduty: PagerDutySpec | None = None
    """PagerDuty: P0."""
    sms: SmsSpec | None = None
    """SMS: P0."""

    def named(self) -> Iterator[str]:
        """The names of the channels that are there."""
        for name in Channels.model_fields:
            if getattr(self, name) is not None:
                yield name


class Audience(Channels):
    """Who hears of the alerts of one service; what it leaves out is as for all.

    The keys of a channel are those under `notifications`.
    """

    escalation: Channels | None = None
    """Who hears of a P1 that lasts for an hour; without it, whoever hears of a P0."""


class MailSpec(Spec):
    """How mail leaves: that of Alertmanager, and the daily summary of the bridge."""

    smarthost: Smarthost
    """The mail server, as host:port."""
    from_: EmailAddress = Field(alias="from")
    """The address mail comes from."""
    username: Line | None = None
    """The user, if the server wants one."""
    password_file: ForeignFile | None = None
    """The file with the password; relative to alertmanager.yml, and for the bridge to this file."""
    require_tls: bool = True
    """Refuse to send over a connection that is not encrypted."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.username is None and self.password_file is not None:
            raise mistake("is of no use without username", "Add username.", at=("password_file",))
        if self.username is not None and self.password_file is None:
            raise mistake("needs a password", "Add password_file.", at=("username",))
        return self


class QuietHours(Spec):
    """When P2 and P3 wait; they are sent when it ends, if they still hold."""

    from_: TimeOfDay = Field(alias="from")
    """When it begins."""
    to: TimeOfDay
    """When it ends: on the next day, if that is earlier than its beginning."""
    time_zone: TimeZone
    """By whose clocks."""
    days: Weekdays = tuple(Weekday)
    """The days on which it begins."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.from_ == self.to:
            raise mistake(
                "is when it begins, too: nothing or everything would be quiet",
                "Write another time; to switch a priority off, remove its thresholds.",
                at=("to",),
            )
        return self


class ProgramAddress(Spec):
    """Where a program of ours listens, and what lets Alertmanager in."""

    url: ProgramUrl
    """Its address."""
    token_file: ForeignFile
    """The file with the token that Alertmanager shows; relative to alertmanager.yml."""


class NotificationsSpec(Audience):
    """Who hears of alerts, for every service that says nothing else."""

    mail: MailSpec | None = None
    """How mail leaves."""
    quiet_hours: QuietHours | None = None
    """When P2 and P3 wait."""
    bridge: ProgramAddress | None = None
    """`rollwatch bridge`: SMS, daily summary, webhooks, events."""
    rollback_handler: ProgramAddress | None = None
    """The rollback handler; without it no alert is sent to one."""
