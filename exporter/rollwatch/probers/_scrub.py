"""Takes our secrets out of remote text: a server may say back what we sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Scrubber"]

_SHORTEST = 4
"""Shorter stretches are too common to be told from ordinary text."""


class Scrubber:
    """Knows what must not be shown. Holds secrets: it has no repr of its own."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted(
            {secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True
        )

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def scrub(self, text: str) -> str:
        """`text` with every secret as `***`."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "***")
        return text
