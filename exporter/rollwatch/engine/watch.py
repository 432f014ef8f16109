"""One configured probe at work: its grid, its runs one after another, its record and its history."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from rollwatch.engine.delivery import nothing_delivered
from rollwatch.engine.grid import Grid
from rollwatch.engine.verdicts import Standing
from rollwatch.engine.view import Explained, ProbeView, RunRecord, RunRefused
from rollwatch.model import Reason, Role, Verdict
from rollwatch.probers.contract import Background
from rollwatch.probers.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.config.config import ProbeDef
    from rollwatch.engine.delivery import Deliver
    from rollwatch.engine.recorder import Recorder
    from rollwatch.engine.runner import Outcome, Runner
    from rollwatch.model import Component
    from rollwatch.probers.contract import Prober, ProberKind

__all__ = ["HISTORY", "ProbeWatch"]

_log = structlog.get_logger(__name__)

HISTORY = 60
_MANUAL_GAP_S = 1.0
_TICK_SLACK_S = 0.5
_OWN_RETRY_AFTER_MAX_S = 300.0
"""A target that is no provider can't make us look away for longer than this."""
_PROVIDER_RESTS = "a provider is never asked sooner than its interval and its Retry-After allow"
_NOT_RECORDED = "the prober recorded what can't be; the log has the traceback"
_RESTART_FIRST_S = 1.0
_RESTART_MAX_S = 60.0


