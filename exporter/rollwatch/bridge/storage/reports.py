"""How things stand, for metrics and for people: reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bridge.alert import Identity, from_stored
from rollwatch.bridge.channels.channel import LaneKey
from rollwatch.bridge.storage.records import ChannelState, Told
from rollwatch.bridge.words import ChannelName, State

if TYPE_CHECKING:
    import sqlite3

    from rollwatch.bridge.storage.database import Database

__all__ = ["Reports"]

_BACKLOG = "SELECT channel, count(*), min(queued_at) FROM deliveries WHERE done_at IS NULL GROUP BY channel"
_WAITING = "SELECT DISTINCT channel, target FROM deliveries WHERE done_at IS NULL"
_LAST_SENT = "SELECT channel, max(CASE WHEN state = 'sent' THEN done_at END) FROM deliveries GROUP BY channel"
_LAST_DONE = (
    # Where nobody is named to be told nothing was tried.
    "SELECT state FROM deliveries WHERE channel = ? AND done_at IS NOT NULL AND attempts > 0 "
    "ORDER BY done_at DESC LIMIT 1"
)
_HAS_FAILED = "SELECT 1 FROM deliveries WHERE channel = ? AND done_at IS NULL AND detail != '' LIMIT 1"
_SENT = """
    SELECT m.fingerprint, m.status, m.starts_at, m.content,
        d.channel, d.target, d.state, d.attempts, d.queued_at, d.done_at, d.detail
    FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE m.status IN ('firing', 'resolved') ORDER BY d.id DESC LIMIT ?
"""
_SENT_OF = """
    SELECT m.fingerprint, m.status, m.starts_at, m.content,
        d.channel, d.target, d.state, d.attempts, d.queued_at, d.done_at, d.detail
    FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE m.fingerprint = ? AND m.status IN ('firing', 'resolved') ORDER BY d.id DESC LIMIT ?
"""
_KEPT = """
    SELECT fingerprint, status, starts_at, content, 'digest', '', NULL, 0, taken_at, NULL, ''
    FROM messages WHERE is_summarized ORDER BY taken_at DESC LIMIT ?
"""
_KEPT_OF = """
    SELECT fingerprint, status, starts_at, content, 'digest', '', NULL, 0, taken_at, NULL, ''
    FROM messages WHERE fingerprint = ? AND is_summarized ORDER BY taken_at DESC LIMIT ?
"""


class Reports:
    """What the database says of the deliveries in it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self) -> list[LaneKey]:
        """Every lane with something to do."""
        rows = await self._database.run(lambda db: db.execute(_WAITING).fetchall())
        return [LaneKey(ChannelName(channel), target) for channel, target in rows]

    async def backlog(self) -> dict[ChannelName, tuple[int, float]]:
        """By channel how many wait, and since when the oldest does."""
        rows = await self._database.run(lambda db: db.execute(_BACKLOG).fetchall())
        return {ChannelName(channel): (count, oldest) for channel, count, oldest in rows}

    async def states(self) -> dict[ChannelName, ChannelState]:
        """How the channels stand that ever had something to send; reads everything, so only at the start."""

        def work(db: sqlite3.Connection) -> dict[ChannelName, ChannelState]:
            return {
                ChannelName(channel): ChannelState(last, _is_failing(db, channel))
                for channel, last in db.execute(_LAST_SENT).fetchall()
            }

        return await self._database.run(work)

    async def told(self, fingerprint: str | None, limit: int) -> list[Told]:
        """What became of the alerts taken last, or of one; the newest first."""
        sent, kept = (_SENT, _KEPT) if fingerprint is None else (_SENT_OF, _KEPT_OF)
        which = () if fingerprint is None else (fingerprint,)

        def work(db: sqlite3.Connection) -> list[Told]:
            rows = [*db.execute(sent, (*which, limit)), *db.execute(kept, (*which, limit))]
            return [_told(row) for row in sorted(rows, key=lambda row: -row[8])[:limit]]

        return await self._database.run(work)


def _is_failing(db: sqlite3.Connection, channel: str) -> bool:
    """Whether the last attempt that is known came to nothing."""
    last = db.execute(_LAST_DONE, (channel,)).fetchone()
    return last == (State.GIVEN_UP.value,) or db.execute(_HAS_FAILED, (channel,)).fetchone() is not None


def _told(row: tuple[str, str, int, bytes, str, str, str | None, int, float, float | None, str]) -> Told:
    fingerprint, status, starts_at, content, channel, target, state, attempts, queued_at, done_at, detail = (
        row
    )
    return Told(
        from_stored(Identity(fingerprint, status, starts_at), content),
        LaneKey(ChannelName(channel), target),
        None if state is None else State(state),
        attempts,
        queued_at,
        done_at,
        detail,
    )
