"""Opening a WebSocket session: resolve, connect, TLS, and the upgrade (RFC 6455 section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Origin, Subprotocol

from rollwatch.errors import ProbeFailure
from rollwatch.model import Phase, Reason
from rollwatch.probers._dial import DIAL_REASONS, dial
from rollwatch.probers._ws_link import QUIET, Link
from rollwatch.probers._ws_metrics import HANDSHAKE, SESSIONS_OPENED, STATUS_CODE, UPGRADED
from rollwatch.probers._ws_request import Renderer
from rollwatch.text import clean, listed

if TYPE_CHECKING:
    from websockets.http11 import Request

    from rollwatch.probers._ws_head import Head
    from rollwatch.probers._ws_link import Sink
    from rollwatch.probers._ws_request import Rendered
    from rollwatch.probers._ws_spec import WebSocketSpec
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["OPEN_REASONS", "Opener"]

OPEN_REASONS = DIAL_REASONS | {
    Reason.PROTOCOL_ERROR,
    Reason.STATUS,
    Reason.HEADER_MISMATCH,
    Reason.CREDENTIALS_REJECTED,
    Reason.RATE_LIMITED,
    Reason.CONNECTION_CLOSED,
    Reason.CONNECTION_RESET,
}
"""Why a session may not come about."""

# A compressor with the default window costs 256 KiB; we send little. One per message, and small.
_DEFLATE = ClientPerMessageDeflateFactory(client_no_context_takeover=True, compress_settings={"memLevel": 3})


class Opener:
    """Opens sessions with one endpoint."""

    def __init__(self, spec: WebSocketSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._env = env
        self._renderer = Renderer(spec, env.user_agent)
        self._tls = env.network.tls.get(spec.tls, ("http/1.1",)) if spec.url.scheme == "wss" else None

    def render(self) -> Rendered:
        """What will be said, with the secrets as they are now. Raises SecretUnavailable."""
        return self._renderer.render()

    async def open(self, run: Run, said: Rendered, sink: Sink) -> Link:
        """A session, whose messages go to `sink`; PROCESSING is over.

        Raises ProbeFailure with one of OPEN_REASONS; then nothing stays open.
        """
        spec, clock = self._spec, self._env.clock
        ws = self._protocol(said)
        began = clock.monotonic()
        status, is_upgraded = 0, False
        link: Link | None = None
        try:
            _, link = await dial(
                run,
                spec.url.address,
                factory=lambda: Link(ws, sink, clock),
                env=self._env,
                tls=self._tls,
                server_hostname=spec.tls.server_name,
                ip=spec.ip,
                timeout_s=spec.timeout,
                proxy=said.proxy,
            )
            run.enter(Phase.PROCESSING)
            link.request(_request(ws, said))
            head = await link.head
            run.leave()
            status = 0 if head is None else head.status
            self._judge(run, link, head, said)
            is_upgraded = True
        except ProbeFailure as failure:
            if link is not None:
                link.abort()
            raise ProbeFailure(failure.reason, said.scrubber.scrub(failure.detail)) from None
        except BaseException:
            if link is not None:
                link.abort()
            raise
        finally:
            run.sample(STATUS_CODE, status)
            run.sample(UPGRADED, float(is_upgraded))
        run.sample(SESSIONS_OPENED, 1.0)
        run.sample(HANDSHAKE, clock.monotonic() - began)
        return link

    def _protocol(self, said: Rendered) -> ClientProtocol:
        spec = self._spec
        return ClientProtocol(
            said.uri,
            origin=None if spec.origin is None else Origin(spec.origin),
            extensions=[_DEFLATE] if spec.compression else None,
            subprotocols=[Subprotocol(name) for name in spec.subprotocols] or None,
            max_size=spec.message_limit,
            logger=QUIET,
        )

    def _judge(self, run: Run, link: Link, head: Head | None, said: Rendered) -> None:
        if head is None or (head.status == 101 and not link.is_upgraded):
            ending = link.ended.result()
            raise ProbeFailure(ending.reason, ending.detail)
        if head.status != 101:
            raise self._refusal(run, head, said)
        offered = self._spec.subprotocols
        if run.notes is not None:
            run.note("subprotocol", clean(link.subprotocol or "none"))
            run.note("extensions", clean(", ".join(link.extensions) or "none"))
        if offered and link.subprotocol is None:
            raise ProbeFailure(
                Reason.HEADER_MISMATCH, f"the server chose none of the subprotocols {listed(list(offered))}"
            )

    def _refusal(self, run: Run, head: Head, said: Rendered) -> ProbeFailure:
        status = head.status
        detail = f"the server answered {status} to the upgrade request"
        if status in (401, 403) and said.has_credentials:
            return ProbeFailure(Reason.CREDENTIALS_REJECTED, f"{detail}: it rejects the credentials")
        if status == 429:
            run.retry_after_s = head.retry_after_s(self._env.clock.wall())
            return ProbeFailure(Reason.RATE_LIMITED, f"{detail}: it wants to be asked less often")
        if 300 <= status < 400:
            return ProbeFailure(Reason.STATUS, f"{detail}; a redirected upgrade is not followed")
        return ProbeFailure(Reason.STATUS, detail)


def _request(ws: ClientProtocol, said: Rendered) -> Request:
    request = ws.connect()
    for name, value in said.headers:
        # The library writes latin-1; what is beyond it goes out as UTF-8.
        request.headers[name] = value.encode().decode("latin-1")
    return request