class ProbeWatch:
    """Runs one probe on its grid until cancelled. Runs never overlap, those on demand included."""

    def __init__(
        self,
        definition: ProbeDef,
        kind: ProberKind,
        prober: Prober,
        *,
        recorder: Recorder,
        runner: Runner,
        clock: Clock,
        grid_key: str,
        on_version: Callable[[str, str | None], None],
        on_lag: Callable[[float], None],
        deliver: Deliver = nothing_delivered,
    ) -> None:
        self.definition = definition
        self._kind = kind
        self._prober = prober
        self.background: Background | None = prober if isinstance(prober, Background) else None
        """The prober, if it also lives between runs."""
        self._recorder = recorder
        self._runner = runner
        self._clock = clock
        self._grid_key = grid_key
        self._on_version = on_version
        self._on_lag = on_lag
        self._deliver = deliver
        self._interval_s = definition.spec.interval
        self._timeout_s = definition.spec.timeout
        self._role = kind.role(definition.spec)
        self._is_paid = self._role is not Role.NONE
        self._standing = Standing(self._interval_s)
        self._history: deque[RunRecord] = deque(maxlen=HISTORY)
        self._components: tuple[Component, ...] = ()
        self._last_success_at: float | None = None
        self._skipped = 0
        self._busy = asyncio.Lock()
        self._last_start_s = -math.inf
        self._not_before_s = -math.inf
        self._next_s: float | None = None
        self._is_closed = False

    def succeed(self, predecessor: ProbeWatch) -> None:
        """Take over from the watch of the same probe before a reload: what rests goes on resting."""
        self._last_start_s = predecessor._last_start_s
        self._not_before_s = predecessor._not_before_s

    async def live(self) -> None:
        """Run on the grid until cancelled."""
        now = self._clock.monotonic()
        grid = Grid.anchored(self._grid_key, self._interval_s, wall_s=self._clock.wall(), monotonic_s=now)
        due = grid.first_run(self._grid_key, now_s=now, may_start_early=not self._is_paid)
        while True:
            self._next_s = max(due, self._not_before_s)
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))
            await self._tick(due)
            now = self._clock.monotonic()
            missed = grid.missed(due, now)
            if missed:
                self._skipped += missed
                self._recorder.skip(missed)
            due = grid.after(max(due, now))

    async def _tick(self, due: float) -> None:
        async with self._busy:
            now = self._clock.monotonic()
            if now < self._not_before_s:
                self._stand_unasked()
                return
            if self._is_too_soon(now):
                return
            self._on_lag(max(0.0, now - due))
            await self._run()

    def _is_too_soon(self, now: float) -> bool:
        """A provider that was asked on demand since its last tick is not asked again within its interval."""
        slack_s = min(self._interval_s / 2, _TICK_SLACK_S)
        return self._is_paid and now - self._last_start_s < self._interval_s - slack_s

    def _stand_unasked(self) -> None:
        wall = self._clock.wall()
        standing = self._standing.decide(Verdict.UNKNOWN, wall_s=wall, monotonic_s=self._clock.monotonic())
        self._recorder.count_unasked(Reason.RATE_LIMITED, standing, wall)

    async def _run(self, *, explain: bool = False) -> Outcome:
        self._last_start_s = self._clock.monotonic()
        outcome = await self._runner.run(self.definition.id, self._prober, self._timeout_s, explain=explain)
        standing = replace(self._standing)
        try:
            self.refresh()
            self._take_in(outcome)
            await self._hand_on(outcome)
        except Exception:  # noqa: BLE001  part of the run, one of the three outermost loops
            # A value a prober recorded wrongly costs this one run, not the process. Our bug decides nothing:
            # a verdict that could never be recorded again would otherwise stand for ever.
            _log.exception("result_not_recorded", probe=self.definition.id)
            self._standing = standing
            run = Run(self._clock)
            run.notes, run.retry_after_s = outcome.run.notes, outcome.run.retry_after_s
            outcome = replace(outcome, reason=Reason.INTERNAL_ERROR, detail=_NOT_RECORDED, run=run)
            self._take_in(outcome)
        return outcome

    async def _hand_on(self, outcome: Outcome) -> None:
        """What the run read for the figures; nothing of a run that decided nothing."""
        run = outcome.run
        if outcome.reason.verdict is Verdict.UNKNOWN or self._is_closed:
            return
        if run.figures is not None or run.records:
            await self._deliver(self.definition.service, self.definition.name, run)

    def _take_in(self, outcome: Outcome) -> None:
        if self._is_closed:
            # A run on demand outlived the configuration that had this probe.
            return
        reason, run = outcome.reason, outcome.run
        now = self._clock.monotonic()
        before = self._standing.verdict
        reason_before = self._history[-1].reason if self._history else None
        standing = self._standing.decide(reason.verdict, wall_s=outcome.started_at, monotonic_s=now)
        self._recorder.record(outcome, standing)
        self._history.append(self._record_of(outcome))
        if reason is Reason.OK:
            self._last_success_at = outcome.started_at
        if reason.verdict is not Verdict.UNKNOWN:
            self._components = tuple(run.components)
            if run.version is not None or reason is Reason.OK:
                # A run that failed before it read a version says nothing about the release.
                self._on_version(self.definition.name, run.version)
        if run.retry_after_s is not None:
            limit_s = math.inf if self._is_paid else _OWN_RETRY_AFTER_MAX_S
            self._not_before_s = now + min(run.retry_after_s, limit_s)
        if standing is not before:
            _log.info(
                "verdict_changed",
                probe=self.definition.id,
                verdict=standing.value,
                was=before.value,
                reason=reason.value,
                detail=outcome.detail,
            )
        elif reason.verdict is Verdict.UNKNOWN and reason is not reason_before:
            _log.warning(
                "probe_undecided",
                probe=self.definition.id,
                reason=reason.value,
                detail=outcome.detail,
                stands=standing.value,
            )

    def refresh(self) -> None:
        """Bring the series of a prober that lives between runs up to date; none, once it is closed."""
        if self.background is not None and not self._is_closed:
            self._recorder.take(self.background.take_samples())

    async def live_background(self, background: Background) -> None:
        """Keep the prober's own life going until cancelled; start it again, ever later, if it fails."""
        pause_s = _RESTART_FIRST_S
        while True:
            try:
                await background.live()
            except Exception:  # noqa: BLE001  one of the three outermost loops
                # A bug in a session must not end the process.
                _log.exception("session_failed", probe=self.definition.id, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _RESTART_MAX_S)

    async def run_now(self) -> Explained:
        """Run once, out of turn, and explain it. Raises RunRefused while running, or too soon."""
        if self._busy.locked():
            raise RunRefused(f"{self.definition.id} is running right now", _MANUAL_GAP_S)
        now = self._clock.monotonic()
        gap = self._interval_s if self._is_paid else _MANUAL_GAP_S
        allowed_s = max(self._last_start_s + gap, self._not_before_s)
        if now < allowed_s:
            why = _PROVIDER_RESTS if self._is_paid else "it was asked a moment ago"
            raise RunRefused(f"{self.definition.id} may not be asked yet: {why}", allowed_s - now)
        async with self._busy:
            outcome = await self._run(explain=True)
        return Explained(
            self.definition.id, self._target, self._record_of(outcome), tuple(outcome.run.notes or ())
        )

    @staticmethod
    def _record_of(outcome: Outcome) -> RunRecord:
        return RunRecord(
            outcome.started_at,
            outcome.duration_s,
            outcome.reason.verdict,
            outcome.reason,
            outcome.detail,
            outcome.run.phases,
        )

    def is_overdue(self) -> bool:
        """Whether a run is due since so long that the probe's loop must have ended: a bug of ours."""
        if self._next_s is None:
            return False
        grace_s = 2 * self._interval_s + self._timeout_s
        return self._clock.monotonic() > self._next_s + grace_s

    @property
    def _target(self) -> str:
        return self._kind.target(self.definition.spec)

    def close(self) -> None:
        """Remove the probe's series. Call once its tasks have ended."""
        self._is_closed = True
        self._recorder.close()

    def view(self) -> ProbeView:
        """How the probe stands now."""
        wall, now = self._clock.wall(), self._clock.monotonic()
        return ProbeView(
            id=self.definition.id,
            service=self.definition.service,
            name=self.definition.name,
            kind=self.definition.kind,
            role=self._role,
            target=self._target,
            interval_s=self._interval_s,
            timeout_s=self._timeout_s,
            verdict=self._standing.verdict,
            since_at=self._standing.since_at,
            last=self._history[-1] if self._history else None,
            last_success_at=self._last_success_at,
            next_run_at=None if self._next_s is None else wall + max(0.0, self._next_s - now),
            recent=tuple(self._history),
            skipped_runs=self._skipped,
            components=self._components,
            status_page=self._kind.status_page(self.definition.spec),
        )
