"""Who may use the bridge: whoever shows the one token of the file."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import structlog

from rollwatch.errors import SecretUnavailable
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.config.template import SecretText

__all__ = ["Gate"]

_log = structlog.get_logger(__name__)


class Gate:
    """Compares tokens in a time that says nothing about ours. A token that can't be read lets nobody in."""

    def __init__(self) -> None:
        self._token: SecretText | None = None
        self._version: int | None = None
        self._digest: bytes | None = None

    def configure(self, token: SecretText) -> None:
        """This is the token from now on."""
        self._token = token
        self._version = None

    def check(self, header: str | None) -> None:
        """Raise Refusal 401 if this `Authorization` header (RFC 6750) does not bring the token."""
        scheme, _, offered = (header or "").partition(" ")
        digest = hashlib.sha256(offered.strip().encode("utf-8", "surrogateescape")).digest()
        known = self._known()
        is_known = known is not None and hmac.compare_digest(digest, known)
        if not is_known or scheme.lower() != "bearer":
            raise Refusal(
                401,
                "unauthorized",
                "This needs the token of the bridge.",
                "Send Authorization: Bearer with bridge.token of rollwatch.yml; Alertmanager reads it "
                "from the file that notifications.bridge.token_file names.",
                headers={"WWW-Authenticate": 'Bearer realm="rollwatch"'},
            )

    def _known(self) -> bytes | None:
        if self._token is None:
            return None
        version = self._token.version
        if version != self._version:
            self._version = version
            try:
                token = self._token.render()
            except SecretUnavailable as missing:
                _log.error("bridge_token_unavailable", why=str(missing))
                self._digest = None
            else:
                self._digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        return self._digest
