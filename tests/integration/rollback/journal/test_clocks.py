"""Handlers on several hosts, each with a clock of its own: a lease ends at one moment for all (31)."""

from __future__ import annotations

import time

import pytest

from rollwatch.rollback.journal.journal import open_journal
from support.manual_clock import ManualClock
from support.rollback_postgres import PostgresServer
from support.rollback_rows import due, next_due_at, taken


@pytest.mark.parametrize(("one_s", "two_s"), [(0.0, 45.0), (-45.0, 0.0), (-45.0, 45.0)])
async def test_a_lease_that_lasts_is_nobody_elses_whatever_their_clocks_say(
    postgres: PostgresServer, one_s: float, two_s: float
) -> None:
    url = postgres.new_database()
    clocks = [ManualClock(wall=time.time() + ahead_s) for ahead_s in (one_s, two_s)]
    mine, theirs = clocks
    one, two = [await open_journal(url, clock=clock) for clock in clocks]
    try:
        rollback_id = await taken(one)
        assert await one.lease(rollback_id, "one", mine.wall(), mine.wall() + 30) is not None

        assert await due(two, theirs.wall()) == []
        assert await two.lease(rollback_id, "two", theirs.wall(), theirs.wall() + 30) is None
        # Nor does it look again and again for what is not free yet.
        next_at = await next_due_at(two)
        assert next_at == pytest.approx(theirs.wall() + 30, abs=5)

        assert await one.renew(rollback_id, "one", mine.wall() + 60)
        theirs.advance(45)
        mine.advance(45)
        # Both hosts' clocks were set: the time that the lease lasts by has not moved.
        assert await two.lease(rollback_id, "two", theirs.wall(), theirs.wall() + 30) is None
    finally:
        await one.close()
        await two.close()
