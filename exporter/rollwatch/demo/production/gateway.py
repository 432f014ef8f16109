"""The gateway: the one part that speaks TLS, with a certificate of the demo's own authority."""

from __future__ import annotations

import ssl

from aiohttp import web

from rollwatch.demo import certificates
from rollwatch.demo.faults import Fault
from rollwatch.demo.production.part import Part, PartEnv

__all__ = ["PART"]


def _build(_env: PartEnv) -> web.Application:
    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.router.add_get("/health", health)
    return app


def _tls(env: PartEnv) -> ssl.SSLContext:
    contexts = {}
    for name in (certificates.VALID, certificates.EXPIRED):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificates.chain_path(env.tls_dir, name))
        contexts[name] = context

    def choose(connection: ssl.SSLObject, _server_name: str | None, _context: ssl.SSLContext) -> None:
        if env.board.is_on(Fault.CERTIFICATE_EXPIRED):
            connection.context = contexts[certificates.EXPIRED]

    # Called in every handshake, with None where the client names no host.
    contexts[certificates.VALID].sni_callback = choose
    return contexts[certificates.VALID]


PART = Part(name="gateway", title="gateway (TLS)", path="/health", build=_build, tls=_tls)
