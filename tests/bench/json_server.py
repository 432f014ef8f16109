"""The floor for whatever takes JSON: an aiohttp handler that parses the body and answers 204. `PORT`."""

from __future__ import annotations

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web


async def take(request: web.Request) -> web.Response:
    """Parse, and answer."""
    orjson.loads(await request.read())
    return web.Response(status=204)


async def serve(port: int) -> None:
    """Serve until ended."""
    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
