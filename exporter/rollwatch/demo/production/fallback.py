"""The fallback data provider: a market clock behind a bearer token."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.answers import offers_bearer, unavailable
from rollwatch.demo.production.part import Part, PartEnv

__all__ = ["PART"]


def _build(env: PartEnv) -> web.Application:
    async def market_clock(request: web.Request) -> web.Response:
        if env.board.is_on(Fault.ALL_PROVIDERS_DOWN):
            return unavailable("the market clock is down")
        if not offers_bearer(request, env.tokens.fallback):
            return web.json_response({"fault": {"faultstring": "Invalid Access Token"}}, status=401)
        now = env.clock.wall()
        return web.json_response(
            {
                "clock": {
                    "date": datetime.fromtimestamp(now, UTC).date().isoformat(),
                    "description": "The demo market never closes",
                    "state": "open",
                    "timestamp": int(now),
                    "next_change": "16:00",
                    "next_state": "postmarket",
                }
            }
        )

    app = web.Application()
    app.router.add_get("/v1/markets/clock", market_clock)
    return app


PART = Part(
    name="fallback",
    title="fallback data provider",
    path="/v1/markets/clock",
    build=_build,
)
