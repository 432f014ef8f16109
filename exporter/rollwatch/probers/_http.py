"""One HTTP exchange, from name to last byte, phase by phase. Shared by the kinds that speak HTTP.

    client = HttpClient(spec, env)            # once per probe
    response = await client.fetch(run)        # each run; raises ProbeFailure below HTTP status
    document = parse_json(response)

A fresh connection per run, unless the spec says otherwise. Nothing is ever tried twice, but for a kept
connection that the peer closed meanwhile. HTTP/1.1 only.
"""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason
from rollwatch.probers._dial import dial
from rollwatch.probers._http_answer import BodyFailure, Headers, Response, decode_body, parse_json
from rollwatch.probers._http_exchange import Exchange
from rollwatch.probers._http_metrics import (
    CONTENT_LENGTH,
    HTTP_METRICS,
    HTTP_PHASES,
    HTTP_REASONS,
    HTTP_VERSION,
    IS_TLS,
    LAST_MODIFIED,
    REDIRECTS,
    STATUS_CODE,
    UNCOMPRESSED_LENGTH,
)
from rollwatch.probers._http_request import Origin, Renderer, Request
from rollwatch.probers._http_spec import AuthSpec, BasicAuth, HttpRequestSpec
from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = [
    "HTTP_METRICS",
    "HTTP_PHASES",
    "HTTP_REASONS",
    "AuthSpec",
    "BasicAuth",
    "BodyFailure",
    "Headers",
    "HttpClient",
    "HttpRequestSpec",
    "Response",
    "parse_json",
]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


class _Kept(NamedTuple):
    """A connection left from an earlier run."""

    origin: Origin
    transport: asyncio.Transport
    exchange: Exchange
    expiry: asyncio.TimerHandle


