"""A chain's JSON-RPC node (the shape of Solana's): its block height grows by two a second."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.part import Part, PartEnv

__all__ = ["PART"]

_FIRST_HEIGHT = 287_000_000
_BLOCKS_PER_SECOND = 2.0


def _build(env: PartEnv) -> web.Application:
    started = env.clock.monotonic()

    def height() -> int:
        stuck_since = env.board.since(Fault.NODE_STUCK)
        until = env.clock.monotonic() if stuck_since is None else stuck_since
        return _FIRST_HEIGHT + int((until - started) * _BLOCKS_PER_SECOND)

    def result_of(method: object) -> Any:
        match method:
            case "getBlockHeight":
                return height()
            case "getHealth":
                return "ok"
            case "getVersion":
                return {"solana-core": "2.0.14", "feature-set": 607245837}
            case _:
                return None

    async def rpc(request: web.Request) -> web.Response:
        try:
            call = json.loads(await request.read())
        except ValueError:
            return _error(None, -32700, "Parse error")
        if not isinstance(call, dict) or call.get("jsonrpc") != "2.0":
            return _error(None, -32600, "Invalid request")
        result = result_of(call.get("method"))
        if result is None:
            return _error(call.get("id"), -32601, "Method not found")
        return web.json_response({"jsonrpc": "2.0", "result": result, "id": call.get("id")})

    app = web.Application(client_max_size=65_536)
    app.router.add_post("/", rpc)
    return app


def _error(call_id: object, code: int, message: str) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": call_id})


PART = Part(name="node", title="chain node (JSON-RPC)", path="/", build=_build)
