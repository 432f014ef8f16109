"""Who is signed in at the page: in memory only, so that a restart signs everybody out."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rollwatch.rollback.model.words import Role
    from rollwatch.serving.access import Principal
    from rollwatch.serving.web_config import WebConfig

__all__ = ["IDLE_S", "LIFE_S", "Notice", "Session", "Sessions", "SignedOut"]

IDLE_S = 30 * 60.0
"""A session that nobody uses ends after so long; a page that only refreshes itself does not use it."""
LIFE_S = 12 * 3600.0
"""And after so long in any case."""
_MOST = 1000
_BYTES = 32


class SignedOut(Exception):  # noqa: N818  no fault
    """The request brings no session that is valid now."""


class Notice(NamedTuple):
    """What became of the last form, for the next page. `tone` is a class of the style sheet."""

    tone: str
    message: str
    remedy: str = ""


@dataclass(slots=True)
class Session:
    """`proof` is what was known of the credentials at login: the token's digest, or the password's hash."""

    principal: Principal
    proof: bytes = field(repr=False)
    csrf: str = field(repr=False)
    """Every form carries it."""
    began_at: float
    used_at: float
    notice: Notice | None = None

    @property
    def name(self) -> str:
        """Of the token or the user: who acts."""
        return self.principal.name

    def may(self, roles: Collection[Role]) -> bool:
        """Whether one of `roles` is theirs; users have every role."""
        return self.principal.kind == "user" or self.principal.role in roles

    def is_form(self, csrf: str) -> bool:
        """Whether a form that carries `csrf` was made for this session; in constant time."""
        return hmac.compare_digest(csrf.encode("utf-8", "replace"), self.csrf.encode())

    def is_backed_by(self, config: WebConfig) -> bool:
        """Whether the credentials would still do: the same token in the same role, the same password."""
        if self.principal.kind == "user":
            stored = config.users.get(self.principal.name)
            return stored is not None and hmac.compare_digest(stored.encode(), self.proof)
        return any(
            hmac.compare_digest(known.sha256, self.proof) and known.role == self.principal.role
            for known in config.tokens
        )


class Sessions:
    """A bounded number; one more, and the one that was used longest ago ends.

    `now` is a clock that never jumps, in seconds; `random_bytes(n)` can't be guessed.
    """

    def __init__(
        self, now: Callable[[], float], random_bytes: Callable[[int], bytes], *, most: int = _MOST
    ) -> None:
        self._now = now
        self._random_bytes = random_bytes
        self._most = most
        self._by_digest: OrderedDict[bytes, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_digest)

    def begin(self, principal: Principal, proof: bytes) -> str:
        """A new session; its id, which is kept nowhere here but as a digest."""
        session_id = self._random_bytes(_BYTES).hex()
        now = self._now()
        self._by_digest[_digest(session_id)] = Session(
            principal, proof, self._random_bytes(_BYTES).hex(), now, now
        )
        while len(self._by_digest) > self._most:
            self._by_digest.popitem(last=False)
        return session_id

    def find(self, session_id: str, config: WebConfig, *, uses: bool = True) -> Session | None:
        """The session, if it has not ended. `uses` False: this does not count as being used."""
        digest = _digest(session_id)
        session = self._by_digest.get(digest)
        if session is None:
            return None
        now = self._now()
        over = now - session.used_at >= IDLE_S or now - session.began_at >= LIFE_S
        if over or not session.is_backed_by(config):
            del self._by_digest[digest]
            return None
        if uses:
            session.used_at = now
            self._by_digest.move_to_end(digest)
        return session

    def end(self, session_id: str) -> None:
        """It is not found any more."""
        self._by_digest.pop(_digest(session_id), None)


def _digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode("utf-8", "replace")).digest()
