"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None


def _id() -> sa.Text:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _number() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _beside()
    _rollbacks()
    _of_rollbacks()


def _beside() -> None:
    op.create_table(
        "rollwatch_acts",
        sa.Column("id", _number(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rollwatch_acts_at", "rollwatch_acts", ["at"])
    op.create_table(
        "rollwatch_breakers",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("service"),
    )
    op.create_table(
        "rollwatch_claims",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("release_key", sa.Text(), nullable=False),
        sa.Column("rollback_id", _id(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "service", "release_key"),
    )
    op.create_index("rollwatch_claims_of", "rollwatch_claims", ["rollback_id"])
    op.create_table(
        "rollwatch_deployments",
        sa.Column("id", _id(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("commit_sha", sa.Text()),
        sa.Column("version", sa.Text()),
        sa.Column("platform_id", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.Column("migration", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("committed_at", sa.Double()),
        sa.Column("marked", sa.Boolean()),
        sa.Column("rollback_id", _id()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "rollwatch_deployments_of", "rollwatch_deployments", ["environment", "service", "started_at", "id"]
    )
    op.create_index(
        "rollwatch_deployments_platform", "rollwatch_deployments", ["environment", "service", "platform_id"]
    )
    op.create_index("rollwatch_deployments_service", "rollwatch_deployments", ["service", "started_at", "id"])
    op.create_index("rollwatch_deployments_started", "rollwatch_deployments", ["started_at", "id"])
    op.create_table(
        "rollwatch_facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "rollwatch_pauses",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("service"),
    )
    op.create_table(
        "rollwatch_replies",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("rollwatch_replies_at", "rollwatch_replies", ["at"])
    op.create_table(
        "rollwatch_resolutions",
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("incident"),
    )
    op.create_index("rollwatch_resolutions_at", "rollwatch_resolutions", ["at"])


def _rollbacks() -> None:
    op.create_table(
        "rollwatch_rollbacks",
        sa.Column("id", _id(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("incident", sa.Text()),
        sa.Column("starts_at", sa.Double()),
        sa.Column("last_at", sa.Double()),
        sa.Column("resolved_at", sa.Double()),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("alert", sa.Text()),
        sa.Column("actor", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("wanted_target", sa.Text()),
        sa.Column("dry_run", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("approved_by", sa.Text()),
        sa.Column("cancel_by", sa.Text()),
        sa.Column("decision", sa.Text()),
        sa.Column("asked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_asked_at", sa.Double()),
        sa.Column("first_bad", sa.Text()),
        sa.Column("settle_until", sa.Double()),
        sa.Column("expires_at", sa.Double()),
        sa.Column("going", sa.Text()),
        sa.Column("executing_at", sa.Double()),
        sa.Column("outcome", sa.Text()),
        sa.Column("outcome_why", sa.Text()),
        sa.Column("due_at", sa.Double()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "rollwatch_rollbacks_began", "rollwatch_rollbacks", ["environment", "service", "starts_at"]
    )
    op.create_index("rollwatch_rollbacks_by_both", "rollwatch_rollbacks", ["service", "state", "id"])
    op.create_index("rollwatch_rollbacks_by_service", "rollwatch_rollbacks", ["service", "id"])
    op.create_index("rollwatch_rollbacks_by_state", "rollwatch_rollbacks", ["state", "id"])
    op.create_index("rollwatch_rollbacks_incident", "rollwatch_rollbacks", ["incident"], unique=True)
    op.create_index(
        "rollwatch_rollbacks_open",
        "rollwatch_rollbacks",
        ["id", "due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "rollwatch_rollbacks_over",
        "rollwatch_rollbacks",
        ["updated_at"],
        sqlite_where=sa.text("due_at IS NULL"),
        postgresql_where=sa.text("due_at IS NULL"),
    )
    op.create_index("rollwatch_rollbacks_seen", "rollwatch_rollbacks", ["environment", "last_at"])


def _of_rollbacks() -> None:
    op.create_table(
        "rollwatch_executions",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("rollback_id", _id(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["rollback_id"], ["rollwatch_rollbacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("environment", "service", "rollback_id"),
    )
    op.create_index(
        "rollwatch_executions_began", "rollwatch_executions", ["environment", "service", "began_at"]
    )
    op.create_index("rollwatch_executions_of", "rollwatch_executions", ["rollback_id"])
    op.create_table(
        "rollwatch_flights",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("rollback_id", _id(), nullable=False),
        sa.ForeignKeyConstraint(["rollback_id"], ["rollwatch_rollbacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("environment", "service"),
    )
    op.create_index("rollwatch_flights_of", "rollwatch_flights", ["rollback_id"])
    op.create_table(
        "rollwatch_steps",
        sa.Column("rollback_id", _id(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("output", sa.Text(), server_default="", nullable=False),
        sa.Column("memo", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["rollback_id"], ["rollwatch_rollbacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rollback_id", "number"),
    )
    op.create_table(
        "rollwatch_transitions",
        sa.Column("id", _number(), nullable=False),
        sa.Column("rollback_id", _id(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rollback_id"], ["rollwatch_rollbacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rollwatch_transitions_of", "rollwatch_transitions", ["rollback_id", "id"])
