"""Basic auth passwords against bcrypt hashes, off the loop, and no lever for a flood.

A bcrypt check costs about 70 ms of CPU at cost 10. Checks run in two threads of their own, a bounded
number waits for them, and at most a few of those from one address; what finds no place is answered 429.
What was verified once is remembered under an HMAC with a key of this process, so that a scraper pays
once and still gets in while somebody else is guessing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import bcrypt

from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Passwords", "is_bcrypt_hash"]

_HASH = re.compile(r"\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_THREADS = 2
_WAITING_MAX = 16
_WAITING_PER_ADDRESS = 4
_REMEMBERED_MAX = 128
# bcrypt reads no further; htpasswd and Go's verifier cut here, Python's refuses instead.
_BCRYPT_BYTES = 72


def is_bcrypt_hash(text: str) -> bool:
    """Whether `text` is a whole bcrypt hash ($2a$, $2b$ or $2y$)."""
    return _HASH.fullmatch(text) is not None


class Passwords:
    """Checks passwords. One per listener; `close` it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._waiting: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bcrypt")
        self.checks = 0
        """How many bcrypt checks were begun."""

    async def verify(self, users: Mapping[str, str], name: str, password: str, address: str) -> bool:
        """Whether `password` is that of `name`. An unknown name costs what a known one does.

        Raises Refusal (429) when too many checks are waiting.
        """
        stored = users.get(name)
        mark = self._mark(name, stored or self._decoy(users, name), password)
        if mark in self._verified:
            self._verified.move_to_end(mark)
            return True
        self._take_place(address)
        try:
            loop = asyncio.get_running_loop()
            hashed = stored or self._decoy(users, name)
            self.checks += 1
            is_right = await loop.run_in_executor(self._threads, _check, password, hashed)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]
        if not (is_right and stored is not None):
            return False
        self._verified[mark] = None
        while len(self._verified) > _REMEMBERED_MAX:
            self._verified.popitem(last=False)
        return True

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _take_place(self, address: str) -> None:
        if self._waiting.total() >= _WAITING_MAX or self._waiting[address] >= _WAITING_PER_ADDRESS:
            raise Refusal(
                429,
                "too_many_passwords",
                "Too many passwords are being checked at the moment.",
                "Ask again in a second.",
                headers={"Retry-After": "1"},
                closes=True,
            )
        self._waiting[address] += 1

    def _mark(self, name: str, hashed: str, password: str) -> bytes:
        message = "\0".join((name.encode().hex(), hashed, password)).encode()
        return hmac.digest(self._key, message, hashlib.sha256)

    def _decoy(self, users: Mapping[str, str], name: str) -> str:
        """A hash that nothing matches, of a cost that one of the users has; always the same for a name."""
        known = list(users.values())
        if not known:
            return f"$2b$10${'.' * 53}"
        pick = hmac.digest(self._key, name.encode(), hashlib.sha256)[0]
        return known[pick % len(known)][:7] + "." * 53


def _check(password: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], hashed.encode())
    except ValueError:
        return False
