"""Hosts and ports as people write them: `db.internal:5432`, `192.0.2.1:80`, `[::1]:443`."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import core_schema

from rollwatch.config.mistake import expect_text, mistake, type_word

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["Host", "HostPort", "Port", "parse_host", "parse_port"]

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_DIGITS = re.compile(r"[0-9]{1,5}")


def parse_host(text: str) -> str:
    """A DNS name or an address, IPv6 with or without brackets; returned without them. Raises a mistake."""
    if ":" in text or text[:1] == "[":
        is_whole = (text[:1] == "[") == (text[-1:] == "]")
        try:
            return str(ipaddress.IPv6Address(text.strip("[]") if is_whole else ""))
        except ValueError:
            raise mistake("has a host that is no IPv6 address", "Write it like [2001:db8::1].") from None
    labels = text.removesuffix(".").split(".")
    if not text.isascii():
        raise mistake("has a host with letters outside ASCII", "Write its xn-- form.")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise mistake(
            "has a host that is neither a DNS name nor an address", "Write it like api.example.com."
        )
    if labels[-1].isdigit():
        try:
            ipaddress.IPv4Address(text)
        except ValueError:
            raise mistake("has a host that is no IPv4 address", "Write it like 192.0.2.1.") from None
    return text


def parse_port(text: str) -> int:
    """1 to 65535. Raises a mistake."""
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise mistake("has a port that is none", "Write a number from 1 to 65535.")
    return int(text)


class HostPort(NamedTuple):
    """Where to connect. `host` is a DNS name or an address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> HostPort:
        """From `host:port`. Raises a mistake."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or (":" in host and not host.startswith("[")):
            raise mistake("is not host:port", "Write it like db.internal:5432 or [2001:db8::1]:443.")
        return cls(parse_host(host), parse_port(port))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, HostPort) else cls.parse(expect_text(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "title": "host:port",
            "pattern": r"^.+:[0-9]{1,5}$",
            "examples": ["db.internal:5432"],
        }


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise mistake(f"must be a port number, not {type_word(value)}", "Write a number from 1 to 65535.")
    return value


Port = Annotated[int, BeforeValidator(_port), Field(ge=1, le=65535)]
"""A TCP or UDP port."""

Host = Annotated[
    str,
    BeforeValidator(lambda value: parse_host(expect_text(value))),
    WithJsonSchema(
        {"type": "string", "title": "host name or address", "examples": ["api.example.com", "192.0.2.1"]}
    ),
]
"""A DNS name or an address, without a port and without brackets."""
