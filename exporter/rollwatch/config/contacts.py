"""Fields that say where a message goes: addresses of people and programs, files that others read."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from rollwatch.config.address import HostPort, parse_host
from rollwatch.config.mistake import expect_text, mistake
from rollwatch.config.urls import HttpUrl

__all__ = [
    "EmailAddress",
    "EmailAddresses",
    "ForeignFile",
    "PhoneNumber",
    "PhoneNumbers",
    "ProgramUrl",
    "SlackChannel",
    "Smarthost",
]

_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_CHANNEL = re.compile(r"[#@][^\s#@{}]{1,80}|[CDGU][A-Z0-9]{8,12}")
_KEY = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9]{24,}")
_FILE = re.compile(r"[^\x00-\x1f\x7f]{1,4096}")


def _email(value: object) -> str:
    text = expect_text(value)
    mailbox, at, host = text.rpartition("@")
    if not at or not _MAILBOX.fullmatch(mailbox):
        raise mistake("is no e-mail address", "Write it like oncall@example.com, without a name around it.")
    parse_host(host)
    return text


def _phone(value: object) -> str:
    text = expect_text(value)
    if not _PHONE.fullmatch(text):
        raise mistake(
            "is no phone number in international form",
            'Write it in quotes, like "+4915112345678": a plus, the country code, then digits only (E.164).',
        )
    return text


def _channel(value: object) -> str:
    if value is None:
        raise mistake("is empty: an unquoted # begins a comment", 'Write it in quotes, like "#alerts".')
    text = expect_text(value)
    if not _CHANNEL.fullmatch(text):
        raise mistake("is no channel of Slack", 'Write it like "#alerts", "@name", or the id of a channel.')
    return text


def _smarthost(value: object) -> object:
    if isinstance(value, str) and not re.search(r":[0-9]+$", value):
        raise mistake("is not host:port", "Write it like smtp.example.com:587.")
    return value


def _foreign_file(value: object) -> str:
    text = expect_text(value)
    if "://" in text or _KEY.fullmatch(text):
        raise mistake(
            "must name a file, and seems to be the secret itself, for which this is no place",
            "Write the secret into a file and the path of that file here.",
        )
    if "${" in text:
        raise mistake("names a file that Alertmanager reads by itself", "Write only the path: secrets/slack.")
    if not _FILE.fullmatch(text):
        raise mistake("is not a path", "Write the path of a file.")
    return text


def _program_url(value: object) -> str:
    text = expect_text(value)
    if "${" in text:
        raise mistake("can't hold a secret", "Write it without; token_file is for the secret.")
    remedy = "Write scheme, host and port, like http://127.0.0.1:9719."
    try:
        url = HttpUrl((text,))
    except PydanticCustomError as error:
        raise mistake((error.context or {})["message"], remedy) from None
    if url.masked != url.render() or "?" in text:
        raise mistake("has credentials or a query in it", remedy)
    return url.render().rstrip("/")


def _each_once(items: tuple[str, ...]) -> tuple[str, ...]:
    for index, item in enumerate(items):
        if item in items[:index]:
            raise mistake("is there twice", "Remove one.", at=(index,))
    return items


EmailAddress = Annotated[
    str,
    BeforeValidator(_email),
    WithJsonSchema(
        {
            "type": "string",
            "title": "e-mail address",
            "pattern": "^.+@.+$",
            "examples": ["oncall@example.com"],
        }
    ),
]
"""An address without a display name."""

EmailAddresses = Annotated[
    tuple[EmailAddress, ...], Field(min_length=1, max_length=50), AfterValidator(_each_once)
]
"""Some addresses, each once."""

PhoneNumber = Annotated[
    str,
    BeforeValidator(_phone),
    WithJsonSchema(
        {
            "type": "string",
            "title": "phone number",
            "pattern": r"^\+[1-9][0-9]{6,14}$",
            "examples": ["+4915112345678"],
        }
    ),
]
"""A number in international form (ITU-T E.164), with its plus."""

PhoneNumbers = Annotated[
    tuple[PhoneNumber, ...], Field(min_length=1, max_length=20), AfterValidator(_each_once)
]
"""Some numbers, each once."""

SlackChannel = Annotated[
    str | None,
    BeforeValidator(_channel),
    WithJsonSchema({"type": "string", "title": "channel of Slack", "minLength": 2, "examples": ["#alerts"]}),
]
"""`#name`, `@person`, or the id of a channel; None only by default."""

Smarthost = Annotated[HostPort, BeforeValidator(_smarthost)]
"""A mail server, host:port."""

ForeignFile = Annotated[
    str,
    BeforeValidator(_foreign_file),
    WithJsonSchema(
        {
            "type": "string",
            "title": "path of a file",
            "pattern": "^(?!.*://)(?!.*\\$\\{).+$",
            "examples": ["secrets/slack"],
        }
    ),
]
"""A file with a secret that Alertmanager reads; as written, relative to the directory of alertmanager.yml."""

ProgramUrl = Annotated[
    str,
    BeforeValidator(_program_url),
    WithJsonSchema(
        {
            "type": "string",
            "title": "address of a program",
            "pattern": "^https?://[^?#@]+$",
            "examples": ["http://127.0.0.1:9719"],
        }
    ),
]
"""Where one of our programs listens, without a slash at its end."""
