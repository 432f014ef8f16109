"""Whether those whom the handler asks answer at all: nothing is rolled back while they don't."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.metrics import Peer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.rollback_handler import PeerSpec
    from rollwatch.rollback.in_force import InForce
    from rollwatch.rollback.metrics import HandlerMetrics
    from rollwatch.serving.health import Check

__all__ = ["PeerWatch"]

_EVERY_S = 30.0
_READY = "/-/ready"
"""All three have it."""


class PeerWatch:
    """`live` is its one task."""

    def __init__(self, in_force: InForce, session: aiohttp.ClientSession, metrics: HandlerMetrics) -> None:
        self._in_force = in_force
        self._session = session
        self._metrics = metrics
        self._problems: dict[Peer, str] = {}

    @property
    def peers(self) -> tuple[Peer, ...]:
        return tuple(Peer)

    def check(self, peer: Peer) -> Check:
        """For /health."""
        return lambda: self._problems.get(peer)

    async def live(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.gather(*(self._look(peer, spec) for peer, spec in self._specs().items()))
            await asyncio.sleep(_EVERY_S)

    def _specs(self) -> Mapping[Peer, PeerSpec]:
        handler = self._in_force.handler
        return {
            Peer.PROMETHEUS: handler.prometheus,
            Peer.EXPORTER: handler.exporter,
            Peer.ALERTMANAGER: handler.alertmanager,
        }

    async def _look(self, peer: Peer, spec: PeerSpec) -> None:
        problem = await self._problem(spec)
        self._metrics.peer(peer, is_up=problem is None)
        if problem is None:
            self._problems.pop(peer, None)
        else:
            self._problems[peer] = f"{peer.value} {problem}; see the section rollback of the configuration"

    async def _problem(self, spec: PeerSpec) -> str | None:
        """Errors of the library quote addresses, which may hold credentials: only their kind is told."""
        try:
            headers = {name: value.render() for name, value in spec.headers.items()}
            if spec.token is not None:
                headers["Authorization"] = f"Bearer {spec.token.render()}"
            async with self._session.get(
                f"{spec.url.render().rstrip('/')}{_READY}",
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=spec.timeout),
                allow_redirects=False,
            ) as response:
                return None if response.status == 200 else f"answers {response.status}"
        except TimeoutError:
            return f"does not answer within {spec.timeout:g} s"
        except SecretUnavailable:
            return "can't be asked: its token can't be read"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"can't be reached ({type(error).__name__})"
