"""A provider's own status page, read now and then beside the probe; it never sets the verdict."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.probers._http import HttpClient, HttpRequestSpec, parse_json
from rollwatch.probers.run import Run

if TYPE_CHECKING:
    from rollwatch.probers._provider_spec import StatusPageJson
    from rollwatch.probers.contract import ProbeEnv

__all__ = ["EVERY_S", "StatusPageReader"]

EVERY_S = 300.0
_FIRST_WITHIN_S = 10.0


class StatusPageReader:
    """Reads one page. `is_up` is 1 or 0 by the last reading, NaN if that failed, None before the first."""

    def __init__(self, page: StatusPageJson, env: ProbeEnv, *, every_s: float = EVERY_S) -> None:
        said = {"kind": "status_page", "url": page.url, "interval": "5m", "timeout": "10s"}
        spec = HttpRequestSpec.model_validate(said)
        self._healthy = page.healthy
        self._env = env
        self._client = HttpClient(spec, env)
        self._timeout_s = spec.timeout
        self._every_s = every_s
        self.is_up: float | None = None

    async def live(self) -> None:
        """Read until cancelled, at most every five minutes."""
        # Not all pages at the moment the exporter starts.
        await asyncio.sleep(self._env.rng() * min(_FIRST_WITHIN_S, self._every_s))
        while True:
            self.is_up = await self._read()
            await asyncio.sleep(self._every_s)

    async def _read(self) -> float:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.fetch(Run(self._env.clock))
            if response.status != 200:
                return math.nan
            document = await asyncio.to_thread(parse_json, response)
        except (ProbeFailure, SecretUnavailable, OSError):  # a TimeoutError is an OSError
            return math.nan
        answer = self._healthy.search(document)
        return float(answer) if isinstance(answer, bool) else math.nan
