"""One run of one probe: the deadline, the timing, and what came of it. Never raises but for cancellation."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.model import Phase, Reason
from rollwatch.probers.run import Run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollwatch.clock import Clock
    from rollwatch.probers.contract import Prober

__all__ = ["Outcome", "Runner"]

_log = structlog.get_logger(__name__)

_OVERLOAD_SHARE = 0.25
"""A deadline missed while our own loop stood still for this share of it proves nothing."""

_BLAMES_NETWORK = frozenset(
    {Reason.UNREACHABLE, Reason.NAME_NOT_FOUND, Reason.CONNECT_REFUSED, Reason.DISCONNECTED}
)
_UNPROVEN = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST})
"""Silence in these does not say that the network was there: a question by UDP connects to nothing."""
_SHORT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_WAITING_FOR = {
    None: "before it was asked",
    Phase.RESOLVE: "while its name was being resolved",
    Phase.CONNECT: "while connecting",
    Phase.TLS: "during the TLS handshake",
    Phase.PROCESSING: "while waiting for the answer to begin",
    Phase.TRANSFER: "while the answer was arriving",
    Phase.REQUEST: "while waiting for the answer",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `detail` is one sentence for a person, empty when UP."""

    reason: Reason
    detail: str
    started_at: float
    duration_s: float
    run: Run


class Runner:
    """Runs probers under a hard deadline and turns whatever happens into a reason."""

    def __init__(
        self,
        clock: Clock,
        *,
        lag_since: Callable[[float], float],
        own_network_is_up: Callable[[], Awaitable[bool]] | None,
    ) -> None:
        self._clock = clock
        self._lag_since = lag_since
        self._own_network_is_up = own_network_is_up

    async def run(self, probe_id: str, prober: Prober, timeout_s: float, *, explain: bool = False) -> Outcome:
        """Run once. Ends within `timeout_s`, plus the reference check's own bound where one is asked."""
        clock = self._clock
        started_at = clock.wall()
        run = Run(clock, explain=explain)
        began = clock.monotonic()
        reason, detail = await self._attempt(probe_id, prober, run, timeout_s)
        ended = clock.monotonic()
        phase = run.phase
        run.leave()
        if reason is Reason.TIMEOUT and self._lag_since(began) > _OVERLOAD_SHARE * timeout_s:
            reason, detail = Reason.OVERLOADED, "this exporter was too busy to tell; see the loop lag"
        elif _may_be_own_network(reason, phase) and not await self._has_network():
            reason, detail = Reason.OWN_NETWORK, f"the reference address can't be reached either; {detail}"
        return Outcome(reason, detail, started_at, ended - began, run)

    async def _has_network(self) -> bool:
        return self._own_network_is_up is None or await self._own_network_is_up()

    async def _attempt(self, probe_id: str, prober: Prober, run: Run, timeout_s: float) -> tuple[Reason, str]:
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline:
                await prober.probe(run)
        except ProbeFailure as failure:
            return failure.reason, failure.detail
        except SecretUnavailable as error:
            return Reason.SECRET_UNAVAILABLE, str(error)
        except TimeoutError:
            if deadline.expired():
                return Reason.TIMEOUT, f"no answer within {timeout_s:g} s, {_WAITING_FOR[run.phase]}"
            _log.exception("prober_failed", probe=probe_id)
            return Reason.INTERNAL_ERROR, "a time limit inside the prober leaked; please report this"
        except Exception as error:  # noqa: BLE001  one of the three outermost loops: our bug must not end the probe
            if isinstance(error, OSError) and error.errno in _SHORT_OF_RESOURCES:
                return Reason.OWN_RESOURCES, f"this exporter is short of resources: {error.strerror}"
            _log.exception("prober_failed", probe=probe_id)
            return Reason.INTERNAL_ERROR, f"{type(error).__name__} in the prober; the log has the traceback"
        return Reason.OK, ""


def _may_be_own_network(reason: Reason, phase: Phase | None) -> bool:
    return reason in _BLAMES_NETWORK or (reason is Reason.TIMEOUT and phase in _UNPROVEN)
