"""Where everything that is sent to the exporter goes through; it need not be there."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

import aiohttp

from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Outcome", "Postbox"]

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_LONGEST_REASON = 4096


class Outcome(StrEnum):
    """What became of something sent."""

    TAKEN = "taken"
    """Now or, by its id, before."""
    REFUSED = "refused"
    """Sending it again is of no use."""
    LATER = "later"
    """It may be taken at another time."""


class Postbox:
    """Sends to one address, and says once what is in the way: not for each of thousands of beacons."""

    def __init__(self, session: aiohttp.ClientSession, url: str, say: Callable[[str], None]) -> None:
        self._session = session
        self._url = url
        self._say = say
        self._is_answered: bool | None = None
        self._refused: dict[str, int] = {}

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send one body to `path`. Never raises for what the other side does."""
        try:
            async with self._session.post(
                f"{self._url}{path}", data=body, headers=headers, timeout=_TIMEOUT
            ) as response:
                status, said = response.status, await response.content.read(_LONGEST_REASON)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._note_answered(is_answered=False)
            return Outcome.LATER
        self._note_answered(is_answered=True)
        outcome = _outcome(status)
        self._note_refused(path, status if outcome is Outcome.REFUSED else None, said)
        return outcome

    def _note_answered(self, *, is_answered: bool) -> None:
        if is_answered is self._is_answered:
            return
        if is_answered:
            self._say(f"{self._url} takes what is sent")
        else:
            self._say(
                f"nothing answers at {self._url}: what the page, the API and the trading desk send is not "
                "measured until 'rollwatch exporter' listens there (--web.ingest-address)"
            )
        self._is_answered = is_answered

    def _note_refused(self, path: str, status: int | None, said: bytes) -> None:
        if status is None:
            self._refused.pop(path, None)
        elif self._refused.get(path) != status:
            self._refused[path] = status
            self._say(f"{self._url}{path} refuses what is sent: {status} {_reason(said)}")


def _outcome(status: int) -> Outcome:
    if status < 300 or status == 409:
        return Outcome.TAKEN
    return Outcome.LATER if status == 429 or status >= 500 else Outcome.REFUSED


def _reason(said: bytes) -> str:
    try:
        message = json.loads(said)["message"]
    except (ValueError, KeyError, TypeError):
        message = said
    return clean(message if isinstance(message, str | bytes) else str(message), 300)