class HttpClient:
    """Sends the request of a spec. Runs never overlap."""

    def __init__(self, spec: HttpRequestSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._env = env
        self._renderer = Renderer(spec, env.user_agent)
        self._ours = Origin(spec.url.scheme, spec.url.host.lower(), spec.url.port)
        self._tls = env.network.tls.get(spec.tls, ("http/1.1",))
        # A client certificate says who we are: that is for the URL's host, not for where a redirect leads.
        nobody = spec.tls.model_copy(update={"cert_file": None, "key_file": None})
        self._tls_elsewhere = env.network.tls.get(nobody, ("http/1.1",))
        self._kept: _Kept | None = None
        self._last_shown: tuple[Request | None, str] = (None, "")

    def scrub(self, text: str) -> str:
        """Remote text without our secrets, as far as the server said them back."""
        return self._renderer.scrubber.scrub(text)

    def scrub_json(self, document: Any, response: Response) -> Any:
        """What was decoded from `response`, changed in place: no text in it holds a secret of ours."""
        return self._renderer.scrubber.scrub_json(document, response.body)

    async def fetch(self, run: Run) -> Response:
        """The answer after redirects, its body decoded and bounded.

        Enters RESOLVE, CONNECT, TLS, PROCESSING and TRANSFER, and samples HTTP_METRICS. Raises ProbeFailure
        with one of HTTP_REASONS; for a bad body it is a BodyFailure that has the response.
        """
        has_answer = False
        try:
            request = self._renderer.request()
            response, request, redirects = await self._follow(run, request)
            has_answer = True
            self._sample(run, response, request, redirects)
            response.url = self._shown(request)
            if "content-encoding" in response.headers:
                response = await decode_body(response, self._spec.body_limit)
        except BodyFailure as failure:
            run.leave()
            if not has_answer:
                has_answer = True
                run.sample(STATUS_CODE, failure.response.status)
            raise BodyFailure(failure.reason, self.scrub(failure.detail), failure.response) from None
        except ProbeFailure as failure:
            run.leave()
            raise ProbeFailure(failure.reason, self.scrub(failure.detail)) from None
        finally:
            # No leaving at the deadline: the phase it met says whether our own network may be to blame.
            if not has_answer:
                run.sample(STATUS_CODE, 0)
        run.leave()
        run.sample(UNCOMPRESSED_LENGTH, len(response.body))
        return response

    async def _follow(self, run: Run, request: Request) -> tuple[Response, Request, int]:
        spec = self._spec
        redirects = 0
        seen = {(request.method, request.origin, request.target)} if spec.follow_redirects else set()
        while True:
            response = await self._ask(run, request, is_first=redirects == 0)
            if run.notes is not None:
                run.note("answered", f"{response.status} {request.method} {self._shown(request)}")
            location = response.headers.get("location") if response.status in _REDIRECTS else None
            if location is None or not spec.follow_redirects:
                return response, request, redirects
            redirects += 1
            if redirects > spec.max_redirects:
                raise ProbeFailure(Reason.REDIRECT, f"more than {spec.max_redirects} redirects")
            request = request.redirected(response.status, location.encode("latin-1"))
            step = (request.method, request.origin, request.target)
            if step in seen:
                raise ProbeFailure(Reason.REDIRECT, f"redirects go in a circle at {self._shown(request)}")
            seen.add(step)

    async def _ask(self, run: Run, request: Request, *, is_first: bool) -> Response:
        keep = self._spec.reuse_connection and is_first
        if keep:
            exchange = self._take_kept(request.origin)
            if exchange is not None:
                run.note("connection", "kept from an earlier run")
                try:
                    return await self._exchange(run, request, exchange, keep=True)
                except ProbeFailure:
                    if exchange.has_answered or request.method not in _IDEMPOTENT:
                        raise
                    run.note("connection", "the peer had closed it; connecting again")
        exchange = await self._connect(run, request)
        return await self._exchange(run, request, exchange, keep=keep)

    async def _connect(self, run: Run, request: Request) -> Exchange:
        spec, origin, proxy = self._spec, request.origin, request.proxy
        is_tls = origin.scheme == "https"
        tls = self._tls if self._ours.may_follow(origin) else self._tls_elsewhere
        is_ours = origin.host == spec.url.host.lower()
        is_plain_proxied = proxy is not None and not is_tls
        target = (origin.host, origin.port)
        if proxy is not None and is_plain_proxied:
            target = (proxy.host, proxy.port)
        try:
            _, exchange = await dial(
                run,
                target,
                factory=Exchange,
                env=self._env,
                tls=tls if is_tls else None,
                server_hostname=spec.tls.server_name if spec.tls.server_name and is_ours else origin.host,
                ip=spec.ip,
                timeout_s=spec.timeout,
                proxy=None if is_plain_proxied else proxy,
            )
        except ProbeFailure as failure:
            if is_plain_proxied and failure.reason is Reason.CONNECT_REFUSED:
                raise ProbeFailure(Reason.PROXY_REFUSED, f"the proxy {failure.detail}") from None
            raise
        return exchange

    async def _exchange(self, run: Run, request: Request, exchange: Exchange, *, keep: bool) -> Response:
        spec = self._spec
        answer = exchange.ask(
            run,
            request.wire,
            method=request.method,
            body_limit=spec.body_limit,
            keep=keep,
            follow=spec.follow_redirects,
        )
        try:
            response = await answer
        except BaseException:
            exchange.abort()
            raise
        if keep and exchange.is_reusable:
            self._keep(request.origin, exchange)
        return response

    def _keep(self, origin: Origin, exchange: Exchange) -> None:
        transport = exchange.transport
        if transport is None:
            return
        # Nobody tells a prober that it is no longer wanted: an unused connection ends by itself.
        unused_s = 2 * self._spec.interval + self._spec.timeout
        expiry = asyncio.get_running_loop().call_later(unused_s, transport.abort)
        self._env.network.adopt(transport)
        self._kept = _Kept(origin, transport, exchange, expiry)

    def _take_kept(self, origin: Origin) -> Exchange | None:
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        kept.expiry.cancel()
        if kept.origin == origin and kept.exchange.is_reusable and not kept.transport.is_closing():
            return kept.exchange
        kept.transport.abort()
        return None

    def _sample(self, run: Run, response: Response, request: Request, redirects: int) -> None:
        run.sample(STATUS_CODE, response.status)
        run.sample(HTTP_VERSION, float(response.http_version))
        length = response.headers.content_length
        run.sample(CONTENT_LENGTH, -1 if length is None else length)
        run.sample(REDIRECTS, redirects)
        run.sample(IS_TLS, request.origin.scheme == "https")
        modified = response.headers.get("last-modified")
        if modified is not None:
            try:
                run.sample(LAST_MODIFIED, parsedate_to_datetime(modified[:64]).timestamp())
            except (ValueError, OverflowError, OSError):
                run.note("last-modified", "can't be read")

    def _shown(self, request: Request) -> str:
        """A URL for people, without its query, and without what could be a secret of ours."""
        if self._last_shown[0] is request:
            return self._last_shown[1]
        origin = f"{request.origin.scheme}://{request.origin.authority}"
        path = request.target.partition("?")[0]
        shown = clean(self.scrub(origin + path), 200)
        self._last_shown = (request, shown)
        return shown
