"""`POST /-/reload`: read the configuration again, and say what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from rollwatch.serving.route import Request

__all__ = ["Reload", "ReloadHandler"]

Reload = Callable[[], Awaitable[str | None]]
"""None when the new configuration is in force; else every problem, as text, and the old one stays."""


class ReloadHandler:
    """Reloads, one at a time."""

    def __init__(self, reload: Reload) -> None:
        self._reload = reload
        self._turn = asyncio.Lock()

    async def answer(self, _: Request) -> web.StreamResponse:
        async with self._turn:
            problems = await self._reload()
        if problems is None:
            return web.Response(text="The configuration was reloaded.\n")
        text = f"The new configuration was refused; the old one stays in force.\n\n{problems}\n"
        return web.Response(status=400, text=text)
