"""What a `--web.config.file` says once it is read: plain values, swapped as a whole when the file changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["OPEN", "Token", "WebConfig"]


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, known only by its digest."""

    name: str
    role: str
    sha256: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How to serve. `users` are bcrypt hashes by name."""

    ssl_context: ssl.SSLContext | None = None
    client_sans: frozenset[str] = frozenset()
    """If not empty, a client certificate needs one of these alternative names."""
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    tokens: tuple[Token, ...] = ()
    known_hosts: frozenset[str] = frozenset()
    """Names, beside addresses and localhost, under which browsers may open pages with forms."""

    @property
    def asks_who(self) -> bool:
        """Whether a caller must say who it is."""
        return bool(self.users or self.tokens)


OPEN = WebConfig()
"""No file: plain HTTP, and everybody who reaches the port may read."""
