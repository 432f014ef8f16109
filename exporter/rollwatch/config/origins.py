"""Origins of web pages, as browsers send them (RFC 6454 section 7)."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from rollwatch.config.address import parse_host, parse_port
from rollwatch.config.mistake import expect_text, mistake

__all__ = ["Origin"]

_ORIGIN = re.compile(r"(https?)://(\[[^\]/]*\]|[^:/?#@\[\]]+)(?::([0-9]{1,5}))?/?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _origin(value: object) -> str:
    text = expect_text(value)
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise mistake(
            "is not the origin of a web page", "Write it like https://www.example.com, without a path."
        )
    scheme, host = match[1].lower(), parse_host(match[2]).lower()
    authority = f"[{host}]" if ":" in host else host
    if match[3] and (port := parse_port(match[3])) != _DEFAULT_PORTS[scheme]:
        authority += f":{port}"
    return f"{scheme}://{authority}"


Origin = Annotated[
    str,
    BeforeValidator(_origin),
    WithJsonSchema(
        {
            "type": "string",
            "title": "origin",
            "pattern": "^https?://",
            "examples": ["https://www.example.com"],
        }
    ),
]
"""Scheme, host and port of a page, in the form browsers send: lower case, no default port."""
