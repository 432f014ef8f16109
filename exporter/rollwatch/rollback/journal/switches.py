"""What people set: pauses, the breaker; and answers that are kept for whoever asks again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from rollwatch.rollback.journal import schema
from rollwatch.rollback.journal.audit import note_act
from rollwatch.rollback.journal_port import Reply

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["REPLY_KEPT_S", "close_breaker", "keep_reply", "pause", "reply_of", "resume", "touch"]

REPLY_KEPT_S = 86_400.0
_ALL = "everything"


def pause(db: Connection, service: str | None, actor: str, reason: str, now: float) -> None:
    db.execute(delete(schema.pauses).where(schema.pauses.c.service == (service or "")))
    db.execute(insert(schema.pauses).values(service=service or "", actor=actor, reason=reason, since=now))
    note_act(db, actor, "pause", service or _ALL, at=now, reason=reason)


def resume(db: Connection, service: str | None, actor: str, now: float) -> bool:
    done = db.execute(delete(schema.pauses).where(schema.pauses.c.service == (service or "")))
    if done.rowcount == 0:
        return False
    note_act(db, actor, "resume", service or _ALL, at=now)
    return True


def close_breaker(db: Connection, service: str, actor: str, now: float) -> None:
    db.execute(delete(schema.breakers).where(schema.breakers.c.service == service))
    db.execute(insert(schema.breakers).values(service=service, closed_at=now))
    note_act(db, actor, "close breaker", service, at=now)


def reply_of(db: Connection, key: str, now: float) -> Reply | None:
    of = schema.replies.c
    row = (
        db.execute(select(schema.replies).where(of.key == key, of.at > now - REPLY_KEPT_S))
        .mappings()
        .one_or_none()
    )
    return None if row is None else Reply(row["request_sha256"], row["status"], row["body"])


def keep_reply(db: Connection, key: str, reply: Reply, now: float) -> Reply:
    before = reply_of(db, key, now)
    if before is not None:
        return before
    db.execute(delete(schema.replies).where(schema.replies.c.at <= now - REPLY_KEPT_S))
    db.execute(
        insert(schema.replies).values(
            key=key, request_sha256=reply.request_sha256, status=reply.status, body=reply.body, at=now
        )
    )
    return reply


def touch(db: Connection, now: float) -> None:
    """Write something, and read it back."""
    of = schema.facts.c
    if db.execute(update(schema.facts).where(of.name == "checked_at").values(value=now)).rowcount == 0:
        db.execute(insert(schema.facts).values(name="checked_at", value=now))
    db.execute(select(of.value).where(of.name == "checked_at")).scalar_one()
