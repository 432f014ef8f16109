"""Watching an endpoint over one long session, opened again whenever it ends. Runs report on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from websockets.frames import CloseCode

from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.model import Phase, Reason, Verdict
from rollwatch.probers import _ws_metrics as m
from rollwatch.probers._patience import is_overslept
from rollwatch.probers._ws_backoff import Backoff
from rollwatch.probers._ws_messages import Channels
from rollwatch.probers._ws_open import Opener
from rollwatch.probers._ws_session import Session
from rollwatch.probers.run import Run, Sample
from rollwatch.text import sentence

if TYPE_CHECKING:
    from rollwatch.probers._scrub import Scrubber
    from rollwatch.probers._ws_link import Ending
    from rollwatch.probers._ws_spec import WebSocketSpec
    from rollwatch.probers.contract import ProbeEnv

__all__ = ["WatchProber"]

_START_WITHIN_S = 1.0
"""First sessions begin at a random moment of this time, so that many do not begin in one."""
_SETTLED_S = 60.0
"""A session that lived this long was well: the backoff begins anew."""
_REJECTED_PAUSE_S = 30.0
"""Least pause after rejected credentials, so that we do not get an account locked."""


class _Fault(NamedTuple):
    """Why the target is not well. No exception is kept: each one raised would grow a traceback."""

    reason: Reason
    detail: str


_NOT_YET = _Fault(Reason.NOT_STARTED, "the first session is still being opened")
_NOBODY_WATCHES = _Fault(Reason.INTERNAL_ERROR, "the session failed by a fault of rollwatch; see its log")
_REPORTED_AS_IS = frozenset({Reason.NO_MATCHING_MESSAGE, Reason.NOT_STARTED})
_OVERDUE = {
    Phase.RESOLVE: "its name was still being resolved",
    Phase.CONNECT: "it was still being connected to",
    Phase.TLS: "the TLS handshake was still going on",
    Phase.PROCESSING: "the upgrade request was not answered",
}


class WatchProber:
    """Holds a session with one endpoint (`live`), and reports how it stands (`probe`).

    UP while a session is open and its expected message has come. A session whose expected message does not
    come in time is closed and opened again. While a new session still waits for it, the state of the one
    before stands.
    """

    def __init__(self, spec: WebSocketSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._env = env
        self._opener = Opener(spec, env)
        self._channels = Channels(spec.channels)
        self._tally = m.Tally()
        self._tally.start_at_zero(m.CONNECTS, m.Outcome.ALL)
        self._tally.start_at_zero(m.CLOSES, m.CLOSE_LABELS)
        self._tally.set(m.SESSION_OPEN, 0.0)
        if spec.stale_after is not None:
            self._tally.set(m.STALE_AFTER, spec.stale_after)
        self._backoff = Backoff(env.rng)
        self._session: Session | None = None
        self._fault: _Fault | None = _NOT_YET
        self._was_well = False
        self._attempts = 0
        self._failed_in_a_row = 0
        self._down_since_s: float | None = None
        self._last_message_at: dict[str, float] = {}
        self._found: list[Sample] = []

    async def probe(self, run: Run) -> None:
        """Report on the session; asks the target nothing."""
        run.samples += self._found
        session = self._session
        if run.notes is not None:
            now = self._env.clock.monotonic()
            run.note("session", "none" if session is None else f"open for {now - session.opened_s:.0f} s")
            run.note("attempts to connect", self._attempts)
        fault = self._fault
        if fault is None:
            return
        if fault.reason in _REPORTED_AS_IS or fault.reason.verdict is Verdict.UNKNOWN:
            raise ProbeFailure(*fault)
        raise ProbeFailure(Reason.DISCONNECTED, self._disconnected_words(fault))

    def _disconnected_words(self, fault: _Fault) -> str:
        if self._session is not None:
            return (
                f"the session is open again and waits for the expected message; before that: {fault.detail}"
            )
        since = self._down_since_s
        words = (
            "no session" if since is None else f"no session for {self._env.clock.monotonic() - since:.0f} s"
        )
        if self._failed_in_a_row:
            words += f", attempts to open one that failed: {self._failed_in_a_row}"
        return sentence(f"{words}; last: {fault.detail}")

    def take_samples(self) -> list[Sample]:
        """Gauges as they are now, and what counters and histograms gained since the last call."""
        for channel, at in self._last_message_at.items():
            self._tally.set(m.LAST_MESSAGE, at, channel)
        return self._tally.take()

    async def live(self) -> None:
        """Hold a session until cancelled."""
        began = self._env.clock.wall()
        for channel in (m.ALL_CHANNELS, *self._spec.channels):
            self._last_message_at.setdefault(channel, began)
        try:
            await asyncio.sleep(self._env.rng() * _START_WITHIN_S)
            while True:
                pause_s = await self._attempt()
                await asyncio.sleep(pause_s)
        finally:
            # Nobody watches any more. Where that is a bug of ours, what was true before must not be told for
            # ever; the engine starts us again.
            self._stand_down(_NOBODY_WATCHES)

    async def _attempt(self) -> float:
        """Open a session and hold it to its end. Returns the seconds to pause then."""
        if self._attempts:
            self._tally.count(m.RECONNECTS)
        self._attempts += 1
        run = Run(self._env.clock)
        session = Session(self._spec, self._env.clock, self._tally, self._channels, self._last_message_at)
        session.on_met = self._stand_well
        try:
            fault = await self._open(run, session)
        finally:
            run.leave()
            self._learn(run)
        if fault is not None:
            self._tally.count(m.CONNECTS, m.Outcome.of(fault.reason))
            self._failed_in_a_row += 1
            self._stand_down(fault)
            if fault.reason is Reason.CREDENTIALS_REJECTED:
                return _REJECTED_PAUSE_S + self._backoff.next_s()
            # "Retry-After: 0" is no leave to ask in a circle: the backoff is the least.
            return max(self._backoff.next_s(), run.retry_after_s or 0.0)
        self._tally.count(m.CONNECTS, m.Outcome.OK)
        self._failed_in_a_row = 0
        await self._hold(session)
        return self._backoff.next_s()

    async def _open(self, run: Run, session: Session) -> _Fault | None:
        deadline = asyncio.timeout(self._spec.timeout)
        until_s = self._env.clock.monotonic() + self._spec.timeout
        try:
            async with deadline:
                said = self._opener.render()
                session.begin(await self._opener.open(run, said, session), said)
        except ProbeFailure as failure:
            return _Fault(failure.reason, failure.detail)
        except SecretUnavailable as error:
            return _Fault(Reason.SECRET_UNAVAILABLE, str(error))
        except TimeoutError:
            if not deadline.expired():
                raise
            if is_overslept(until_s, self._env.clock):
                return _Fault(Reason.OVERLOADED, "this exporter stood still while a session was being opened")
            why = "" if run.phase is None else f": {_OVERDUE.get(run.phase, run.phase)}"
            return _Fault(Reason.TIMEOUT, f"no session within {self._spec.timeout:g} s{why}")
        return None

    def _learn(self, run: Run) -> None:
        """Keep what opening found, for the runs that report on it, and count what it counted."""
        self._found = [Sample(m.PHASES, (phase.value,), spent) for phase, spent in run.phases.items()]
        for sample in run.samples:
            if sample.metric is m.HANDSHAKE:
                self._tally.observe(sample.metric, sample.value)
            elif sample.metric is m.SESSIONS_OPENED:
                self._tally.count(sample.metric)
            else:
                self._found.append(sample)

    async def _hold(self, session: Session) -> None:
        clock = self._env.clock
        self._session = session
        self._tally.set(m.SESSION_OPEN, 1.0)
        self._tally.set(m.SESSION_STARTED, clock.wall())
        if session.is_met or (self._was_well and session.is_waiting):
            self._fault = None
            self._down_since_s = None
        self._was_well = session.is_met
        try:
            ending = await session.hold()
        finally:
            session.link.close(CloseCode.GOING_AWAY)
            self._session = None
            self._tally.set(m.SESSION_OPEN, 0.0)
        lived_s = clock.monotonic() - session.opened_s
        self._tally.count(m.CLOSES, m.close_label(ending.code))
        self._tally.observe(m.SESSION_DURATION, lived_s)
        if lived_s >= _SETTLED_S and session.is_met:
            self._backoff.reset()
        fault = _fault_of(ending, lived_s, session.scrubber)
        if session.stood_still:
            fault = _Fault(Reason.OVERLOADED, f"this exporter stood still; before that: {fault.detail}")
        self._stand_down(fault)

    def _stand_well(self) -> None:
        self._fault = None
        self._was_well = True
        self._down_since_s = None

    def _stand_down(self, fault: _Fault) -> None:
        if self._down_since_s is None:
            self._down_since_s = self._env.clock.monotonic()
        self._fault = fault


def _fault_of(ending: Ending, lived_s: float, scrubber: Scrubber) -> _Fault:
    detail = scrubber.scrub(ending.detail)
    if ending.reason is Reason.NO_MATCHING_MESSAGE:
        return _Fault(ending.reason, detail)
    return _Fault(Reason.DISCONNECTED, f"{detail}, after {lived_s:.0f} s (close code {ending.code})")
