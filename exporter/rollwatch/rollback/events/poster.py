"""Posts the handler's alerts to Alertmanager, again and again while they last; else tells the fallback, once.

Alertmanager forgets an alert that nobody repeats, and may itself be restarted without its memory. What is to
be told is drawn from the journal, so that a crash between a move and its news loses nothing.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import structlog

from rollwatch.bundle.posted import Posted
from rollwatch.rollback.events.telling import telling, tellings
from rollwatch.rollback.model.words import State
from rollwatch.rollback.ports import JournalFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rollwatch.clock import Clock
    from rollwatch.rollback.events.channel import Channel
    from rollwatch.rollback.events.telling import Telling
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.metrics import HandlerMetrics
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.model.words import Mode

__all__ = ["Poster"]

_log = structlog.get_logger(__name__)

_EVERY_S = 30.0
_LEAST_S = 1.0
"""Between two posts: each looks at the whole of what stands, and a storm changes it many times a second."""
_LASTS_S = 180.0
"""Without a repeat Alertmanager takes an alert for resolved after this."""
_RECENT = 100
"""How many of the last rollbacks may still have something to say."""
_ENDED = 20
"""How many of each end: a storm of denials must not have a failure taken for resolved."""
_ENDS = (State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.UNKNOWN)


class Poster:
    """The `Events` of the handler. `live` is its one task."""

    def __init__(
        self,
        journal: Journal,
        channel: Channel,
        clock: Clock,
        metrics: HandlerMetrics,
        links: Callable[[str, Posted, str], Mapping[str, str]],
        *,
        every_s: float = _EVERY_S,
        least_s: float = _LEAST_S,
    ) -> None:
        self._journal = journal
        self._channel = channel
        self._clock = clock
        self._metrics = metrics
        self._links = links
        self._every_s = every_s
        self._least_s = least_s
        self._modes: Mapping[str, Mode] = {}
        self._others: dict[tuple[tuple[str, str], ...], Telling] = {}
        self._standing: dict[tuple[tuple[str, str], ...], Telling] = {}
        self._told_fallback: set[tuple[tuple[str, str], ...]] = set()
        self._wake = asyncio.Event()
        self.problem: str | None = None
        """Why Alertmanager was not told, the last time."""

    def configure(self, modes: Mapping[str, Mode]) -> None:
        """The mode of each release unit."""
        self._modes = modes

    def changed(self, rollback: Rollback, before: State | None) -> None:
        self._wake.set()

    def needs_person(self, rollback: Rollback, why: str) -> None:
        """What needs a person shows in the row itself."""
        self._wake.set()

    def proposed(self, rollback: Rollback, url: str) -> None:
        self._tell(
            telling(
                Posted.REVERT_PROPOSED,
                rollback_id=rollback.id,
                service=rollback.service,
                environment=rollback.environment,
                bad=", ".join(one.bad.shown for one in rollback.going),
                target="",
                why=f"See {url}.",
                starts_at=self._clock.wall(),
                links=self._links(rollback.service, Posted.REVERT_PROPOSED, rollback.id),
            )
        )

    def bad_release_again(self, service: str, environment: str, release: str, rollback_id: str) -> None:
        self._tell(
            telling(
                Posted.BAD_RELEASE_AGAIN,
                rollback_id=rollback_id,
                service=service,
                environment=environment,
                bad=release,
                target="",
                why=f"Rollback {rollback_id} took it back.",
                starts_at=self._clock.wall(),
                links=self._links(service, Posted.BAD_RELEASE_AGAIN, rollback_id),
            )
        )

    def _tell(self, told: Telling) -> None:
        self._others[told.key] = told
        self._wake.set()

    async def live(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.post()
            except JournalFailed as failure:
                _log.error("events_not_read", why=failure.why)
            await asyncio.sleep(self._least_s)
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def post(self) -> None:
        """Tell what stands now, and what has ended. Raises JournalFailed."""
        now = self._clock.wall()
        rows = {
            row.id: row
            for row in (
                *await self._journal.history(limit=_RECENT),
                *[row for state in _ENDS for row in await self._journal.history(limit=_ENDED, state=state)],
                *await self._journal.open_rollbacks(),
            )
        }
        self._others = {key: told for key, told in self._others.items() if not _is_over(told, now)}
        wanted = dict(self._others)
        for row in rows.values():
            for told in tellings(row, self._modes, {}):
                if not _is_over(told, now):
                    linked = self._with_links(told, row)
                    wanted[linked.key] = linked
        ended = [told for key, told in self._standing.items() if key not in wanted]
        alerts = [_posted(told, now) for told in wanted.values()]
        alerts += [_posted(told, now, ended=True) for told in ended]
        if not alerts:
            self._standing = {}
            return
        why = await self._channel.tell_alertmanager(alerts)
        self.problem = why
        self._metrics.told(len(alerts), worked=why is None)
        if why is None:
            self._standing = wanted
            self._told_fallback &= set(wanted)
            return
        _log.error("events_not_told", why=why, alerts=len(alerts))
        # What has ended is tried again, too.
        self._standing = {**self._standing, **wanted}
        await self._fall_back(wanted)

    def _with_links(self, told: Telling, row: Rollback) -> Telling:
        links = self._links(row.service, told.name, row.id)
        return type(told)(told.name, told.labels, {**told.annotations, **links}, told.starts_at, told.ends_at)

    async def _fall_back(self, wanted: Mapping[tuple[tuple[str, str], ...], Telling]) -> None:
        for key, told in wanted.items():
            if key in self._told_fallback:
                continue
            why = await self._channel.tell_fallback(_document(told))
            if why is None:
                self._told_fallback.add(key)
                self._metrics.fell_back(worked=True)
            elif why:
                self._metrics.fell_back(worked=False)
                _log.error("fallback_not_told", why=why, alert=told.name)
                return


def _is_over(told: Telling, now: float) -> bool:
    return told.ends_at is not None and told.ends_at <= now


def _posted(told: Telling, now: float, *, ended: bool = False) -> dict[str, Any]:
    """As Alertmanager's API v2 takes it."""
    last = now if ended else now + _LASTS_S if told.ends_at is None else min(told.ends_at, now + _LASTS_S)
    return {
        "labels": dict(told.labels),
        "annotations": dict(told.annotations),
        "startsAt": _iso(min(told.starts_at, now)),
        "endsAt": _iso(last),
    }


def _document(told: Telling) -> bytes:
    """The shape of every webhook of ours: `text`, `timestamp`, `service`, `environment`."""
    return orjson.dumps(
        {
            "text": f"{told.annotations['summary']}\n{told.annotations['description']}",
            "timestamp": _iso(told.starts_at),
            "service": told.labels["service"],
            "environment": told.labels["environment"],
            "priority": told.labels["priority"],
            "alert": told.name.value,
            "rollback_id": told.labels["rollback_id"],
            "links": {key: value for key, value in told.annotations.items() if key.endswith("_url")},
        }
    )


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
