"""The two ways out: Alertmanager's API, and one webhook beside it. Answers why it failed, never raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import orjson

from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rollwatch.config.rollback_handler import FallbackSpec, PeerSpec

__all__ = ["Channel"]

_FALLBACK_S = 10.0


class Channel:
    """Where alerts are posted to; nowhere before `configure`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._alertmanager: PeerSpec | None = None
        self._fallback: FallbackSpec | None = None

    def configure(self, alertmanager: PeerSpec, fallback: FallbackSpec | None) -> None:
        self._alertmanager, self._fallback = alertmanager, fallback

    async def tell_alertmanager(self, alerts: Sequence[Mapping[str, Any]]) -> str | None:
        """None if it took them, else why not: one sentence, free of secrets."""
        peer = self._alertmanager
        if peer is None:
            return "no Alertmanager is configured yet"
        try:
            headers = {name: value.render() for name, value in peer.headers.items()}
            if peer.token is not None:
                headers["Authorization"] = f"Bearer {peer.token.render()}"
            url = f"{peer.url.render().rstrip('/')}/api/v2/alerts"
        except SecretUnavailable as missing:
            return str(missing)
        return await self._post(url, orjson.dumps(alerts), headers, peer.timeout, "Alertmanager")

    async def tell_fallback(self, document: bytes) -> str | None:
        """None if it took it; empty if there is none; else why not."""
        spec = self._fallback
        if spec is None:
            return ""
        try:
            headers = {name: value.render() for name, value in spec.headers.items()}
            url = spec.url.render()
        except SecretUnavailable as missing:
            return str(missing)
        return await self._post(url, document, headers, _FALLBACK_S, "the fallback")

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, whom: str
    ) -> str | None:
        """Errors of the library quote addresses, which may be secrets: only their kind is told."""
        try:
            async with self._session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", **headers},
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as response:
                if 200 <= response.status < 300:
                    return None
                return f"{whom} answered {response.status}"
        except TimeoutError:
            return f"{whom} did not answer within {timeout_s:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{whom} can't be reached ({type(error).__name__})"
