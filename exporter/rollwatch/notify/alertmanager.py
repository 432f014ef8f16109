"""The few things asked of a running Alertmanager (API v2, `/metrics`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from rollwatch.errors import CantStart
from rollwatch.notify.counts import read_counts
from rollwatch.notify.routing import Routing

if TYPE_CHECKING:
    from rollwatch.config.thresholds import Priority
    from rollwatch.notify.counts import Counts

__all__ = ["Alertmanager", "Routed"]

_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class Routed:
    """The names of an alert's receivers, and what identifies it."""

    receivers: tuple[str, ...]
    fingerprint: str


class Alertmanager:
    """One Alertmanager at `url`, without a slash at its end.

    Every method raises CantStart, with what to do, if it does not answer as Alertmanager does.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def routing(self) -> tuple[str, Routing]:
        """Its version, and what it does with alerts."""
        status = await self._json("GET", "/api/v2/status")
        try:
            return str(status["versionInfo"]["version"]), Routing(status["config"]["original"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange(f"/api/v2/status: {error}") from error

    async def post(self, alerts: list[dict[str, Any]]) -> None:
        """Hand alerts over, as Prometheus does."""
        await self._json("POST", "/api/v2/alerts", json=alerts)

    async def routed(self, run: str, priority: Priority) -> dict[str, Routed]:
        """By service, where the test alerts it holds go."""
        wanted = [f'run="{run}"', f'priority="{priority}"']
        found = await self._json("GET", "/api/v2/alerts", params=[("filter", each) for each in wanted])
        try:
            return {
                alert["labels"]["service"]: Routed(
                    tuple(receiver["name"] for receiver in alert["receivers"]), alert["fingerprint"]
                )
                for alert in found
            }
        except (KeyError, TypeError) as error:
            raise self._strange(f"/api/v2/alerts: {error}") from error

    async def counts(self) -> Counts:
        """What it has sent so far."""
        text = await self._text("GET", "/metrics")
        try:
            return read_counts(text)
        except ValueError as error:
            raise self._strange(f"/metrics: {error}") from error

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        text = await self._text(method, path, **options)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise self._strange(f"{path} is no JSON: {text[:200]}") from error

    async def _text(self, method: str, path: str, **options: Any) -> str:
        try:
            async with self._session.request(
                method, self._url + path, timeout=_TIMEOUT, **options
            ) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise CantStart(
                f"{self._url} does not answer: {why}. Is Alertmanager running? --alertmanager.url"
            ) from error
        if response.status != 200:
            raise self._strange(f"{path} answers {response.status}: {text[:200]}")
        return text

    def _strange(self, what: str) -> CantStart:
        return CantStart(f"{self._url} does not answer as Alertmanager does: {what}")
