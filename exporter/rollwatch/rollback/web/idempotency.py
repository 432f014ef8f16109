"""`Idempotency-Key`: whoever asks again with the same key gets the answer of the first time.

Only what was done is kept. A refusal has changed nothing, and is made anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.rollback.journal_port import Reply
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.serving.access import Principal

__all__ = ["KEY_HEADER", "KEY_PATTERN", "Answer", "Idempotency"]

KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = "[!-~]{1,255}"
_KEY = re.compile(KEY_PATTERN)


class Answer(NamedTuple):
    """What is sent back, as JSON."""

    status: int
    body: str
    is_repeated: bool = False


class Idempotency:
    """Keeps answers in the journal, each for the principal that asked."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    async def once(
        self,
        key: str | None,
        principal: Principal,
        request: tuple[str, str, bytes],
        act: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """`act`, or what it answered before. `request` is method, path and body.

        Raises Refusal: 400 for a key that is none, 422 where it was used for another request; JournalFailed.
        """
        if key is None:
            return await act()
        if _KEY.fullmatch(key) is None:
            raise Refusal(
                400,
                "idempotency_key_invalid",
                f"The {KEY_HEADER} is not 1 to 255 printable ASCII characters without spaces.",
                "Send a fresh UUID for each thing you want done.",
            )
        method, path, body = request
        ours = _digest(principal.kind, principal.name, key)
        asked = _digest(method, path, body.decode("utf-8", "surrogateescape"))
        # Twice at once must wait for the first: there is nothing to repeat before it is answered.
        async with self._alone(ours):
            kept = await self._journal.reply(ours)
            if kept is None:
                answer = await act()
                if answer.status >= 300:
                    return answer
                mine = Reply(asked, answer.status, answer.body)
                kept = await self._journal.keep_reply(ours, mine, self._clock.wall())
                if kept == mine:
                    return answer
            if kept.request_sha256 != asked:
                raise Refusal(
                    422,
                    "idempotency_key_reused",
                    f"This {KEY_HEADER} was used for another request.",
                    "Send a fresh key for each thing you want done.",
                )
            return Answer(kept.status, kept.body, is_repeated=True)

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        self._users[key] += 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._locks[key]


def _digest(*parts: str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()
