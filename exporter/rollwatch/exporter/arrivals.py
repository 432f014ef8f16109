"""Everything that arrives by itself: figures, browsers' beacons, pushes, lines of logs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from rollwatch.figures.board import Board
from rollwatch.ingest.browser.intake import BrowserIntake
from rollwatch.ingest.gate import Gate
from rollwatch.ingest.logs.intake import LogIntake
from rollwatch.ingest.openapi import openapi_route
from rollwatch.ingest.push.intake import PushIntake
from rollwatch.serving.app import build_app
from rollwatch.serving.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

    from aiohttp import web

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.metrics.store import Store
    from rollwatch.serving.route import Route
    from rollwatch.serving.web_config_file import WebConfigSource

__all__ = ["Arrivals", "Nobody", "listening"]

_log = structlog.get_logger(__name__)


class Nobody(StrEnum):
    """The roles of the ingest listener: it has none."""


class Arrivals:
    """The intakes of one exporter.

    `secret` keys the digests of clients; `on_fold` counts label values that became `other`; `script` is what
    browsers load, None if it was not built; `is_listening`: whether there is an ingest address.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        *,
        secret: bytes,
        on_fold: Callable[[str], None],
        script: bytes | None,
        is_listening: bool,
    ) -> None:
        location = config.location
        self.board = Board(store, clock, location=location, on_fold=on_fold)
        self._gate = Gate(config.ingest, clock, secret)
        self.browser = BrowserIntake(
            store, clock, self._gate, location=location, secret=secret, on_fold=on_fold, script=script
        )
        self.push = PushIntake(self.board, store, clock, self._gate, location=location)
        self.logs = LogIntake(self.board, store, clock, location=location)
        self._is_listening = is_listening

    def configure(self, config: Config) -> None:
        """Put `config` in force; what did not change goes on."""
        self.board.configure(config)
        self._gate.configure(config.ingest)
        self.browser.configure(config)
        self.push.configure(config)
        self.logs.configure(config)
        for warning in self._warnings(config):
            _log.warning("config_warning", warning=warning)

    def _warnings(self, config: Config) -> Iterator[str]:
        if self._is_listening:
            return
        for name, service in config.services.items():
            ways = [way for way in ("browser", "push") if getattr(service.signals, way) is not None]
            if ways:
                yield (
                    f"services.{name}: {' and '.join(ways)} can't be reached. Start the exporter with "
                    "--web.ingest-address=127.0.0.1:9720, or remove it."
                )

    async def refresh(self) -> None:
        """Bring what depends on time up to date; before each exposition."""
        await self.board.refresh_in_slices()
        self.browser.refresh()
        self.logs.refresh()

    def works(self) -> Iterator[tuple[str, Coroutine[object, object, None]]]:
        """What must run beside the listener, by the name of its task."""
        yield "browser", self.browser.live()
        yield "logs", self.logs.live()

    def routes(self, health: list[Route]) -> list[Route]:
        """What browsers and applications may reach: nothing of the operators' is there."""
        return [*self.browser.routes(), *self.push.routes(), openapi_route(), *health]


@asynccontextmanager
async def listening(
    arrivals: Arrivals,
    health: list[Route],
    *,
    address: str | None,
    web_config: WebConfigSource,
    on_response: Callable[[web.Request, web.StreamResponse], Awaitable[None]],
) -> AsyncIterator[None]:
    """Serve the ingest listener while the context lasts, if there is an address for it."""
    if address is None:
        yield
        return
    app = build_app(arrivals.routes(health), web_config)
    app.on_response_prepare.append(on_response)
    async with serve(app, address):
        yield
