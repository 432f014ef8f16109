"""What is taken, what is sent next, and what became of it. Each method is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bridge.alert import Identity
from rollwatch.bridge.storage import statements as sql
from rollwatch.bridge.storage.database import StorageFailed
from rollwatch.bridge.storage.records import Delivery, Taken, Wanted
from rollwatch.bridge.words import ChannelName, State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from rollwatch.bridge.alert import Alert
    from rollwatch.bridge.channels.channel import LaneKey
    from rollwatch.bridge.storage.database import Database
    from rollwatch.clock import Clock

__all__ = ["PENDING_MAX", "Queue"]

PENDING_MAX = 20_000
"""Deliveries that may wait in one lane; more are refused, so that Alertmanager keeps them."""
_RETENTION_S = 30 * 86_400.0
"""How long what is settled is remembered after Alertmanager last spoke of it: beyond any repeat_interval."""
_AGAIN_S = 600.0
"""What was given up longer ago than this is tried once more when Alertmanager repeats it."""
_PRUNED_AT_ONCE = 1000
_DETAIL_MAX = 300


class Queue:
    """The deliveries in the database."""

    def __init__(self, database: Database, clock: Clock, *, pending_max: int = PENDING_MAX) -> None:
        self._database = database
        self._clock = clock
        self._pending_max = pending_max

    async def take(self, wanted: Sequence[Wanted]) -> Taken:
        """Keep all of `wanted`, or nothing. Raises StorageFailed."""
        now = self._clock.wall()

        def work(db: sqlite3.Connection) -> Taken:
            taken = Taken({}, {}, {}, set())
            for one in wanted:
                _take(db, one, now, taken)
            # Lane by lane: what is dead for a day must not keep an SMS out.
            for lane in taken.lanes:
                waiting = db.execute(sql.COUNT_WAITING, (lane.channel.value, lane.target)).fetchone()[0]
                if waiting > self._pending_max:
                    raise StorageFailed(f"{self._pending_max} deliveries wait already by {lane.channel}")
            return taken

        try:
            return await self._database.run(work)
        except StorageFailed as failure:
            # Room for what is new, at the cost of the memory of what is settled.
            if not failure.is_full or not await self._database.run(_drop_oldest):
                raise
        return await self._database.run(work)

    async def claim(self, lane: LaneKey, at_once: int, resting: Collection[int]) -> list[Delivery]:
        """The next deliveries of `lane`, marked as being sent.

        Where one goes at a time, those that failed least come first, and `resting` are not due yet. Where
        many go at once, they all go: what is over must not be told before what began.
        """
        query, passed_over = (sql.CLAIM_EACH, resting) if at_once == 1 else (sql.CLAIM_MANY, ())

        def work(db: sqlite3.Connection) -> list[Delivery]:
            rows = db.execute(query, (lane.channel.value, lane.target, at_once + len(passed_over)))
            chosen = [row for row in rows if row[0] not in passed_over][:at_once]
            db.executemany(sql.MARK_SENDING, [(row[0],) for row in chosen])
            return [_delivery(row) for row in chosen]

        return await self._database.run(work)

    async def settle(self, ids: Collection[int], state: State, detail: str = "") -> None:
        """Write down what became of an attempt at these."""
        done_at = None if state is State.QUEUED else self._clock.wall()
        rows = [(state.value, done_at, detail[:_DETAIL_MAX], one) for one in ids]
        await self._database.run(lambda db: db.executemany(sql.SETTLE, rows))

    async def expire(self, lane: LaneKey, older_than_s: float, why: str) -> int:
        """Give up what waits in `lane` for longer; how many that were."""
        now = self._clock.wall()
        values = (now, why, lane.channel.value, lane.target, now - older_than_s)
        return await self._database.run(lambda db: db.execute(sql.EXPIRE, values).rowcount)

    async def oldest(self, lane: LaneKey) -> float | None:
        """Since when the oldest in `lane` waits, in seconds since 1970; None if nothing does."""

        def work(db: sqlite3.Connection) -> float | None:
            found: float | None = db.execute(sql.OLDEST, (lane.channel.value, lane.target)).fetchone()[0]
            return found

        return await self._database.run(work)

    async def release(self, lane: LaneKey) -> None:
        """What bears the mark `sending` in `lane` is not being sent: let it be claimed again."""
        await self._database.run(lambda db: db.execute(sql.RELEASE, (lane.channel.value, lane.target)))

    async def recover(self) -> int:
        """At start: what was being sent when the process ended is sent again; how many that are."""
        return await self._database.run(lambda db: db.execute(sql.RECOVER).rowcount)

    async def prune(self) -> int:
        """Forget what was settled long ago, some of it; how many messages those were."""
        values = (self._clock.wall() - _RETENTION_S, _PRUNED_AT_ONCE)
        return await self._database.run(lambda db: db.execute(sql.PRUNE, values).rowcount)


def _take(db: sqlite3.Connection, one: Wanted, now: float, taken: Taken) -> None:
    """Write down what is wanted, and in `taken` what that came to."""
    message, was_summarized = _message(db, one, now)
    if one.is_summarized:
        _count(taken.duplicates if was_summarized else taken.queued, ChannelName.DIGEST)
    for lane in one.lanes:
        values = (message, lane.channel.value, lane.target, now, now - _AGAIN_S)
        if db.execute(sql.DELIVER, values).rowcount:
            _count(taken.queued, lane.channel)
            taken.lanes.add(lane)
        else:
            _count(taken.duplicates, lane.channel)
    for lane, why in one.refused:
        done = (message, lane.channel.value, lane.target, now, now, why[:_DETAIL_MAX])
        _count(taken.refused if db.execute(sql.REFUSE, done).rowcount else taken.duplicates, lane.channel)


def _message(db: sqlite3.Connection, one: Wanted, now: float) -> tuple[int, bool]:
    """The id of what `one` says, written if it is new, and whether the summary had it already."""
    identity = one.alert.identity
    row = db.execute(sql.FIND_MESSAGE, identity).fetchone()
    if row is None:
        identity = _as_first_told(db, one.alert)
        row = db.execute(sql.FIND_MESSAGE, identity).fetchone()
    if row is None:
        values = (*identity, one.alert.stored(), now, now, one.is_summarized)
        return int(db.execute(sql.ADD_MESSAGE, values).lastrowid or 0), False
    db.execute(sql.SEE_MESSAGE, {"now": now, "is_summarized": one.is_summarized, "id": row[0]})
    return int(row[0]), bool(row[1])


def _as_first_told(db: sqlite3.Connection, alert: Alert) -> Identity:
    """The identity under which this alert was told of before, if it was, else its own.

    Where two Prometheus send the same alert, Alertmanager moves its start to that of the one in which it
    fired first, though it may have told of it already with the start of the other.
    """
    identity = alert.identity
    query = sql.FIRST_TOLD if alert.is_firing else sql.FIRST_TOLD_OF_END
    values = {"fingerprint": identity.fingerprint, "starts_at": identity.starts_at, "ends_at": alert.ends_at}
    told: int | None = db.execute(query, values).fetchone()[0]
    return identity if told is None else identity._replace(starts_at=told)


def _drop_oldest(db: sqlite3.Connection) -> int:
    return db.execute(sql.DROP_OLDEST, (_PRUNED_AT_ONCE,)).rowcount


def _count(counts: dict[ChannelName, int], channel: ChannelName) -> None:
    counts[channel] = counts.get(channel, 0) + 1


def _delivery(row: tuple[int, str, str, int, bytes, int, float]) -> Delivery:
    number, fingerprint, status, starts_at, content, attempts, queued_at = row
    return Delivery(number, Identity(fingerprint, status, starts_at), content, attempts + 1, queued_at)
