"""How far the database's clock is ahead of this host's: leases of several hosts need one clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from rollwatch.clock import Clock

__all__ = ["ahead_s"]

_SAME_S = 1.0
"""Less is as good as none: a lease is renewed long before it ends."""


def ahead_s(db: Connection, clock: Clock) -> float:
    """In seconds; 0 for SQLite, whose handlers share a host, and where it is less than a second."""
    if db.dialect.name != "postgresql":
        return 0.0
    theirs = float(db.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
    ahead = theirs - clock.wall()
    return 0.0 if abs(ahead) < _SAME_S else ahead
