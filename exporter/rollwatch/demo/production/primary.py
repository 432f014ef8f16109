"""The primary data provider: a snapshot of options with greeks, behind a bearer token."""

from __future__ import annotations

from aiohttp import web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production import options
from rollwatch.demo.production.answers import offers_bearer, unavailable
from rollwatch.demo.production.part import Part, PartEnv

__all__ = ["PART"]

_RETRY_AFTER_S = 5
_ALLOWED = 1000
"""Requests a minute; what is left is told with each answer."""


def _build(env: PartEnv) -> web.Application:
    board = env.board

    async def snapshot(request: web.Request) -> web.Response:
        if board.is_on(Fault.PROVIDER_DOWN, Fault.ALL_PROVIDERS_DOWN):
            return unavailable("the snapshot service is down for maintenance")
        if board.is_on(Fault.PROVIDER_RATE_LIMITED):
            return web.json_response(
                {"status": "ERROR", "error": "You've exceeded the maximum requests per minute"},
                status=429,
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )
        if board.is_on(Fault.PROVIDER_UNAUTHORIZED) or not offers_bearer(request, env.tokens.primary):
            return web.json_response(
                {"status": "ERROR", "error": "Unknown API key"},
                status=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        records = options.chain(env.rng)
        if board.is_on(Fault.BAD_GREEKS):
            options.spoil(records)
        return web.json_response(
            {"status": "OK", "request_id": f"{env.rng.getrandbits(64):016x}", "results": records},
            headers={"X-RateLimit-Remaining": str(_ALLOWED - env.rng.randint(10, 30))},
        )

    async def status_page(_: web.Request) -> web.Response:
        is_down = board.is_on(Fault.PROVIDER_DOWN, Fault.ALL_PROVIDERS_DOWN)
        return web.json_response({"status": {"indicator": "major" if is_down else "none"}})

    app = web.Application()
    app.router.add_get("/v3/snapshot/options/AAPL", snapshot)
    app.router.add_get("/status.json", status_page)
    return app


PART = Part(
    name="primary",
    title="primary data provider",
    path="/v3/snapshot/options/AAPL",
    build=_build,
)
