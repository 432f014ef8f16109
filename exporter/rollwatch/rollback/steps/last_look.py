"""Just before the order is given: is it still right? Between the decision and now hooks have run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import DeploymentState, Level, State
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.steps.verification import is_other_release
from rollwatch.rollback.strategies.strategy import PlatformFailed
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.model.release import Deployment
    from rollwatch.rollback.plan import ServicePlan
    from rollwatch.rollback.ports import Evidence

__all__ = ["Objection", "another_release", "no_longer_firing"]

_BLOCKS_S = 1800.0
"""So long a deployment that was begun and has not ended is in the way."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the order is not given. `outcome` is for a rollback that has not changed anything yet."""

    outcome: State
    why: str
    """A clause: no full stop."""
    needs_person: bool = False


async def no_longer_firing(row: Rollback, evidence: Evidence) -> Objection | None:
    """An automatic rollback is begun only while its alert fires. No answer is not a yes."""
    if row.level is not Level.AUTOMATIC or row.alert is None:
        return None
    firing = await evidence.still_firing(row.alert)
    if firing is True:
        return None
    if isinstance(firing, Unanswered):
        # Not merely cancelled: production may be broken, and nobody else will say so.
        why = f"nobody could say whether the alert still fires ({clean(firing.why)})"
        return Objection(State.FAILED, why, needs_person=True)
    return Objection(State.CANCELLED, "the alert ended before anything was changed")


async def another_release(
    row: Rollback, going: Going, plan: ServicePlan, journal: Journal
) -> Objection | None:
    """Whether something else was deployed since the decision, or runs. Raises JournalFailed."""
    known = [one for one in await journal.deployments(service=going.service) if one.rollback_id != row.id]
    for deployment in known:
        if _is_news(deployment, known, row, going) and is_other_release(deployment.release, going.bad):
            why = f"{clean(deployment.release.shown, 80)} of {going.service} was deployed meanwhile"
            return Objection(State.SUPERSEDED, why)
    if row.level is Level.EMERGENCY:
        return None
    try:
        current = await plan.strategy.current()
    except PlatformFailed as failure:
        why = f"nobody could say which release of {going.service} runs ({clean(failure.why)})"
        return Objection(State.FAILED, why, needs_person=True)
    if current is not None and is_other_release(current, going.bad):
        return Objection(
            State.SUPERSEDED, f"{clean(current.shown, 80)} of {going.service} runs now, another release"
        )
    return None


def _is_news(deployment: Deployment, known: Sequence[Deployment], row: Rollback, going: Going) -> bool:
    """Whether the decision can't have known of it: it is of later, or would have stood in its way."""
    if deployment.state is DeploymentState.FAILED:
        return False
    decided_at = row.last_asked_at or row.created_at
    if max(deployment.started_at, deployment.ended_at or 0.0) > decided_at:
        return True
    # Somebody may tell late of what began or ended before the decision.
    if deployment.state is DeploymentState.STARTED:
        return row.level is not Level.EMERGENCY and decided_at - deployment.started_at <= _BLOCKS_S
    bad_at = next((one.live_at for one in known if one.id == going.bad_deployment), None)
    return bad_at is not None and (deployment.live_at or 0.0) > bad_at
