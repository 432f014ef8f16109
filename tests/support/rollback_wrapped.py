"""A journal with somebody at the door: each call goes through a function of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollwatch.rollback.journal_port import Journal

__all__ = ["WRITES", "wrapped"]

WRITES = frozenset(
    {"lease", "release", "move", "begin", "drop_claims", "step_started", "step_noted", "step_ended"}
    | {"record_deployment"}
)
"""What judge and runner write, but for renewals, which come by the clock."""


class _Wrapped:
    def __init__(
        self, journal: Journal, around: Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]
    ):
        self._journal = journal
        self._around = around

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)

        async def call(*args: Any, **options: Any) -> Any:
            return await self._around(name, lambda: method(*args, **options))

        return call


def wrapped(
    journal: Journal, around: Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]
) -> Journal:
    """`around` gets the name of the method and the call itself."""
    return cast("Journal", _Wrapped(journal, around))
