"""Guessing is slow: failed logins wait, each address for itself; nobody else does."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter, OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LoginGate"]

_AT_ONCE = 4
_ALL_AT_ONCE = 64
_ADDRESSES_MAX = 1000
_FORGET_AFTER_S = 15 * 60.0
_WAIT_MAX_S = 4.0


class _Failed(NamedTuple):
    times: int
    last_at: float


class LoginGate:
    """`first_s` is what the first failure costs; each further one twice as much, up to 4 s."""

    def __init__(self, now: Callable[[], float], *, first_s: float = 0.25) -> None:
        self._now = now
        self._first_s = first_s
        self._trying: Counter[str] = Counter()
        self._failed: OrderedDict[str, _Failed] = OrderedDict()

    @contextmanager
    def trying(self, address: str) -> Iterator[None]:
        """Around one attempt and what it has to wait. Raises Refusal 429 for too many at once."""
        network = _network(address)
        if self._trying[network] >= _AT_ONCE or self._trying.total() >= _ALL_AT_ONCE:
            raise Refusal(
                429,
                "too_many_logins",
                "Too many logins are being tried at the moment.",
                "Try again in a few seconds.",
                headers={"Retry-After": "5"},
                closes=True,
            )
        self._trying[network] += 1
        try:
            yield
        finally:
            self._trying[network] -= 1
            if not self._trying[network]:
                del self._trying[network]

    async def failed(self, address: str) -> None:
        """Count it, and wait."""
        network, now = _network(address), self._now()
        before = self._failed.pop(network, None)
        times = 1 if before is None or now - before.last_at >= _FORGET_AFTER_S else before.times + 1
        self._failed[network] = _Failed(times, now)
        while len(self._failed) > _ADDRESSES_MAX:
            self._failed.popitem(last=False)
        await asyncio.sleep(min(self._first_s * 2 ** min(times - 1, 10), _WAIT_MAX_S))

    def succeeded(self, address: str) -> None:
        """Forget its failures."""
        self._failed.pop(_network(address), None)


def _network(address: str) -> str:
    """The address; of IPv6 the /64, since one client has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
