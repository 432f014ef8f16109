"""WebSocket endpoints: opened anew by each run (`connect`), or watched over one long session (`watch`)."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.model import Phase, Reason
from rollwatch.probers._dial import DIAL_METRICS
from rollwatch.probers._patience import wait_until
from rollwatch.probers._ws_messages import Expectation, Message
from rollwatch.probers._ws_metrics import CONNECTS, METRICS, PHASES, RTT, Outcome
from rollwatch.probers._ws_open import OPEN_REASONS, Opener
from rollwatch.probers._ws_spec import WebSocketSpec
from rollwatch.probers._ws_watch import WatchProber
from rollwatch.probers.contract import ProberKind

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.probers._ws_link import Link
    from rollwatch.probers._ws_request import Rendered
    from rollwatch.probers._ws_spec import ExpectSpec
    from rollwatch.probers.contract import ProbeEnv, Prober
    from rollwatch.probers.run import Run

__all__ = ["KIND", "ConnectProber"]


class ConnectProber:
    """Opens a session, says what is to be said, waits for the expected message, and closes."""

    def __init__(self, spec: WebSocketSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._clock = env.clock
        self._opener = Opener(spec, env)

    async def probe(self, run: Run) -> None:
        """UP once the session is open and the expected message came; how it closes decides nothing."""
        waiting = _Waiting(self._spec.expect, self._clock)
        said, link = await self._open(run, waiting)
        try:
            for text in said.sends:
                link.send(text)
            await waiting.meet(run, link)
        except ProbeFailure as failure:
            raise ProbeFailure(failure.reason, said.scrubber.scrub(failure.detail)) from None
        except asyncio.CancelledError:
            link.abort()
            raise
        finally:
            # Returns at once: a peer that never closes must not spoil a good run, nor its measured time.
            link.close()

    async def _open(self, run: Run, waiting: _Waiting) -> tuple[Rendered, Link]:
        outcome = Outcome.FAILED
        try:
            said = self._opener.render()
            link = await self._opener.open(run, said, waiting)
            outcome = Outcome.OK
        except ProbeFailure as failure:
            outcome = Outcome.of(failure.reason)
            raise
        except SecretUnavailable:
            outcome = Outcome.UNDECIDED
            raise
        finally:
            run.sample(CONNECTS, 1.0, outcome)
        return said, link


class _Waiting:
    """Takes the messages of one session until the expected one."""

    def __init__(self, spec: ExpectSpec | None, clock: Clock) -> None:
        self._spec = spec
        self._clock = clock
        self._expectation = None if spec is None else Expectation(spec)
        self._decided = asyncio.get_running_loop().create_future()

    def message(self, data: bytes | bytearray, text: str | None) -> None:
        expectation = self._expectation
        if expectation is not None and expectation.is_open and expectation.look(Message(data, text)):
            self._decided.set_result(None)

    def pong(self, payload: bytes) -> None:
        """Nothing was asked."""

    async def meet(self, run: Run, link: Link) -> None:
        """Return when the expected message came. Raises ProbeFailure when it no longer can."""
        expectation = self._expectation
        if self._spec is None or expectation is None:
            if link.ended.done():
                ending = link.ended.result()
                raise ProbeFailure(ending.reason, f"{ending.detail}, at once")
            return
        run.enter(Phase.TRANSFER)
        within_s = self._spec.within
        until_s = math.inf if within_s is None else self._clock.monotonic() + within_s
        await wait_until({self._decided, link.ended}, until_s, self._clock)
        run.leave()
        run.note("messages looked at", expectation.seen)
        if expectation.is_met:
            return
        if link.ended.done():
            ending = link.ended.result()
            raise ProbeFailure(ending.reason, f"{ending.detail}, before the expected message")
        raise ProbeFailure(Reason.NO_MATCHING_MESSAGE, expectation.shortfall(within_s or 0.0))


def _build(spec: WebSocketSpec, env: ProbeEnv) -> Prober:
    return WatchProber(spec, env) if spec.mode == "watch" else ConnectProber(spec, env)


KIND = ProberKind(
    name="websocket",
    spec=WebSocketSpec,
    build=_build,
    reasons=OPEN_REASONS
    | {
        Reason.NO_MATCHING_MESSAGE,
        Reason.MESSAGE_TOO_LARGE,
        Reason.ENCODING_INVALID,
        Reason.CLOSED_BY_PEER,
        Reason.DISCONNECTED,
        Reason.NOT_STARTED,
    },
    target=lambda spec: spec.url.masked,
    metrics=METRICS + DIAL_METRICS,
    phase_metric=PHASES,
    judged=(RTT,),
)
