"""Whose token it is that a push brings, found in a time that says nothing about any token."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import structlog

from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.push import PushSpec
    from rollwatch.config.template import SecretText

__all__ = ["TokenTable", "bearer_token"]

_log = structlog.get_logger(__name__)

_NOBODYS = bytes(hashlib.sha256().digest_size)
"""Stands where a token can't be read, so that the comparisons stay as many."""


def bearer_token(header: str | None) -> str | None:
    """The token in an `Authorization` header (RFC 6750 section 2.1); None if there is none."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None


class TokenTable:
    """The tokens of every service, as digests that are made again when a secret changes."""

    def __init__(self) -> None:
        self._known: list[_Token] = []

    def configure(self, specs: Mapping[str, PushSpec]) -> None:
        """Know the tokens of these services, and no others."""
        before = {(token.service, token.template): token for token in self._known}
        self._known = [
            before.get((service, template)) or _Token(service, template)
            for service, spec in specs.items()
            for template in spec.all_tokens
        ]

    def services(self, token: str | None) -> tuple[str, ...]:
        """The services that `token` belongs to. Each token is compared, whatever was found before."""
        offered = hashlib.sha256((token or "").encode("utf-8", "surrogateescape")).digest()
        found = [known.service for known in self._known if hmac.compare_digest(offered, known.digest())]
        return tuple(dict.fromkeys(found)) if token else ()


class _Token:
    """One token of one service. `digest` is that of the secret as it is now."""

    __slots__ = ("_digest", "_version", "service", "template")

    def __init__(self, service: str, template: SecretText) -> None:
        self.service = service
        self.template = template
        self._version: int | None = None
        self._digest = _NOBODYS

    def digest(self) -> bytes:
        version = self.template.version
        if version != self._version:
            self._version = version
            self._digest = self._read()
        return self._digest

    def _read(self) -> bytes:
        try:
            return hashlib.sha256(self.template.render().encode("utf-8", "surrogatepass")).digest()
        except SecretUnavailable as missing:
            _log.error("push_token_unavailable", service=self.service, why=str(missing))
            return _NOBODYS
