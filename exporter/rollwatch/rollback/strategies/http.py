"""JSON over HTTPS to a platform: what is asked may be asked again, what is changed is sent once.

Every call has one deadline for all of it, is bounded to 2 MiB, follows no redirect and verifies certificates
against the system's authorities (or those of SSL_CERT_FILE). HTTP_PROXY, HTTPS_PROXY and .netrc are not used:
the handler needs a direct way to the platform. Errors are sentences of ours, without addresses and tokens.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from rollwatch import __version__
from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.strategies._http_answer import is_redirect, remote_words, wait_asked_for
from rollwatch.rollback.strategies._http_wire import Failed, Outgoing, Raw, exchange
from rollwatch.rollback.strategies.pace import Until
from rollwatch.rollback.strategies.strategy import PlatformFailed
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.template import Template
    from rollwatch.config.urls import HttpUrl
    from rollwatch.rollback.strategies.pace import Pace
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["Ambiguous", "Answered", "CallFailed", "Credential", "JsonClient", "NotSent", "Refused"]


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx answer. `json` is None where it has no body; names of headers are in lower case."""

    status: int
    json: Any
    headers: Mapping[str, str]


class CallFailed(PlatformFailed):
    """A call came to nothing, in one of three ways."""

    again = True
    """Whether the same question may be answered when it is asked again."""


class NotSent(CallFailed):
    """Proven not to have reached the platform: no name, no connection, no TLS, no token."""

    def __init__(self, why: str, *, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


class Ambiguous(CallFailed):
    """It was sent, and what the platform did is not known: no answer, 5xx, 408, 429, or no JSON."""


class Refused(CallFailed):
    """The platform answered that it did nothing: 3xx, or 4xx but for 408 and 429."""

    def __init__(
        self, why: str, *, status: int, json: Any = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(why, retry_after_s=retry_after_s)
        self.status = status
        self.json = json
        # A refusal stands, unless it says when to come back.
        self.again = retry_after_s is not None


class Credential(NamedTuple):
    """The header that carries a token: `Authorization: Bearer …`."""

    header: str
    prefix: str
    token: Template


class JsonClient:
    """Speaks to one platform with one token, which is rendered for each call."""

    def __init__(
        self,
        platform: str,
        url: HttpUrl,
        credential: Credential,
        tools: StrategyTools,
        pace: Pace,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`platform` is its name in sentences."""
        self._platform = platform
        self._url = url
        self._credential = credential
        self._tools = tools
        self._pace = pace
        self._headers = dict(headers or {})
        self._trusted: ssl.SSLContext | None = None

    async def ask(
        self, method: str, path: str, body: object = None, *, within_s: float | None = None
    ) -> Answered:
        """A question: asked again after a wait with jitter, or the one the platform asks for.

        Raises CallFailed. All attempts together take `within_s` at most, and never more than `Pace.read_s`.
        """
        until = self._until(self._pace.read_s, within_s)
        attempt = 1
        while True:
            try:
                return await self._call(method, path, body, until)
            except CallFailed as failed:
                wait = failed.retry_after_s
                if wait is None:
                    wait = self._pace.backoff_s * 2.0 ** (attempt - 1)
                if not failed.again or attempt >= self._pace.attempts or wait >= until.left:
                    raise
            await until.rest(wait * 1.2)
            attempt += 1

    async def change(
        self, method: str, path: str, body: object = None, *, within_s: float | None = None
    ) -> Answered:
        """A change: sent again only where it is proven that it was not sent. Raises CallFailed."""
        until = self._until(self._pace.read_s, within_s)
        attempt = 1
        while True:
            try:
                return await self._call(method, path, body, until)
            except NotSent as failed:
                wait = self._pace.backoff_s * 2.0 ** (attempt - 1)
                if not failed.again or attempt >= self._pace.attempts or wait >= until.left:
                    raise
            await until.rest(wait)
            attempt += 1

    def _until(self, seconds: float, within_s: float | None) -> Until:
        seconds = seconds if within_s is None else min(seconds, within_s)
        return Until(self._tools.clock, self._tools.rng, seconds)

    async def _call(self, method: str, path: str, body: object, until: Until) -> Answered:
        try:
            token = self._credential.token.render_header()
            url = self._url.render().rstrip("/") + path
        except SecretUnavailable as missing:
            raise NotSent(sentence(f"{self._platform} was not asked: {missing}"), again=False) from None
        if not token.isascii():
            why = f"{self._platform} was not asked: its token has a character that no header can have"
            raise NotSent(why, again=False)
        request = Outgoing(
            method, url, self._all_headers(token, body), None if body is None else orjson.dumps(body), token
        )
        outcome = await exchange(
            request,
            clock=self._tools.clock,
            seconds=min(self._pace.call_s, until.left),
            trust=self._trust,
        )
        match outcome:
            case Failed(why, sent=False):
                raise NotSent(sentence(f"{self._platform} was not reached: {why}"))
            case Failed(why):
                raise Ambiguous(sentence(f"{self._platform} was asked, but {why}"))
            case Raw():
                return self._judge(outcome)

    def _all_headers(self, token: str, body: object) -> dict[str, str]:
        return {
            "User-Agent": f"rollwatch/{__version__}",
            "Accept": "application/json",
            # Compressed answers would have to be bounded twice.
            "Accept-Encoding": "identity",
            **({} if body is None else {"Content-Type": "application/json"}),
            **self._headers,
            self._credential.header: f"{self._credential.prefix}{token}",
        }

    def _judge(self, raw: Raw) -> Answered:
        wait = wait_asked_for(raw.status, raw.headers, self._tools.clock.wall())
        told = f"{self._platform} answered {raw.status}"
        if 200 <= raw.status < 300:
            if raw.trouble:
                raise Ambiguous(sentence(f"{told}, but {raw.trouble}"))
            return Answered(raw.status, raw.json, raw.headers)
        if is_redirect(raw.status):
            why = f"{told}, a redirect, which is never followed: write the address it leads to"
            raise Refused(why, status=raw.status)
        words = remote_words(raw.json)
        why = sentence(f"{told}{_HINTS.get(raw.status, '')}" + (f": {words}" if words else ""))
        if raw.status in {408, 429} or not 400 <= raw.status < 500:
            raise Ambiguous(why, retry_after_s=wait)
        raise Refused(why, status=raw.status, json=raw.json, retry_after_s=wait)

    def _trust(self) -> ssl.SSLContext:
        if self._trusted is None:
            self._trusted = ssl.create_default_context()
        return self._trusted


_HINTS = {
    401: " (it does not know the token)",
    403: " (the token may not do this)",
    404: " (there is none, or the token may not see it)",
    429: " (too many requests)",
}
