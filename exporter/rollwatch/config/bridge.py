"""What `rollwatch bridge` needs to send what Alertmanager can't. Only the bridge reads the secrets in it."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rollwatch.config.clock_fields import TimeOfDay, TimeZone
from rollwatch.config.contacts import EmailAddresses
from rollwatch.config.fields import (
    Headers,
    Host,
    HttpUrl,
    Name,
    SecretText,
    TemplateStr,
    expect_text,
    mistake,
)
from rollwatch.config.secret_url import SecretUrl, SentryDsn
from rollwatch.config.spec import Spec

__all__ = [
    "BridgeSpec",
    "DatadogSpec",
    "DigestSpec",
    "SentrySpec",
    "TwilioSpec",
    "WatchdogSpec",
    "WebhookSpec",
]

_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|(?=.*[A-Za-z])[A-Za-z0-9 +_&-]{1,11}")


def _sender(value: object) -> str:
    text = expect_text(value)
    if not _SENDER.fullmatch(text):
        raise mistake(
            "is no sender that Twilio takes",
            'Write a number like "+15005550006" in quotes, or a name of 1 to 11 letters and digits.',
        )
    return text


def _site(value: object) -> object:
    if isinstance(value, str) and "/" in value:
        raise mistake("is an address, not a site", "Write it like datadoghq.com or datadoghq.eu.")
    return value


Sender = Annotated[
    str,
    BeforeValidator(_sender),
    WithJsonSchema(
        {
            "type": "string",
            "title": "phone number or name",
            "pattern": f"^({_SENDER.pattern})$",
            "examples": ["+15005550006"],
        }
    ),
]
"""A phone number (E.164), or an alphanumeric sender."""


class TwilioSpec(Spec):
    """SMS through Twilio's API; give `from` or `messaging_service`."""

    account_sid: TemplateStr
    """The account."""
    auth_token: SecretText
    """Its secret."""
    from_: Annotated[Sender | None, Field(alias="from")] = None
    """The number, or the name, that messages come from."""
    messaging_service: Annotated[str, Field(pattern=r"^MG[0-9a-fA-F]{32}$")] | None = None
    """The messaging service that chooses the sender: its SID, MG and 32 digits."""
    url: HttpUrl = HttpUrl(("https://api.twilio.com",))
    """Where the API is."""

    @model_validator(mode="after")
    def _one_sender(self) -> Self:
        if (self.from_ is None) == (self.messaging_service is None):
            raise mistake("must have one sender", "Write either from or messaging_service.")
        return self


class DigestSpec(Spec):
    """The daily summary of all alerts, by e-mail; how it leaves is said by `notifications.mail`."""

    at: TimeOfDay = "08:00"
    """When it is sent."""
    time_zone: TimeZone
    """By whose clocks."""
    to: EmailAddresses
    """Who gets it."""


class WebhookSpec(Spec):
    """Every alert as a JSON document: `text`, `timestamp`, `service`, `environment`."""

    url: SecretUrl
    """Where it is posted to."""
    headers: Headers = Field(default_factory=dict)
    """Header fields of the request."""


class SentrySpec(Spec):
    """Every alert as an event in Sentry."""

    dsn: SentryDsn
    """The project."""


class DatadogSpec(Spec):
    """Every alert as an event in Datadog."""

    api_key: SecretText
    """The key of the organisation."""
    site: Annotated[Host, BeforeValidator(_site)] = "datadoghq.com"
    """Which Datadog it is: `datadoghq.eu`, `us5.datadoghq.com`, …"""
    url: HttpUrl | None = None
    """Where the API is; without it, `https://api.` and the site."""


class WatchdogSpec(Spec):
    """An outside address that calls a person when it is not asked any more."""

    url: SecretUrl
    """Asked with GET while Prometheus and Alertmanager work."""


class BridgeSpec(Spec):
    """What the bridge sends, and how."""

    token: SecretText
    """What Alertmanager must show; the same as in `notifications.bridge.token_file`."""
    twilio: TwilioSpec | None = None
    """SMS."""
    digest: DigestSpec | None = None
    """The daily summary."""
    webhooks: Annotated[dict[Name, WebhookSpec], Field(max_length=20)] = Field(default_factory=dict)
    """Webhooks, by name."""
    sentry: SentrySpec | None = None
    """Sentry."""
    datadog: DatadogSpec | None = None
    """Datadog."""
    watchdog: WatchdogSpec | None = None
    """Somebody outside who notices when all of this is dead."""
