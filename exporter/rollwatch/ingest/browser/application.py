"""One service's browsers at work: what their beacons do to the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.ingest.browser import metrics as m
from rollwatch.ingest.browser.beacon import ErrorEvent, GoalEvent
from rollwatch.ingest.browser.outcomes import Outcome
from rollwatch.ingest.browser.pages import DEVICES, Pages
from rollwatch.ingest.browser.script_errors import ScriptErrors
from rollwatch.ingest.browser.sessions import Sessions
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.browser import BrowserSpec
    from rollwatch.ingest.browser.beacon import Beacon, Device, HeapEvent, LoadEvent, ShiftEvent, TimeEvent
    from rollwatch.ingest.browser.errors import GroupView
    from rollwatch.ingest.browser.script_errors import Sighting
    from rollwatch.ingest.browser.sessions import Session
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.series import Child, CounterChild
    from rollwatch.metrics.store import Store

__all__ = ["BrowserApplication"]

_TIMES = {"LCP": m.LCP_SECONDS, "INP": m.INP_SECONDS, "FCP": m.FCP_SECONDS, "TTFB": m.TTFB_SECONDS}
_MS = 1000.0
_OLD_FROM_S = 300.0


class BrowserApplication:
    """Takes the beacons of one service. Its series are gone after `close`.

    `base` are the values of the service scope's common labels. `wake` is called when there is something to
    do for `work`.
    """

    def __init__(
        self,
        spec: BrowserSpec,
        thresholds: Mapping[str, Mapping[str, float]],
        *,
        store: Store,
        names: BoundedNames,
        clock: Clock,
        base: tuple[str, ...],
        secret: bytes,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._names = names
        self._clock = clock
        self._base = base
        self.spec = spec
        self._buckets = m.page_buckets(thresholds)
        self.is_closed = False
        self.outcomes: dict[Outcome, CounterChild] = {
            outcome: store.counter(m.BEACONS_TOTAL, (*base, outcome.value)) for outcome in Outcome
        }
        self._unknown_goals = store.counter(m.UNKNOWN_GOALS_TOTAL, base)
        self._sample = store.gauge(m.SAMPLE_RATIO, base)
        self._active = store.gauge(m.ACTIVE_SESSIONS, base)
        self._started = {d: store.counter(m.SESSIONS_STARTED_TOTAL, (*base, d)) for d in DEVICES}
        self._durations = {d: store.histogram(m.SESSION_DURATION_SECONDS, (*base, d)) for d in DEVICES}
        self._goals: dict[str, CounterChild] = {}
        self._sessions = Sessions(clock, self._session_ended, secret=secret)
        self._errors = ScriptErrors(store, names, clock, base, secret=secret, wake=wake)
        self._pages = self._make_pages()
        self._put_in_force()

    def configure(self, spec: BrowserSpec, thresholds: Mapping[str, Mapping[str, float]]) -> None:
        """Go by `spec` from now on. Only other routes or buckets make pages begin anew."""
        buckets = m.page_buckets(thresholds)
        moved = (spec.routes, buckets) != (self.spec.routes, self._buckets)
        self.spec, self._buckets = spec, buckets
        if moved:
            self._pages.close()
            self._pages = self._make_pages()
        self._put_in_force()

    def _make_pages(self) -> Pages:
        return Pages(
            self._store,
            self._names,
            self._clock,
            self._base,
            routes=self.spec.routes,
            buckets=self._buckets,
        )

    def _put_in_force(self) -> None:
        spec = self.spec
        for goal in self._goals.keys() - set(spec.goals):
            self._store.remove(self._goals.pop(goal))
        for goal in spec.goals:
            self._goals[goal] = self._store.counter(m.GOALS_TOTAL, (*self._base, goal))
        self._sample.set(spec.sample)
        self._errors.configure(spec.ignore_errors, spec.source_maps)

    def check_origin(self, origin: str | None) -> None:
        """Raise Refusal 403 unless pages of `origin` may send."""
        if origin not in self.spec.origins:
            raise Refusal(
                403,
                Outcome.ORIGIN_NOT_ALLOWED,
                "Pages of this origin may not send for this service.",
                "List the origin under browser.origins of the service. A page whose Referrer-Policy is "
                "no-referrer or same-origin does not tell it.",
            )

    def check(self, beacon: Beacon) -> None:
        """Raise Refusal 422 if nothing in `beacon` is of use; goals that are not declared are counted."""
        goals = self._goals
        unknown = sum(type(e) is GoalEvent and e.name not in goals for e in beacon.events)
        if unknown:
            self._unknown_goals.inc(unknown)
            if unknown == len(beacon.events):
                raise Refusal(
                    422,
                    Outcome.UNKNOWN_GOAL,
                    "The beacon holds only goals that the service does not declare.",
                    "List them under browser.goals of the service.",
                )

    def has_news(self, beacon: Beacon) -> bool:
        """Whether `examine` may take milliseconds."""
        return self._errors.has_news(e for e in beacon.events if type(e) is ErrorEvent)

    async def examine(self, beacon: Beacon) -> list[Sighting]:
        """What the errors in `beacon` are, for `take`."""
        return await self._errors.examine(e for e in beacon.events if type(e) is ErrorEvent)

    def take(self, beacon: Beacon, sightings: Sequence[Sighting] = (), browser: str = "") -> None:
        """Count everything in `beacon`; `sightings` are its errors, in order."""
        device = beacon.device
        session = self._sessions.hear(beacon.session, beacon.session_age_s, device)
        errors = iter(sightings)
        for event in beacon.events:
            match event.type:
                case "session_start":
                    self._started[device].inc()
                case "goal":
                    goal = self._goals.get(event.name)
                    if goal is not None:
                        goal.inc()
                case "view":
                    session.is_error_awaited = False
                    self._pages.at(event.path, event.route).views[device].inc()
                case "error":
                    self._take_error(next(errors), beacon, browser, session)
                case _:
                    self._measure(event, beacon)
        self.outcomes[Outcome.ACCEPTED].inc()

    def _measure(self, event: TimeEvent | ShiftEvent | LoadEvent | HeapEvent, beacon: Beacon) -> None:
        page = self._pages.at(event.path, event.route)
        match event.type:
            case "load":
                page.observe(m.PAGE_LOAD_SECONDS, beacon.device, event.value / _MS)
            case "heap":
                age = "old" if beacon.session_age_s >= _OLD_FROM_S else "young"
                page.observe(m.HEAP_BYTES, age, event.value)
            case "vital" if event.name == "CLS":
                page.observe(m.CLS_SCORE, beacon.device, event.value)
            case _:
                page.observe(_TIMES[event.name], beacon.device, event.value / _MS)

    def _take_error(self, sighting: Sighting, beacon: Beacon, browser: str, session: Session) -> None:
        event = sighting.event
        if not self._errors.take(sighting, beacon, browser):
            session.is_error_awaited = session.is_error_awaited or event.first
        elif event.first or session.is_error_awaited:
            session.is_error_awaited = False
            self._pages.at(event.path, event.route).with_errors[beacon.device].inc()

    async def work(self) -> None:
        """Resolve and tell the stacks that wait for it."""
        await self._errors.work()

    def sweep(self) -> bool:
        """Go on with what time has ended; whether there is more to do. Takes about a millisecond."""
        return self._sessions.sweep()

    def tidy(self) -> None:
        """Remove the series of what nobody meets any more; every few minutes is enough."""
        self._pages.sweep()
        self._errors.sweep()

    def refresh(self) -> None:
        """Bring what depends on time up to date; before each exposition."""
        self._sessions.sweep()
        self._active.set(self._sessions.active)

    def groups(self) -> list[GroupView]:
        """The groups of errors, newest first."""
        return self._errors.view()

    def close(self) -> None:
        """Remove every series."""
        self.is_closed = True
        self._pages.close()
        self._errors.close()
        series: list[Child] = [self._unknown_goals, self._sample, self._active]
        series += [*self.outcomes.values(), *self._started.values(), *self._durations.values()]
        series += self._goals.values()
        for child in series:
            self._store.remove(child)
        self._names.forget(self._base[0])

    def _session_ended(self, device: Device, lasted_s: float) -> None:
        self._durations[device].observe(lasted_s)
