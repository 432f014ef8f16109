"""Whether what fired is back to normal, as Prometheus sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.steps.ended import Ended
from rollwatch.text import clean, sentence

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.ports import Evidence

__all__ = ["recover"]


async def recover(
    alert: RollbackAlert, *, within_s: float, every_s: float, evidence: Evidence, clock: Clock
) -> Ended:
    """DONE as soon as neither the alert nor its twin is pending or firing; no answer is not success."""
    began = clock.monotonic()
    while True:
        answer = await evidence.recovered(alert)
        lasted = clock.monotonic() - began
        if answer is True:
            return Ended.done(f"Back to normal after {lasted:.0f} s.")
        if lasted >= within_s:
            break
        await asyncio.sleep(min(every_s, within_s - lasted))
    if isinstance(answer, Unanswered):
        return Ended.failed(sentence(f"Nobody can say after {lasted:.0f} s: {answer.why}."))
    return Ended.failed(f"{clean(alert.name, 80)} or its twin still fires after {lasted:.0f} s.")
