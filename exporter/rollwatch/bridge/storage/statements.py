"""The SQL of the queue. A delivery waits while it has no `done_at`: an index holds those."""

from __future__ import annotations

__all__ = [
    "ADD_MESSAGE",
    "CLAIM_EACH",
    "CLAIM_MANY",
    "COUNT_WAITING",
    "DELIVER",
    "DROP_OLDEST",
    "EXPIRE",
    "FIND_MESSAGE",
    "FIRST_TOLD",
    "FIRST_TOLD_OF_END",
    "MARK_SENDING",
    "OLDEST",
    "PRUNE",
    "RECOVER",
    "REFUSE",
    "RELEASE",
    "SEE_MESSAGE",
    "SETTLE",
]

FIND_MESSAGE = "SELECT id, is_summarized FROM messages WHERE fingerprint = ? AND status = ? AND starts_at = ?"
# An alert that is open, as far as was told, and began later than is said now.
FIRST_TOLD = """
    SELECT min(f.starts_at) FROM messages f
    WHERE f.fingerprint = :fingerprint AND f.status = 'firing' AND f.starts_at > :starts_at AND NOT EXISTS (
        SELECT 1 FROM messages o
        WHERE o.fingerprint = f.fingerprint AND o.status = 'resolved' AND o.starts_at >= f.starts_at
    )
"""
# Whether or not its end was told already; what began after this end is another.
FIRST_TOLD_OF_END = """
    SELECT min(f.starts_at) FROM messages f
    WHERE f.fingerprint = :fingerprint AND f.status = 'firing'
        AND f.starts_at > :starts_at AND f.starts_at < :ends_at
"""
ADD_MESSAGE = """
    INSERT INTO messages (fingerprint, status, starts_at, content, taken_at, seen_at, is_summarized)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
SEE_MESSAGE = """
    UPDATE messages SET seen_at = :now, is_summarized = max(is_summarized, :is_summarized),
        taken_at = CASE WHEN :is_summarized > is_summarized THEN :now ELSE taken_at END
    WHERE id = :id
"""
# Unless it was sent or is about to be; what was given up a while ago gets another chance.
DELIVER = """
    INSERT INTO deliveries (message_id, channel, target, state, queued_at) VALUES (?, ?, ?, 'queued', ?)
    ON CONFLICT DO UPDATE SET state = 'queued', attempts = 0, queued_at = excluded.queued_at, done_at = NULL
    WHERE state = 'given_up' AND done_at < ?
"""
REFUSE = """
    INSERT INTO deliveries (message_id, channel, target, state, queued_at, done_at, detail)
    VALUES (?, ?, ?, 'given_up', ?, ?, ?) ON CONFLICT DO NOTHING
"""
COUNT_WAITING = "SELECT count(*) FROM deliveries WHERE channel = ? AND target = ? AND done_at IS NULL"

# Of one alert, what was said first is sent first.
CLAIM_EACH = """
    SELECT d.id, m.fingerprint, m.status, m.starts_at, m.content, d.attempts, d.queued_at
    FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE d.channel = ? AND d.target = ? AND d.done_at IS NULL AND d.state = 'queued' AND NOT EXISTS (
        SELECT 1 FROM messages e JOIN deliveries b ON b.message_id = e.id
        WHERE e.fingerprint = m.fingerprint AND b.channel = d.channel AND b.target = d.target
            AND b.done_at IS NULL AND b.id < d.id
    )
    ORDER BY d.attempts, d.id LIMIT ?
"""
CLAIM_MANY = """
    SELECT d.id, m.fingerprint, m.status, m.starts_at, m.content, d.attempts, d.queued_at
    FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE d.channel = ? AND d.target = ? AND d.done_at IS NULL AND d.state = 'queued'
    ORDER BY d.id LIMIT ?
"""
MARK_SENDING = "UPDATE deliveries SET state = 'sending', attempts = attempts + 1 WHERE id = ?"
SETTLE = "UPDATE deliveries SET state = ?, done_at = ?, detail = ? WHERE id = ?"
OLDEST = "SELECT min(queued_at) FROM deliveries WHERE channel = ? AND target = ? AND done_at IS NULL"
EXPIRE = """
    UPDATE deliveries SET state = 'given_up', done_at = ?,
        detail = ? || CASE WHEN detail = '' THEN '' ELSE '; at last: ' || detail END
    WHERE channel = ? AND target = ? AND done_at IS NULL AND state = 'queued' AND queued_at < ?
"""
RELEASE = """
    UPDATE deliveries SET state = 'queued'
    WHERE channel = ? AND target = ? AND done_at IS NULL AND state = 'sending'
"""
RECOVER = "UPDATE deliveries SET state = 'queued' WHERE done_at IS NULL AND state = 'sending'"
PRUNE = """
    DELETE FROM messages WHERE id IN (
        SELECT m.id FROM messages m WHERE m.seen_at < ?
            AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.id AND d.done_at IS NULL)
        LIMIT ?
    )
"""
DROP_OLDEST = """
    DELETE FROM messages WHERE id IN (
        SELECT m.id FROM messages m
        WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.id AND d.done_at IS NULL)
        ORDER BY m.seen_at LIMIT ?
    )
"""
