"""The API: orders, users and statistics with a real one's latency, and its health in three usual shapes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.answers import iso_time
from rollwatch.demo.production.part import Part, PartEnv
from rollwatch.demo.production.site import SYMBOLS

if TYPE_CHECKING:
    import random

    from aiohttp.typedefs import Handler

    from rollwatch.demo.switchboard import Switchboard

__all__ = ["PART"]

_VERSION = "1.4.2"
_BAD_VERSION = "1.5.0"
_HUGE_CHUNK = b" " * 65_536
_HUGE_CHUNKS = 512
_REGIONS = {"europe": 140, "america": 110, "asia": 50}


def _build(env: PartEnv) -> web.Application:
    board = env.board

    async def orders(_request: web.Request) -> web.Response:
        if board.is_on(Fault.API_5XX, Fault.BAD_RELEASE):
            return _broken()
        await asyncio.sleep(_latency_s(env.rng))
        if board.is_on(Fault.SLOW):
            await asyncio.sleep(2.1 + 0.5 * env.rng.random())
        return web.json_response({"orders": _orders(env.rng)})

    async def users(request: web.Request) -> web.StreamResponse:
        if board.is_on(Fault.API_5XX):
            return _broken()
        if board.is_on(Fault.HUGE_BODY):
            return await _huge(request)
        await asyncio.sleep(_latency_s(env.rng))
        if board.is_on(Fault.BAD_JSON):
            return web.Response(text='{"users": [{"id": 1, "name": "Ada', content_type="application/json")
        return web.json_response(
            {"users": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}], "total": 2}
        )

    async def stats(_request: web.Request) -> web.Response:
        await asyncio.sleep(_latency_s(env.rng))
        return web.json_response(_stats(env.rng))

    app = web.Application(middlewares=[_hanging(board)])
    health = _Health(env)
    app.router.add_get("/health", health.terminus)
    app.router.add_get("/health/flat", health.flat)
    app.router.add_get("/health/nested", health.nested)
    app.router.add_get("/api/orders", orders)
    app.router.add_get("/api/users", users)
    app.router.add_get("/api/stats", stats)
    return app


class _Health:
    """The same state in each of the three shapes; 503 as soon as something is down."""

    def __init__(self, env: PartEnv) -> None:
        self._env = env
        self._started = env.clock.monotonic()

    async def terminus(self, _request: web.Request) -> web.Response:
        """NestJS Terminus: `info` lists what is up, `error` what is down, `details` both."""
        down = self._down()
        details: dict[str, dict[str, str]] = {
            name: {"status": "down", "error": down[name]} if name in down else {"status": "up"}
            for name in ("database", "redis", "stripe")
        }
        status = "error" if down else "ok"
        if self._env.board.is_on(Fault.HEALTH_DOWN):
            status = "shutting_down"
        return self._answer(
            {
                "status": status,
                "info": {name: detail for name, detail in details.items() if name not in down},
                "error": {name: detail for name, detail in details.items() if name in down},
                "details": details,
            }
        )

    async def flat(self, _request: web.Request) -> web.Response:
        database = "disconnected" if self._down() else "connected"
        return self._answer(
            {"status": self._word(), "database": database, "redis": "connected", "websocket": "active"}
        )

    async def nested(self, _request: web.Request) -> web.Response:
        database = "disconnected" if self._down() else "connected"
        return self._answer(
            {
                "status": self._word(),
                "database": {"status": database},
                "external_services": {"supabase": "connected", "stripe": "connected"},
            }
        )

    def _down(self) -> dict[str, str]:
        if self._env.board.is_on(Fault.COMPONENT_DOWN):
            return {"database": "connection timed out after 5000 ms"}
        return {}

    def _word(self) -> str:
        return "unhealthy" if self._is_unhealthy() else "healthy"

    def _is_unhealthy(self) -> bool:
        return self._env.board.is_on(Fault.HEALTH_DOWN, Fault.COMPONENT_DOWN)

    def _answer(self, body: dict[str, Any]) -> web.Response:
        env = self._env
        body["version"] = _BAD_VERSION if env.board.is_on(Fault.BAD_RELEASE) else _VERSION
        body["uptime"] = round(env.clock.monotonic() - self._started, 1)
        body["timestamp"] = iso_time(env.clock.wall())
        return web.json_response(body, status=503 if self._is_unhealthy() else 200)


def _hanging(board: Switchboard) -> Any:
    @web.middleware
    async def hang(request: web.Request, handler: Handler) -> web.StreamResponse:
        await board.until_off(Fault.HANG)
        return await handler(request)

    return hang


def _latency_s(rng: random.Random) -> float:
    """Log-normal around 25 ms, as request times are; at most 150 ms."""
    return min(0.025 * rng.lognormvariate(0, 0.4), 0.150)


def _orders(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "symbol": rng.choice(tuple(SYMBOLS)),
            "side": rng.choice(("buy", "sell")),
            "quantity": rng.randint(1, 100),
        }
        for number in range(1, 6)
    ]


def _stats(rng: random.Random) -> dict[str, Any]:
    """What the product's own statistics page is drawn from; a `json` probe reads it, too."""
    regions = {name: max(0, round(rng.gauss(usual, usual / 50))) for name, usual in _REGIONS.items()}
    return {
        "status": "ok",
        "users": {"day": round(rng.gauss(4200, 20)), "month": round(rng.gauss(18950, 20))},
        "streams": {"live": rng.randint(11, 13)},
        "regions": [{"name": name, "users": users} for name, users in regions.items()],
    }


def _broken() -> web.Response:
    return web.json_response(
        {"statusCode": 500, "message": "Internal server error", "error": "TypeError: total is undefined"},
        status=500,
    )


async def _huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(_HUGE_CHUNKS):
        await response.write(_HUGE_CHUNK)
    await response.write_eof(b"{}")
    return response


PART = Part(name="api", title="API", path="/health", build=_build)
