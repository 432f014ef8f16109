"""One program that is asked over HTTP: one deadline, bounded answers, no redirects, no secrets told.

aiohttp's own errors quote addresses, which may hold secrets; here each becomes a sentence of ours.
"""

from __future__ import annotations

import errno
import os
from base64 import b64encode
from typing import TYPE_CHECKING

import aiohttp
import orjson
from yarl import URL

from rollwatch.errors import RollwatchError, SecretUnavailable
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.rollback_handler import PeerSpec

__all__ = ["NoAnswer", "Peer", "new_session"]

_SAID_MAX = 4096


class NoAnswer(RollwatchError):  # noqa: N818  an answer that did not come
    """A question to a program was not answered. `why` is one bounded sentence, free of secrets."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


def new_session(user_agent: str) -> aiohttp.ClientSession:
    """What all peers share; whoever makes it closes it. Needs a running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            # The system's resolver: its hosts file, and no memory of what a name once meant.
            resolver=aiohttp.ThreadedResolver(),
            use_dns_cache=False,
            # A kept connection may be dead, and a decision would be denied for it.
            force_close=True,
            limit=32,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent},
        trust_env=False,
        auto_decompress=False,
        # Compressed answers would have to be bounded twice.
        skip_auto_headers=("Accept-Encoding",),
    )


class Peer:
    """A program at `spec.url`; `name` is what sentences call it: `Prometheus`."""

    def __init__(self, name: str, spec: PeerSpec, session: aiohttp.ClientSession) -> None:
        self.name = name
        self._spec = spec
        self._session = session

    @property
    def timeout_s(self) -> float:
        """How long one call may take, all of it."""
        return self._spec.timeout

    async def json(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body_max: int = 1024**2,
    ) -> object:
        """What it answers with 2xx, read as JSON; a GET, or with `form` a POST. Raises NoAnswer."""
        try:
            return await self._ask(path, query, form, body_max)
        except TimeoutError:
            raise NoAnswer(f"{self.name} did not answer within {self.timeout_s:g} s") from None
        except SecretUnavailable as error:
            raise NoAnswer(f"{self.name} was not asked: {clean(str(error), 200)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"{self.name} {_words(error)}") from None

    async def _ask(
        self, path: str, query: Mapping[str, str] | None, form: Mapping[str, str] | None, body_max: int
    ) -> object:
        headers = {name: value.render_header() for name, value in self._spec.headers.items()}
        if self._spec.token is not None:
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            headers["Authorization"] = f"Bearer {self._spec.token.render_header()}"
        url, basic = self._address(path)
        if basic is not None and not any(name.lower() == "authorization" for name in headers):
            headers["Authorization"] = basic
        async with self._session.request(
            "GET" if form is None else "POST",
            url.update_query(query) if query else url,
            headers=headers,
            data=None if form is None else dict(form),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=self.timeout_s),
        ) as response:
            status = response.status
            if not 200 <= status < 300:
                raise NoAnswer(f"{self.name} {await _refusal(response)}")
            body = await _read(response, body_max)
        if len(body) > body_max:
            raise NoAnswer(f"{self.name} answered with more than {body_max // 1024} KiB")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise NoAnswer(f"{self.name} answered {status} with something that is no JSON") from None

    def _address(self, path: str) -> tuple[URL, str | None]:
        """Where to ask, and what the URL's userinfo says as a header."""
        try:
            base = URL(self._spec.url.render(), encoded=True)
            userinfo = f"{base.user or ''}:{base.password or ''}".encode()
        except ValueError:
            raise NoAnswer(f"{self.name} was not asked: its address is no URL") from None
        url = URL.build(
            scheme=base.scheme,
            host=base.host or "",
            port=base.port,
            path=f"{base.raw_path.rstrip('/')}{path}",
            query_string=base.raw_query_string,
            encoded=True,
        )
        return url, None if userinfo == b":" else f"Basic {b64encode(userinfo).decode()}"


async def _read(response: aiohttp.ClientResponse, body_max: int) -> bytes:
    """One byte more than `body_max` of it, at most."""
    body = bytearray()
    while len(body) <= body_max and (chunk := await response.content.read(body_max + 1 - len(body))):
        body += chunk
    return bytes(body)


async def _refusal(response: aiohttp.ClientResponse) -> str:
    status = response.status
    if 300 <= status < 400:
        return f"answered {status}, a redirect, which is never followed: write the address it leads to"
    if status in {401, 403}:
        return f"answered {status}: it does not accept the handler's credentials"
    try:
        said = orjson.loads(await _read(response, _SAID_MAX))
    except (TimeoutError, aiohttp.ClientError, OSError, orjson.JSONDecodeError):
        # The status says enough.
        said = None
    told = said.get("error") if isinstance(said, dict) else None
    return f"answered {status}" + (f": {clean(told, 150)}" if isinstance(told, str) else "")


def _words(error: aiohttp.ClientError | OSError) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "can't be reached: the name of its host can't be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return "can't be trusted: its certificate is not valid here"
        case aiohttp.ClientSSLError():
            return "can't be reached: no TLS connection comes about"
        case aiohttp.ClientConnectorError():
            return f"can't be reached: {os.strerror(error.os_error.errno or errno.ECONNREFUSED)}"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | aiohttp.ClientOSError():
            return "closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            return "broke off in the middle of its answer"
        case aiohttp.ClientResponseError():
            return "answered with something that is no HTTP"
        case _:
            return f"can't be asked ({type(error).__name__})"
