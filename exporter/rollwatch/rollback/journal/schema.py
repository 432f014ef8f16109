"""The tables. `migrations/` makes them; a test holds the two equal.

Their names begin with `rollwatch_`: a PostgreSQL database may hold tables of others. Times are Unix seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

__all__ = [
    "METADATA",
    "VERSION_TABLE",
    "acts",
    "breakers",
    "claims",
    "deployments",
    "executions",
    "facts",
    "flights",
    "pauses",
    "replies",
    "resolutions",
    "rollbacks",
    "steps",
    "transitions",
]

VERSION_TABLE = "rollwatch_journal_version"
METADATA = MetaData()
_UNFIT = "\N{REPLACEMENT CHARACTER}"


class Words(TypeDecorator[str]):
    """Text as PostgreSQL can hold it: without NUL, and without halves of characters."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.encode("utf-8", "replace").decode("utf-8").replace("\0", _UNFIT)


class Name(Words):
    """An id. Compared byte by byte: the order of ids must not depend on the database's language."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text(collation="C") if dialect.name == "postgresql" else Text()


def _number() -> BigInteger:
    """Counts on by itself; SQLite does that for INTEGER only."""
    return BigInteger().with_variant(Integer(), "sqlite")


def _of_rollback(*, is_key: bool = False) -> Column[str]:
    return Column(
        "rollback_id",
        Name,
        ForeignKey("rollwatch_rollbacks.id", ondelete="CASCADE"),
        primary_key=is_key,
        nullable=False,
    )


rollbacks = Table(
    "rollwatch_rollbacks",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Column("level", Words, nullable=False),
    Column("environment", Words, nullable=False),
    Column("unit", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    # Of an alert: what names the incident, and when it was last delivered as firing.
    Column("incident", Words),
    Column("starts_at", Double),
    Column("last_at", Double),
    Column("resolved_at", Double),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("alert", Words),
    # Of a person.
    Column("actor", Words),
    Column("reason", Words),
    Column("wanted_target", Words),
    Column("dry_run", Boolean, nullable=False, server_default=text("false")),
    Column("approved_by", Words),
    Column("cancel_by", Words),
    # Of the policy and the runner.
    Column("decision", Words),
    Column("asked", Integer, nullable=False, server_default="0"),
    Column("last_asked_at", Double),
    Column("first_bad", Words),
    Column("settle_until", Double),
    Column("expires_at", Double),
    Column("going", Words),
    Column("executing_at", Double),
    Column("outcome", Words),
    Column("outcome_why", Words),
    # When somebody must work on it; null when there is nothing left to do.
    Column("due_at", Double),
    Column("lease_owner", Words),
    Column("lease_until", Double),
)
Index("rollwatch_rollbacks_incident", rollbacks.c.incident, unique=True)
Index("rollwatch_rollbacks_by_service", rollbacks.c.service, rollbacks.c.id)
Index("rollwatch_rollbacks_by_state", rollbacks.c.state, rollbacks.c.id)
Index("rollwatch_rollbacks_by_both", rollbacks.c.service, rollbacks.c.state, rollbacks.c.id)
Index("rollwatch_rollbacks_seen", rollbacks.c.environment, rollbacks.c.last_at)
Index(
    "rollwatch_rollbacks_began",
    rollbacks.c.environment,
    rollbacks.c.service,
    rollbacks.c.starts_at,
)
_OPEN = rollbacks.c.due_at.is_not(None)
Index(
    "rollwatch_rollbacks_open", rollbacks.c.id, rollbacks.c.due_at, sqlite_where=_OPEN, postgresql_where=_OPEN
)
_OVER = rollbacks.c.due_at.is_(None)
Index("rollwatch_rollbacks_over", rollbacks.c.updated_at, sqlite_where=_OVER, postgresql_where=_OVER)

transitions = Table(
    "rollwatch_transitions",
    METADATA,
    Column("id", _number(), primary_key=True),
    _of_rollback(),
    Column("at", Double, nullable=False),
    Column("before", Words),
    Column("after", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("why", Words, nullable=False),
)
Index("rollwatch_transitions_of", transitions.c.rollback_id, transitions.c.id)

steps = Table(
    "rollwatch_steps",
    METADATA,
    _of_rollback(is_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("detail", Words, nullable=False, server_default=""),
    Column("output", Words, nullable=False, server_default=""),
    Column("memo", Words, nullable=False, server_default="{}"),
)

# A service that is being rolled back: one rollback at a time.
flights = Table(
    "rollwatch_flights",
    METADATA,
    Column("environment", Words, primary_key=True),
    Column("service", Words, primary_key=True),
    _of_rollback(),
)
Index("rollwatch_flights_of", flights.c.rollback_id)

# A release that was taken back once. Stays when the rollback itself is forgotten.
claims = Table(
    "rollwatch_claims",
    METADATA,
    Column("environment", Words, primary_key=True),
    Column("service", Words, primary_key=True),
    Column("release_key", Words, primary_key=True),
    Column("rollback_id", Name, nullable=False),
    Column("at", Double, nullable=False),
)
Index("rollwatch_claims_of", claims.c.rollback_id)

# When a service was rolled back: for the limit.
executions = Table(
    "rollwatch_executions",
    METADATA,
    Column("environment", Words, primary_key=True),
    Column("service", Words, primary_key=True),
    _of_rollback(is_key=True),
    Column("level", Words, nullable=False),
    Column("began_at", Double, nullable=False),
)
Index(
    "rollwatch_executions_began",
    executions.c.environment,
    executions.c.service,
    executions.c.began_at,
)
Index("rollwatch_executions_of", executions.c.rollback_id)

# Incidents that were reported as resolved before they were reported as firing.
resolutions = Table(
    "rollwatch_resolutions",
    METADATA,
    Column("incident", Words, primary_key=True),
    Column("at", Double, nullable=False),
)
Index("rollwatch_resolutions_at", resolutions.c.at)

deployments = Table(
    "rollwatch_deployments",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("environment", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("commit_sha", Words),
    Column("version", Words),
    Column("platform_id", Words),
    Column("state", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("migration", Boolean, nullable=False, server_default=text("false")),
    Column("committed_at", Double),
    Column("marked", Boolean),
    Column("rollback_id", Name),
)
Index(
    "rollwatch_deployments_of",
    deployments.c.environment,
    deployments.c.service,
    deployments.c.started_at,
    deployments.c.id,
)
Index("rollwatch_deployments_service", deployments.c.service, deployments.c.started_at, deployments.c.id)
Index("rollwatch_deployments_started", deployments.c.started_at, deployments.c.id)
Index(
    "rollwatch_deployments_platform",
    deployments.c.environment,
    deployments.c.service,
    deployments.c.platform_id,
)

# `service` is empty for all of them.
pauses = Table(
    "rollwatch_pauses",
    METADATA,
    Column("service", Words, primary_key=True),
    Column("actor", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("since", Double, nullable=False),
)

breakers = Table(
    "rollwatch_breakers",
    METADATA,
    Column("service", Words, primary_key=True),
    Column("closed_at", Double, nullable=False),
)

replies = Table(
    "rollwatch_replies",
    METADATA,
    Column("key", Words, primary_key=True),
    Column("request_sha256", Words, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Words, nullable=False),
    Column("at", Double, nullable=False),
)
Index("rollwatch_replies_at", replies.c.at)

# What people did besides rollbacks: pause, resume, mark, close the breaker. Append-only.
acts = Table(
    "rollwatch_acts",
    METADATA,
    Column("id", _number(), primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", Words, nullable=False),
    Column("act", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("reason", Words, nullable=False, server_default=""),
)
Index("rollwatch_acts_at", acts.c.at)

facts = Table(
    "rollwatch_facts",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("value", Double, nullable=False),
)
