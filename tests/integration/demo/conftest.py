"""A demo production on free ports, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest

from rollwatch.clock import SystemClock
from rollwatch.demo.production.registry import ports_from
from rollwatch.demo.production.serve import Production
from rollwatch.demo.rundir import RunDir

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass(frozen=True)
class Visitor:
    """Somebody outside: knows the ports and the tokens, and has an HTTP client without keep-alive."""

    production: Production
    run_dir: RunDir
    session: aiohttp.ClientSession

    def url(self, part: str, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.production.ports[part]}{path}"

    def bearer(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret(name)}"}

    def secret(self, name: str) -> str:
        return (self.run_dir.secrets / name).read_text().strip()


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    run_dir = RunDir(tmp_path / "run")
    production = Production(run_dir, ports_from(0), seed=7, clock=SystemClock())
    await production.start()
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=10)
        ) as session:
            yield Visitor(production, run_dir, session)
    finally:
        await production.stop()
