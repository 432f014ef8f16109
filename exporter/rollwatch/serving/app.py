"""The application around a program's routes: who asks, from where, how much, how long."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from aiohttp import web

from rollwatch.serving.access import ANONYMOUS, PASSWORDS, PRINCIPAL, authenticate, authorize
from rollwatch.serving.body import check_declared_body
from rollwatch.serving.connection import Connection
from rollwatch.serving.headers import add_security_headers
from rollwatch.serving.limits import LIMITS, Limits
from rollwatch.serving.origin import check_origin, check_reader
from rollwatch.serving.passwords import Passwords
from rollwatch.serving.refusal import Refusal, refusal_response
from rollwatch.serving.web_config_file import WebConfigSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from aiohttp.typedefs import Middleware

    from rollwatch.serving.route import Handler, Request, Route

__all__ = ["WEB", "build_app"]

WEB: web.AppKey[WebConfigSource] = web.AppKey("WEB", WebConfigSource)


def build_app(
    routes: Iterable[Route],
    source: WebConfigSource,
    *,
    limits: Limits | None = None,
) -> web.Application:
    """An application for `serve`."""
    limits = limits or Limits()
    passwords = Passwords(os.urandom(32))
    by_handler: dict[tuple[str, str], Route] = {}
    app = web.Application(
        middlewares=[_guard(by_handler, source, passwords, limits)],
        client_max_size=limits.body_bytes,
    )
    app[LIMITS] = limits
    app[WEB] = source
    app[PASSWORDS] = passwords
    for route in routes:
        by_handler[route.method, route.path] = route
        resource = app.router.add_resource(route.path)
        if resource.canonical != route.path:
            # It is found by its canonical form: else nobody would be asked who they are.
            raise ValueError(f"a path with a pattern can't be guarded: {route.path}")
        resource.add_route(route.method, route.handler)
        if route.method == "GET":
            by_handler["HEAD", route.path] = route
            resource.add_route("HEAD", route.handler)

    async def dress(_: web.Request, response: web.StreamResponse) -> None:
        add_security_headers(response.headers, source.current.headers)

    async def own_passwords(_: web.Application) -> AsyncIterator[None]:
        yield
        passwords.close()

    app.on_response_prepare.append(dress)
    app.cleanup_ctx.append(own_passwords)
    return app


def _guard(
    routes: dict[tuple[str, str], Route],
    source: WebConfigSource,
    passwords: Passwords,
    limits: Limits,
) -> Middleware:
    """The one middleware: in this order, since each step is cheaper than what it protects."""

    @web.middleware
    async def guard(request: Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = routes.get((request.method, resource.canonical)) if resource is not None else None
        request_s = (route.request_s if route is not None else None) or limits.request_s
        if isinstance(request.protocol, Connection):
            request.protocol.begin(request_s)
        request[PRINCIPAL] = ANONYMOUS
        try:
            async with asyncio.timeout(request_s):
                config = source.current
                if route is None or not route.is_cross_origin:
                    check_declared_body(request, limits.body_bytes)
                    check_origin(
                        request.method, request.headers, config.known_hosts, asks_who=config.asks_who
                    )
                if route is None:
                    # 404 and 405 tell nobody anything; aiohttp's handler raises them.
                    return await handler(request)
                if route.roles:
                    if not config.asks_who and _is_on_loopback(request):
                        check_reader(request.headers, config.known_hosts)
                    request[PRINCIPAL] = await authenticate(request, config, passwords)
                    authorize(request[PRINCIPAL], route, config)
                return await handler(request)
        except Refusal as refusal:
            return _answer(request, refusal)
        except TimeoutError:
            return _answer(request, _too_slow(request_s))
        except web.HTTPNotFound:
            return _answer(request, _NOTHING_HERE)
        except web.HTTPMethodNotAllowed as error:
            return _answer(request, _other_method(", ".join(sorted(error.allowed_methods))))

    return guard


def _is_on_loopback(request: Request) -> bool:
    return isinstance(request.protocol, Connection) and request.protocol.is_loopback


def _answer(request: Request, refusal: Refusal) -> web.StreamResponse:
    if request.writer.output_size > 0:
        # Part of the answer is out; only breaking off tells the client that it is not whole.
        raise ConnectionError("the answer has begun and can't be taken back")
    return refusal_response(refusal, request.headers.get("Accept"), path=request.path)


_NOTHING_HERE = Refusal(
    404,
    "not_found",
    "There is nothing here.",
    "Check the address and the port; the page at / of the operators' address links what there is.",
)


def _too_slow(request_s: float) -> Refusal:
    return Refusal(
        503,
        "too_slow",
        f"This was not done within {request_s:g} s and was given up.",
        "Ask again; if it stays so, the log of the process says more.",
        headers={"Retry-After": "5"},
        closes=True,
    )


def _other_method(allowed: str) -> Refusal:
    return Refusal(
        405,
        "method_not_allowed",
        "This address does not take this method.",
        f"Use {allowed}.",
        headers={"Allow": allowed},
    )
