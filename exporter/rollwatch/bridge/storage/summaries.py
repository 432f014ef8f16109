"""What the daily summary is made of, and how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from rollwatch.bridge.alert import MICROSECONDS, Identity, from_stored
from rollwatch.bridge.storage.records import Seen
from rollwatch.bridge.storage.statements import ADD_MESSAGE, DELIVER
from rollwatch.bridge.words import ChannelName, State

if TYPE_CHECKING:
    import sqlite3

    from rollwatch.bridge.storage.database import Database

__all__ = ["Period", "Summaries", "SummaryContent"]

_FINGERPRINT = "summary"
_STATUS = "daily"
_MESSAGES_MAX = 50_000
_OPEN_FOR_S = 3 * 86_400.0
"""Alertmanager repeats what fires; what it has not spoken of for longer is not called open."""
_UNTIL = "summary_until"
_LAST_SENT = """
    SELECT max(m.starts_at) FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE d.channel = ? AND d.state = 'sent' AND m.starts_at <= ?
"""
_SAME_OR_WAITING = """
    SELECT m.id, m.starts_at, d.state FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE d.channel = ? AND (m.starts_at = ? OR d.done_at IS NULL)
"""
_HAPPENED = """
    SELECT fingerprint, status, starts_at, content, taken_at FROM messages
    WHERE is_summarized AND taken_at >= ? AND taken_at < ? ORDER BY id LIMIT ?
"""
_OPEN = """
    SELECT m.fingerprint, m.status, m.starts_at, m.content, m.taken_at FROM messages m
    WHERE m.is_summarized AND m.status = 'firing' AND m.taken_at < ? AND m.seen_at >= ? AND NOT EXISTS (
        SELECT 1 FROM messages o WHERE o.fingerprint = m.fingerprint AND o.taken_at < ?
            AND ((o.status = 'resolved' AND o.starts_at >= m.starts_at)
                OR (o.status = 'firing' AND o.starts_at > m.starts_at))
    )
    ORDER BY m.id LIMIT ?
"""


class Period(NamedTuple):
    """From when to when a summary tells, in seconds since 1970."""

    since: float
    until: float

    @classmethod
    def of(cls, content: bytes) -> Period:
        """What `content` of a summary's delivery says. Raises ValueError."""
        said = orjson.loads(content)
        return cls(said["since"], said["until"])


class SummaryContent(NamedTuple):
    """What there is to tell."""

    happened: list[Seen]
    """Everything taken in the period, the oldest first."""
    open: list[Seen]
    """What fired at its end."""


class Summaries:
    """The daily summary in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def told_until(self, now: float) -> float:
        """Up to when summaries have told; `now`, for ever after, where none was sent yet.

        What was sent while the clock was ahead counts for nothing: else there would be none until then.
        """

        def work(db: sqlite3.Connection) -> float:
            sent = db.execute(_LAST_SENT, (ChannelName.DIGEST.value, int(now * MICROSECONDS))).fetchone()[0]
            until = now if sent is None else sent / MICROSECONDS
            db.execute(
                "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE "
                "SET value = excluded.value WHERE (excluded.value > value AND ?) OR value > ?",
                (_UNTIL, until, sent is not None, now),
            )
            return float(db.execute("SELECT value FROM facts WHERE name = ?", (_UNTIL,)).fetchone()[0])

        return await self._database.run(work)

    async def put(self, period: Period, now: float, *, again: bool) -> bool:
        """Queue the summary of `period`, in the place of one that waits; whether that was to be done.

        One that was given up is tried another time only if `again`; the next day's tells of its period too.
        """
        number = int(period.until * MICROSECONDS)

        def work(db: sqlite3.Connection) -> bool:
            others = db.execute(_SAME_OR_WAITING, (ChannelName.DIGEST.value, number)).fetchall()
            if any(_stands_in_the_way(State(state), until >= number, again) for _, until, state in others):
                return False
            db.executemany("DELETE FROM messages WHERE id = ?", [(message,) for message, _, _ in others])
            content = orjson.dumps(period._asdict())
            values = (_FINGERPRINT, _STATUS, number, content, now, now, False)
            message = db.execute(ADD_MESSAGE, values).lastrowid
            db.execute(DELIVER, (message, ChannelName.DIGEST.value, "", now, now))
            return True

        return await self._database.run(work)

    async def content(self, period: Period) -> SummaryContent:
        """What happened in `period`, and what was open at its end."""
        since, until = period

        def work(db: sqlite3.Connection) -> SummaryContent:
            return SummaryContent(
                _seen(db, _HAPPENED, (since, until, _MESSAGES_MAX)),
                _seen(db, _OPEN, (until, until - _OPEN_FOR_S, until, _MESSAGES_MAX)),
            )

        return await self._database.run(work)


def _stands_in_the_way(state: State, tells_of_it: bool, again: bool) -> bool:
    """Whether a summary in `state`, which tells of the same time or waits, keeps another out."""
    match state:
        case State.SENDING:
            return True
        case State.GIVEN_UP:
            return not again
        case State.SENT | State.QUEUED:
            return tells_of_it


def _seen(db: sqlite3.Connection, query: str, values: tuple[float | int, ...]) -> list[Seen]:
    return [
        Seen(from_stored(Identity(fingerprint, status, starts_at), content), taken_at)
        for fingerprint, status, starts_at, content, taken_at in db.execute(query, values)
    ]
