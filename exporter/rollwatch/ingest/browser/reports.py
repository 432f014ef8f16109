"""Errors on their way to the log and to the list of groups: the stack once, and not for every error."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from rollwatch.host.errand import Errand
from rollwatch.ingest.browser.frames import STACK_LIMIT, parse_stack, render
from rollwatch.ingest.clients import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.ingest.browser.errors import ErrorGroups, ErrorSeen
    from rollwatch.ingest.browser.sourcemaps import SourceMaps

__all__ = ["Reports"]

_log = structlog.get_logger(__name__)

_GROUPS = 200
"""As many as the list has: what left it is to come back with its stack."""
_STACKS = 16
"""Of a group; with the browser a stack changes, too."""
_EVERY_S = 60.0
_RATE = 1.0
_BURST = 50.0
_WAITING = 50
_RESOLVE_S = 10.0


@dataclass(slots=True)
class _Told:
    """The stacks of a group that were told last, by release and digest."""

    stacks: dict[tuple[str | None, bytes], None] = field(default_factory=dict)
    again_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Report:
    error: ErrorSeen
    raw_stack: str


class Reports:
    """Tells every stack of a group once for each release, and of one group one a minute at most.

    Over all groups that is one a second, and 50 at once. Resolving waits for files, and so is done by `work`,
    in a thread; such an error reaches the list of groups a moment later. All others do at once.
    """

    def __init__(self, service: str, groups: ErrorGroups, clock: Clock, wake: Callable[[], None]) -> None:
        self._service = service
        self._groups = groups
        self._clock = clock
        self._wake = wake
        self._maps: SourceMaps | None = None
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._budget = Buckets(_RATE, _BURST, limit=1)
        self._waiting: deque[_Report] = deque()
        self._errand = Errand(f"browser-stacks-{service}", self._resolve_next)
        self._next = ""

    def configure(self, maps: SourceMaps | None) -> None:
        """Resolve stacks by these from now on."""
        self._maps = maps

    def take(self, error: ErrorSeen, raw_stack: str, digest: bytes) -> None:
        """One error, its stack not resolved and perhaps cut; `digest` tells one stack from another."""
        told = self._told.get(error.fingerprint)
        if told is None:
            if len(self._told) >= _GROUPS:
                self._told.popitem(last=False)
            told = self._told[error.fingerprint] = _Told()
        else:
            self._told.move_to_end(error.fingerprint)
        now = self._clock.monotonic()
        stack = (error.release, digest)
        if now < told.again_at or stack in told.stacks:
            self._groups.record(replace(error, stack=""))
            return
        told.again_at = now + _EVERY_S
        if len(told.stacks) >= _STACKS:
            del told.stacks[next(iter(told.stacks))]
        told.stacks[stack] = None
        if len(self._waiting) >= _WAITING or self._budget.wait_s(b"", now) > 0:
            self._groups.record(error)
            return
        self._waiting.append(_Report(error, raw_stack))
        self._wake()

    async def work(self) -> None:
        """Tell everything that waits."""
        while self._waiting:
            report = self._waiting.popleft()
            error = replace(report.error, stack=await self._resolved(report))
            self._groups.record(error)
            if error.ignored_by is None:
                self._tell(error)

    async def _resolved(self, report: _Report) -> str:
        if not report.raw_stack:
            return ""
        self._next = report.raw_stack
        try:
            return await self._errand.run(_RESOLVE_S)
        except TimeoutError:
            return report.error.stack

    def _resolve_next(self) -> str:
        """In a thread: it reads files."""
        frames = parse_stack(self._next)
        maps = self._maps
        return render(frames if maps is None else maps.resolve(frames))[:STACK_LIMIT]

    def _tell(self, error: ErrorSeen) -> None:
        _log.warning(
            "browser_error",
            service=self._service,
            group=error.fingerprint,
            kind=error.kind,
            title=error.title,
            message=error.message,
            release=error.release,
            browser=error.browser,
            path=error.path,
            route=error.route,
            # The one field of the log that may have lines, and be as long as a stack is.
            exception=error.stack,
        )
