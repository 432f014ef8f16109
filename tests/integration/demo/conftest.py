"""A demo production on free ports, in this process, and something that takes what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest

from rollwatch.clock import SystemClock
from rollwatch.demo.production.registry import ports_from
from rollwatch.demo.production.serve import Production
from rollwatch.demo.production.settings import ProductionSettings
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.stack.ports import StackPorts
from support.fake_ingest import FakeIngest, fake_ingest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass(frozen=True)
class Visitor:
    """Somebody outside: knows the ports and the tokens, and has an HTTP client without keep-alive."""

    production: Production
    run_dir: RunDir
    session: aiohttp.ClientSession
    ingest: FakeIngest

    def url(self, part: str, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.production.ports[part]}{path}"

    def bearer(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret(name)}"}

    def secret(self, name: str) -> str:
        return (self.run_dir.secrets / name).read_text().strip()


@pytest.fixture
async def ingest() -> AsyncIterator[FakeIngest]:
    async with fake_ingest() as ingest:
        yield ingest


@pytest.fixture
async def visitor(tmp_path: Path, ingest: FakeIngest) -> AsyncIterator[Visitor]:
    run_dir = RunDir(tmp_path / "run")
    settings = ProductionSettings(
        run_dir, ports_from(0), StackPorts(ingest=ingest.port), seed=7, interval="1s", visitors=3
    )
    production = Production(settings, clock=SystemClock(), say=lambda _text: None)
    await production.start()
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=10)
        ) as session:
            yield Visitor(production, run_dir, session, ingest)
    finally:
        await production.stop()
