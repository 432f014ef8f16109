"""An exporter's ingest listener that takes pushes, in front of real figures; and what was made of them."""

from __future__ import annotations

import asyncio
import io
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession

from rollwatch.clock import SystemClock
from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.figures.board import Board
from rollwatch.ingest.gate import Gate
from rollwatch.ingest.openapi import openapi_route
from rollwatch.ingest.push.intake import PUSH_PATH, PushIntake
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store
from support.manual_clock import ManualClock
from support.web import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.serving.server import Listener

__all__ = ["TOKEN", "Answered", "HurriedClock", "Pushing", "config_from", "loaded", "made", "pushing"]

TOKEN = "a-token-of-the-application-42"


def config_from(folder: Path, text: str, *, env: Mapping[str, str] | None = None) -> Config:
    """The configuration that `text` is; without probes."""
    path = folder / "rollwatch.yml"
    path.write_text(text)
    return load_config(path, {}, secrets=SecretStore(folder, env or {}), location="here")


async def loaded(folder: Path, text: str, *, env: Mapping[str, str] | None = None) -> Config:
    """The same for a running loop."""
    return await asyncio.to_thread(config_from, folder, text, env=env)


_COMMON = re.compile(r'(environment|location)="[a-z]+",?')


@dataclass
class Answered:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class HurriedClock(ManualClock):
    """Every look at it costs a millisecond: whatever works in slices gives way each time it may."""

    def monotonic(self) -> float:
        self.advance(0.001)
        return super().monotonic()


@dataclass
class Pushing:
    """The parts of the exporter that a push goes through."""

    store: Store
    board: Board
    intake: PushIntake
    clock: Clock
    gate: Gate
    listener: Listener | None = None
    session: ClientSession | None = None

    def configure(self, config: Config) -> None:
        """As a reload does it."""
        self.board.configure(config)
        self.gate.configure(config.ingest)
        self.intake.configure(config)

    async def push(
        self,
        document: Any = None,
        *,
        body: bytes | None = None,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        method: str = "POST",
    ) -> Answered:
        """Send a document, or these bytes."""
        assert self.listener is not None
        assert self.session is not None
        said = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.session.request(
            method,
            f"{self.listener.url}{PUSH_PATH}{query}",
            data=io.BytesIO(json.dumps(document).encode() if body is None else body),
            headers=said | dict(headers or {}),
        ) as answer:
            return Answered(answer.status, dict(answer.headers), await answer.text())

    async def exposed(self) -> dict[str, float]:
        """Every sample as a scrape has it, by name and labels without environment and location."""
        self.board.refresh()
        text = b"".join([piece async for piece in render(self.store, openmetrics=False)]).decode()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        samples = {}
        for line in lines:
            series, _, value = line.rpartition(" ")
            samples[_COMMON.sub("", series).replace(",}", "}").replace("{}", "")] = float(value)
        return samples

    async def figures(self) -> dict[str, float]:
        """`exposed`, without what is shown beside the figures."""
        return {name: value for name, value in (await self.exposed()).items() if name.startswith("app_")}


def made(config: Config, clock: Clock | None = None) -> Pushing:
    """The parts, with `config` in force."""
    clock = clock or SystemClock()
    store = Store()
    board = Board(store, clock, location="here")
    gate = Gate(config.ingest, clock, b"secret")
    parts = Pushing(store, board, PushIntake(board, store, clock, gate, location="here"), clock, gate)
    parts.configure(config)
    return parts


@asynccontextmanager
async def pushing(config: Config, clock: Clock | None = None) -> AsyncIterator[Pushing]:
    """The same on a real listener, with a client that keeps its connections."""
    parts = made(config, clock)
    routes = [*parts.intake.routes(), openapi_route()]
    async with listening(routes=routes) as listener, ClientSession() as session:
        parts.listener, parts.session = listener, session
        yield parts
