"""The control endpoint. A web page must not be able to use it, although it can reach loopback:

every call needs the token of the run directory in a header of our own (a page can neither read the
token nor send such a header unasked), a Host that names loopback (against rebinding), and a POST
needs a JSON body. `/ready` alone needs no token: it tells nothing.
"""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING, Any

from aiohttp import web

from rollwatch.demo.faults import FAULTS, Fault

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from rollwatch.demo.switchboard import Switchboard

__all__ = ["TOKEN_HEADER", "control_app"]

TOKEN_HEADER = "X-Rollwatch-Demo-Token"  # noqa: S105  the header's name
_LONGEST_S = 86_400.0


def control_app(board: Switchboard, token: str) -> web.Application:
    """`GET /faults`, `POST /faults {"fault", "on", "for_s"}`, `POST /heal {}`, `GET /ready`."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.url.host not in ("127.0.0.1", "localhost"):
            return _refuse(403, "the Host header must name loopback")
        if request.path == "/ready":
            return await handler(request)
        offered = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), token.encode()):
            return _refuse(401, f"{TOKEN_HEADER} must hold the token of the run directory")
        if request.method == "POST" and request.content_type != "application/json":
            return _refuse(415, "send application/json")
        return await handler(request)

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    async def show(_request: web.Request) -> web.Response:
        return web.json_response(_states(board))

    async def switch(request: web.Request) -> web.Response:
        try:
            fault, is_on, for_s = _parse(await request.json())
        except ValueError as error:
            return _refuse(400, str(error))
        if is_on:
            board.switch_on(fault, for_s=for_s)
        else:
            board.switch_off(fault)
        return web.json_response(_states(board))

    async def heal(_request: web.Request) -> web.Response:
        board.heal()
        return web.json_response(_states(board))

    app = web.Application(middlewares=[guarded], client_max_size=4096)
    app.router.add_get("/ready", ready)
    app.router.add_get("/faults", show)
    app.router.add_post("/faults", switch)
    app.router.add_post("/heal", heal)
    return app


def _parse(body: object) -> tuple[Fault, bool, float | None]:
    if not isinstance(body, dict):
        raise ValueError("send a JSON object")  # noqa: TRY004  one error for every wrong body
    fault, is_on, for_s = body.get("fault"), body.get("on"), body.get("for_s")
    if not isinstance(fault, str) or fault not in set(Fault):
        raise ValueError(f"fault is one of {', '.join(Fault)}")
    if not isinstance(is_on, bool):
        raise ValueError("on is true or false")  # noqa: TRY004  as above
    if for_s is not None and (
        isinstance(for_s, bool)
        or not isinstance(for_s, int | float)
        or not math.isfinite(for_s)
        or not 0 < for_s <= _LONGEST_S
    ):
        raise ValueError(f"for_s is a number of seconds above 0, at most {_LONGEST_S:g}")
    return Fault(fault), is_on, for_s


def _states(board: Switchboard) -> dict[str, Any]:
    return {
        "faults": {
            fault.value: {"on": board.is_on(fault), "remaining_s": board.remaining_s(fault)}
            for fault in FAULTS
        }
    }


def _refuse(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
