"""The rollback handler: how soon it decides, a storm of webhooks, a journal of years, and doing nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import rollback_idle, rollback_journal, rollback_latency, rollback_storm

if TYPE_CHECKING:
    from bench.harness import Table

__all__ = ["run"]


def run() -> list[Table]:
    """About three and a half minutes."""
    return [rollback_latency.run(), rollback_storm.run(), rollback_journal.run(), rollback_idle.run()]
