"""The errors in one service's pages: counted, grouped, told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollwatch.figures.slices import in_slices
from rollwatch.ingest.browser import metrics as m
from rollwatch.ingest.browser.errors import ErrorGroups, ErrorSeen
from rollwatch.ingest.browser.examiner import Examiner
from rollwatch.ingest.browser.group_series import GroupSeries
from rollwatch.ingest.browser.privacy import scrub
from rollwatch.ingest.browser.reports import Reports
from rollwatch.ingest.browser.sourcemaps import SourceMaps
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.config.fields import Pattern
    from rollwatch.ingest.browser.beacon import Beacon, ErrorEvent
    from rollwatch.ingest.browser.errors import GroupView
    from rollwatch.ingest.browser.examiner import Examined
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.series import CounterChild
    from rollwatch.metrics.store import Store

__all__ = ["ScriptErrors", "Sighting"]

_KINDS = ("error", "rejection")
_PATH_LIMIT = 512
_RELEASE_LIMIT = 64


class Sighting(NamedTuple):
    """One error event, and what was found out about it."""

    event: ErrorEvent
    examined: Examined
    path: str = ""
    """Free of personal data, as the route; both only where somebody looked."""
    route: str | None = None


class ScriptErrors:
    """Takes the errors of one service. `base` are the values of the service scope's common labels.

    `wake` is called when there is something to do for `work`.
    """

    def __init__(
        self,
        store: Store,
        names: BoundedNames,
        clock: Clock,
        base: tuple[str, ...],
        *,
        secret: bytes,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._base = base
        self._examiner = Examiner(clock, secret=secret)
        self._groups = ErrorGroups(key=secret)
        self._series = GroupSeries(store, names, clock, base)
        self._reports = Reports(base[0], self._groups, clock, wake)
        self._maps_in: Path | None = None
        self._all = {kind: store.counter(m.ALL_ERRORS_TOTAL, (*base, kind)) for kind in _KINDS}
        self._ignored: dict[str, CounterChild] = {}

    def configure(self, patterns: Mapping[str, Pattern], maps_in: Path | None) -> None:
        """Ignore what `patterns` match, and look for source maps in that directory, from now on."""
        self._examiner.configure(patterns)
        for name in self._ignored.keys() - patterns.keys():
            self._store.remove(self._ignored.pop(name))
        for name in patterns:
            self._ignored[name] = self._store.counter(m.ERRORS_IGNORED_TOTAL, (*self._base, name))
        if maps_in != self._maps_in:
            self._maps_in = maps_in
            self._reports.configure(None if maps_in is None else SourceMaps(maps_in, self._clock))

    def has_news(self, events: Iterable[ErrorEvent]) -> bool:
        """Whether one of them says what nobody looked at yet."""
        return not all(map(self._examiner.knows, events))

    async def examine(self, events: Iterable[ErrorEvent]) -> list[Sighting]:
        """All that takes its time with them; changes no series. Lets the loop turn every millisecond."""
        sightings: list[Sighting] = []
        await in_slices(map(sightings.append, map(self._look_at, events)), self._clock)
        return sightings

    def _look_at(self, event: ErrorEvent) -> Sighting:
        examined = self._examiner.examine(event)
        if not examined.is_grouped:
            return Sighting(event, examined)
        route = None if event.route is None else scrub(event.route, _PATH_LIMIT)
        return Sighting(event, examined, scrub(event.path, _PATH_LIMIT), route)

    def take(self, sighting: Sighting, beacon: Beacon, browser: str) -> bool:
        """Count an error; whether it is one that matters, and not ignored."""
        event, examined, path, route = sighting
        if examined.is_grouped:
            error = ErrorSeen(
                fingerprint=examined.fingerprint,
                title=examined.title,
                kind=event.kind,
                message=examined.message,
                stack=examined.stack,
                release=None if beacon.release is None else clean(beacon.release, _RELEASE_LIMIT),
                browser=browser,
                session=beacon.session,
                path=path,
                route=route,
                at=self._clock.wall(),
                ignored_by=examined.ignored_by,
            )
            self._reports.take(error, event.stack or "", examined.stack_digest)
        if examined.ignored_by is not None:
            # The pattern may have left the configuration while the error was looked at.
            ignored = self._ignored.get(examined.ignored_by)
            if ignored is not None:
                ignored.inc()
            return False
        self._all[event.kind].inc()
        self._series.count(examined.fingerprint, event.kind)
        return True

    async def work(self) -> None:
        """Resolve and tell the stacks that wait for it."""
        await self._reports.work()

    def sweep(self) -> None:
        """Remove the series of groups that nobody meets any more."""
        self._series.sweep()

    def close(self) -> None:
        """Remove every series."""
        self._series.close()
        for child in [*self._all.values(), *self._ignored.values()]:
            self._store.remove(child)

    def view(self) -> list[GroupView]:
        """The groups, newest first."""
        return self._groups.view()
