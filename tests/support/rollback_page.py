"""The handler's page before a `World`, in a real browser: visitors with a session of their own each."""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollwatch.clock import SystemClock
from rollwatch.rollback.model.words import Role
from rollwatch.rollback.web.page_routes import page_routes
from rollwatch.rollback.web.page_settings import PageSettings, Switch
from rollwatch.rollback.web.service import RollbackService
from rollwatch.serving.app import build_app
from rollwatch.serving.server import serve
from rollwatch.serving.web_config_file import WebConfigSource
from support.rollback_web import Web, token, web
from support.rollback_world import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import aiohttp
    from playwright.async_api import BrowserContext, Page

    from rollwatch.rollback.strategies.strategy import Order
    from rollwatch.serving.route import Route
    from rollwatch.serving.server import Listener

__all__ = ["Gate", "Pages", "Visitor", "pages"]

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass
class Visitor:
    """A page of a browser, and all that it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    async def log_in(self, url: str, role: Role, path: str = "/") -> None:
        await self.page.goto(f"{url}{path}")
        await self.page.get_by_label("Token", exact=True).fill(token(role))
        await self.page.get_by_role("button", name="Log in", exact=True).click()
        await self.page.get_by_text(f"the-{role}").first.wait_for()


@dataclass
class Pages:
    """The listener with pages, beside the one of `web` with the API; both on one journal."""

    web: Web
    listener: Listener
    source: WebConfigSource
    config: Path
    routes: list[Route]

    @property
    def url(self) -> str:
        return self.listener.url

    @asynccontextmanager
    async def visitor(self, browser: BrowserContext) -> AsyncIterator[Visitor]:
        page = await browser.new_page()
        page.set_default_timeout(10_000)
        await page.set_viewport_size({"width": 1280, "height": 900})
        visitor = Visitor(page)
        page.on("console", lambda message: visitor.complaints.append(message.text))
        page.on("pageerror", lambda error: visitor.complaints.append(f"{error.name}: {error.message}"))
        page.on("dialog", lambda dialog: visitor.complaints.append(f"dialog: {dialog.message}"))
        try:
            yield visitor
        finally:
            await page.close()

    async def enter(self, session: aiohttp.ClientSession, role: Role) -> str:
        """Log in without a browser; the token of that session's forms."""
        async with session.post(f"{self.url}/login", data={"token": token(role)}) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        found = _CSRF.search(text)
        assert found is not None
        return found[1]

    async def rewrite(self, text: str) -> None:
        """The web configuration, in force at once."""
        await asyncio.to_thread(self.config.write_text, text)
        await self.source.refresh()


class Gate:
    """Holds an execution until it is opened."""

    def __init__(self, here: Pages, service: str = "api") -> None:
        self._open = asyncio.Event()
        here.web.world.strategies[service].on_execute = self._wait

    async def _wait(self, _: Order) -> None:
        await self._open.wait()

    def open(self) -> None:
        self._open.set()


@asynccontextmanager
async def pages(
    base: Path, *services: str, first_wait_s: float = 0.01, more: str = ""
) -> AsyncIterator[Pages]:
    """Before a world of these services. `more` is added to the web configuration."""
    async with web(base, *services) as here:
        rules = here.world.plan.rules
        clock = SystemClock()
        [(worker, _)] = here.world.lives
        config = base / "web.yml"
        await asyncio.to_thread(config.write_text, config.read_text() + more)
        source = await WebConfigSource.opened(config, Role)
        service = RollbackService(
            here.journal,
            clock,
            environment=ENVIRONMENT,
            units=lambda: dict.fromkeys(rules.services, rules.unit),
            wake=worker.wake,
        )

        def settings() -> PageSettings:
            now = here.world.plan.rules
            return PageSettings(
                tuple(
                    Switch(
                        service=name,
                        unit=now.unit,
                        members=now.services,
                        mode=now.mode,
                        strategy="command",
                        triggers=tuple(now.triggers[name]),
                        limit_count=now.limit_count,
                        limit_window_s=now.limit_window_s,
                        links=(("Logs", "https://logs.example/api"),),
                    )
                    for name in now.services
                ),
                prometheus_url="http://prometheus.example:9090",
            )

        routes = page_routes(
            service,
            here.journal,
            clock,
            environment=ENVIRONMENT,
            settings=settings,
            random_bytes=secrets.token_bytes,
            first_wait_s=first_wait_s,
            every_s=0.2,
        )
        async with serve(build_app([*here.routes, *routes], source), "127.0.0.1:0") as listener:
            yield Pages(here, listener, source, config, routes)
