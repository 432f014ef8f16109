"""Keeps the lease of a row while somebody works on it, and ends the work when the lease is lost."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from rollwatch.rollback.ports import JournalFailed, LostLease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.tempo import Tempo

__all__ = ["renewing"]

_log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def renewing(
    journal: Journal, rollback_id: str, owner: str, clock: Clock, tempo: Tempo, *, since: float
) -> AsyncIterator[None]:
    """Renews the lease meanwhile. When it is lost what runs inside is cancelled at once; raises LostLease.

    The lease was asked for at `since`, on the monotonic clock: the answer may have taken long. One that could
    not be renewed for `give_up_after_s` counts as lost, since somebody may take it soon.
    """
    work = asyncio.current_task()
    if work is None:
        raise AssertionError("called in a task")
    is_over = is_lost = False

    async def keep() -> None:
        nonlocal is_lost
        try:
            await _keep(journal, rollback_id, owner, clock, tempo, since)
        finally:
            if not is_over:
                is_lost = True
                work.cancel()

    keeper = asyncio.create_task(keep(), name=f"lease of {rollback_id}")
    try:
        yield
    except asyncio.CancelledError:
        if is_lost and work.uncancel() == 0:
            raise LostLease from None
        raise
    finally:
        is_over = True
        keeper.cancel()
        await asyncio.wait([keeper])


async def _keep(  # noqa: PLR0917
    journal: Journal, rollback_id: str, owner: str, clock: Clock, tempo: Tempo, since: float
) -> None:
    """Returns when the lease is lost, or may be before we know."""
    renewed_at = since
    pause_s = max(0.0, tempo.renew_every_s - (clock.monotonic() - since))
    while True:
        await asyncio.sleep(pause_s)
        left_s = renewed_at + tempo.give_up_after_s - clock.monotonic()
        if left_s <= 0:
            _log.error("rollback_lease_not_renewed", rollback=rollback_id)
            return
        try:
            async with asyncio.timeout(left_s):
                began = clock.monotonic()
                if not await journal.renew(rollback_id, owner, clock.wall() + tempo.lease_s):
                    return
        except (JournalFailed, TimeoutError):
            pause_s = min(tempo.journal_pause_s, tempo.renew_every_s)
        else:
            renewed_at, pause_s = began, tempo.renew_every_s
