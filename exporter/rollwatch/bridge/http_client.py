"""HTTP calls of the channels: one deadline for all of it, no redirects, bounded answers, no secrets told.

aiohttp's own errors quote addresses, which may be secrets; here each becomes a phrase of ours.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import orjson

from rollwatch.bridge.backoff import retry_after_s
from rollwatch.bridge.failures import SendFailed, is_permanent
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.clock import Clock

__all__ = ["Answer", "HttpClient"]

_ANSWER_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer; `body` is at most 16 KiB of it."""

    status: int
    body: bytes

    def json_object(self) -> dict[str, object] | None:
        """The body, if it is a JSON object."""
        return _json_object(self.body)


class HttpClient:
    """Makes calls; each on a connection of its own, since a kept one may be dead and we would not know
    whether the far end has heard us."""

    def __init__(self, clock: Clock, user_agent: str, *, timeout_s: float) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                # The system's resolver: its hosts file, and no memory of what a name once meant.
                resolver=aiohttp.ThreadedResolver(),
                use_dns_cache=False,
                force_close=True,
                limit=64,
            ),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent},
            trust_env=False,
            auto_decompress=False,
            # Compressed answers would have to be bounded twice.
            skip_auto_headers=("Accept-Encoding",),
        )

    async def close(self) -> None:
        await self._session.close()

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        explain: tuple[str, ...] = (),
    ) -> Answer:
        """The answer, if it is 2xx. Raises SendFailed for every other end.

        `explain` names the keys of a JSON answer that say what was wrong; their values go into the error, so
        the caller takes out of it what is nobody's business.
        """
        try:
            return await self._call(method, url, headers or {}, body, explain)
        except TimeoutError:
            raise SendFailed(f"no answer within {self._timeout_s:g} s") from None
        except aiohttp.InvalidURL:
            raise SendFailed("its address is no URL", permanent=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise SendFailed(_words(error)) from None

    async def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, explain: tuple[str, ...]
    ) -> Answer:
        request = self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
        async with request as response:
            status = response.status
            is_good = 200 <= status < 300
            try:
                text = await _read(response)
            except (TimeoutError, aiohttp.ClientError, OSError):
                # The status has decided: what it said besides is not worth sending twice.
                text = b""
            if is_good:
                return Answer(status, text)
            asked = retry_after_s(response.headers.get("Retry-After"), self._clock.wall())
            raise SendFailed(
                _status_words(status, text, explain), permanent=is_permanent(status), retry_after_s=asked
            )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) < _ANSWER_MAX and (chunk := await response.content.read(_ANSWER_MAX - len(body))):
        body += chunk
    return bytes(body)


def _json_object(body: bytes) -> dict[str, object] | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _status_words(status: int, body: bytes, explain: tuple[str, ...]) -> str:
    if 300 <= status < 400:
        return f"it answered {status}, a redirect, which is never followed: write the address it leads to"
    said = _json_object(body) or {}
    parts = [str(said[key]) for key in explain if isinstance(said.get(key), str | int | list)]
    return clean(f"it answered {status}" + (f": {' '.join(parts)}" if parts else ""), 250)


def _words(error: aiohttp.ClientError | OSError) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "the name of its host can't be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted"
        case aiohttp.ClientSSLError():
            return "no TLS connection comes about"
        case aiohttp.ClientConnectorError():
            # aiohttp's own text has the address in it.
            return f"it can't be reached: {os.strerror(error.os_error.errno or errno.ECONNREFUSED)}"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | aiohttp.ClientOSError():
            return "it closed the connection without an answer"
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return "what it answered is no HTTP"
        case _:
            return f"the call failed ({type(error).__name__})"
