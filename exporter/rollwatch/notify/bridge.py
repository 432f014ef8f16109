"""What the bridge did with test alerts: it takes them at once, and sends them by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["BridgeSilent", "Sent", "sent_by_bridge"]

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LIMIT = "1000"
_EVERY_S = 0.5
_UNDER_WAY = frozenset({"queued", "sending"})


class BridgeSilent(Exception):  # noqa: N818  a state, told to a person
    """The bridge can't be asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One alert on one of the bridge's channels. `state` is the bridge's own word."""

    fingerprint: str
    service: str
    priority: str
    channel: str
    target: str
    state: str
    detail: str

    @property
    def is_under_way(self) -> bool:
        """Whether it waits, be it for the first attempt or for another."""
        return self.state in _UNDER_WAY


async def sent_by_bridge(
    session: aiohttp.ClientSession,
    url: str,
    token: str,
    fingerprints: Collection[str],
    *,
    expected: Collection[str] = (),
    within_s: float,
) -> list[Sent]:
    """What became of these alerts, once all `expected` are there and nothing waits, or the time is up.

    Raises BridgeSilent.
    """
    for _ in range(int(within_s / _EVERY_S)):
        sent = await _asked(session, url, token, fingerprints)
        is_all = {one.fingerprint for one in sent} >= set(expected)
        if is_all and not any(one.is_under_way for one in sent):
            return sent
        await asyncio.sleep(_EVERY_S)
    return await _asked(session, url, token, fingerprints)


async def _asked(
    session: aiohttp.ClientSession, url: str, token: str, fingerprints: Collection[str]
) -> list[Sent]:
    try:
        async with session.get(
            f"{url}/api/deliveries",
            params={"limit": _LIMIT},
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            allow_redirects=False,
        ) as response:
            if response.status != 200:
                raise BridgeSilent(f"{url} answers {response.status}")
            body = await response.json(content_type=None)
        return [
            Sent(
                one["fingerprint"],
                one["service"],
                one["priority"],
                one["channel"],
                one["target"],
                one["state"],
                one["detail"] or "",
            )
            for one in body["deliveries"]
            if one["fingerprint"] in fingerprints and one["status"] == "firing"
        ]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
        why = str(error) or type(error).__name__
        raise BridgeSilent(f"{url} does not answer: {why}") from error
