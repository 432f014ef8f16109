"""The tables, and how a database of ours is told from others and from newer ones."""

from __future__ import annotations

__all__ = ["APPLICATION_ID", "SCHEMA", "VERSION"]

APPLICATION_ID = 0x726C7762
"""`rlwb`: `file` and we know the database by it."""
VERSION = 1

SCHEMA = (
    # What is to be told: what Alertmanager said of an alert, or a day's summary. Times of ours are seconds
    # since 1970, those of alerts microseconds: they are part of an identity and must compare exactly.
    """
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        status TEXT NOT NULL,
        starts_at INTEGER NOT NULL,
        content BLOB NOT NULL,
        taken_at REAL NOT NULL,
        seen_at REAL NOT NULL,
        is_summarized INTEGER NOT NULL DEFAULT 0,
        UNIQUE (fingerprint, status, starts_at)
    )
    """,
    """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY,
        message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
        channel TEXT NOT NULL,
        target TEXT NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        queued_at REAL NOT NULL,
        done_at REAL,
        detail TEXT NOT NULL DEFAULT '',
        UNIQUE (message_id, channel, target)
    )
    """,
    # What is not settled: queued, or being sent.
    "CREATE INDEX deliveries_waiting ON deliveries (channel, target, attempts, id) WHERE done_at IS NULL",
    "CREATE INDEX deliveries_done ON deliveries (channel, done_at)",
    "CREATE INDEX messages_seen ON messages (seen_at)",
    "CREATE INDEX messages_summarized ON messages (taken_at) WHERE is_summarized",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID",
)
