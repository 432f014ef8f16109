"""From the handler's values to the shapes of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import State
from rollwatch.rollback.web.api_types_decision import (
    DecisionJson,
    ExplainedJson,
    ExplanationJson,
    GoingJson,
    GuardJson,
    UnusableJson,
)
from rollwatch.rollback.web.api_types_release import DeploymentJson, ReleaseJson
from rollwatch.rollback.web.api_types_rollback import (
    AlertJson,
    RollbackJson,
    RunningJson,
    StepJson,
    TransitionJson,
    TriggeredJson,
    WholeJson,
)
from rollwatch.rollback.web.api_types_status import ActiveTriggerJson, PauseJson, StatusJson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.decision import Decision, Going
    from rollwatch.rollback.model.record import Pause, Rollback, Step, Transition
    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.web.explaining import Explanation
    from rollwatch.rollback.web.service import Overview, Running, Whole

__all__ = [
    "deployment_json",
    "explanation_json",
    "pauses_json",
    "rollback_json",
    "status_json",
    "triggered_json",
    "whole_json",
    "why_of",
]


_ENDED_BEFORE = {
    State.EXPIRED: "Nobody approved it in time.",
    State.CANCELLED: "It was cancelled before anything was changed.",
}
"""The last decision is not why these ended."""


def rollback_json(row: Rollback) -> RollbackJson:
    return RollbackJson(**_members(row))


def whole_json(whole: Whole) -> WholeJson:
    row = whole.rollback
    return WholeJson(
        **_members(row),
        steps=_steps(whole.steps),
        alert=None if row.alert is None else _alert(row.alert),
        decision=None if row.decision is None else _decision(row.decision),
        transitions=[_transition(one) for one in whole.transitions],
    )


def triggered_json(row: Rollback) -> TriggeredJson:
    return TriggeredJson(
        id=row.id,
        state=row.state,
        why=why_of(row),
        decision=None if row.decision is None else _decision(row.decision),
    )


def status_json(overview: Overview) -> StatusJson:
    return StatusJson(
        now=overview.now,
        environment=overview.environment,
        paused=any(pause.service is None for pause in overview.pauses),
        pauses=pauses_json(overview.pauses),
        running=[_running(one) for one in overview.running],
        awaiting_approval=[rollback_json(row) for row in overview.awaiting_approval],
        open=[rollback_json(row) for row in overview.open],
        last=[rollback_json(row) for row in overview.last],
        active_triggers=[
            ActiveTriggerJson(
                service=active.incident.service,
                unit=active.incident.unit,
                alert=active.alert,
                since=active.incident.starts_at,
                last_at=active.incident.last_at,
            )
            for active in overview.active_triggers
        ],
    )


def pauses_json(pauses: Sequence[Pause]) -> list[PauseJson]:
    return [
        PauseJson(service=pause.service, actor=pause.actor, reason=pause.reason, since=pause.since)
        for pause in pauses
    ]


def deployment_json(deployment: Deployment) -> DeploymentJson:
    return DeploymentJson(
        id=deployment.id,
        release=_release(deployment.release),
        state=deployment.state,
        source=deployment.source,
        started_at=deployment.started_at,
        ended_at=deployment.ended_at,
        migration=deployment.migration,
        committed_at=deployment.committed_at,
        marked=deployment.marked,
        rollback_id=deployment.rollback_id,
    )


def explanation_json(explanation: Explanation) -> ExplanationJson:
    return ExplanationJson(
        alerts=[
            ExplainedJson(
                alert=one.alert.name,
                service=one.alert.service,
                environment=one.alert.environment,
                is_firing=one.alert.is_firing,
                why=one.why,
                decision=None if one.decision is None else _decision(one.decision),
            )
            for one in explanation.alerts
        ],
        refusals=[UnusableJson(alert=number, why=why) for number, why in explanation.unusable],
        not_for_rollback=explanation.not_for_rollback,
        truncated=explanation.truncated,
    )


def _members(row: Rollback) -> dict[str, Any]:
    decided = () if row.decision is None else row.decision.going
    return {
        "id": row.id,
        "state": row.state,
        "is_open": row.state.is_open,
        "level": row.level,
        "environment": row.environment,
        "unit": row.unit,
        "service": row.service,
        "alert_name": None if row.alert is None else row.alert.name,
        "actor": row.actor,
        "reason": row.reason,
        "wanted_target": row.wanted_target,
        "dry_run": row.dry_run,
        "why": why_of(row),
        # What is written down wins over what was only decided.
        "going": [_going(one) for one in row.going or decided],
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "approved_by": row.approved_by,
        "cancel_by": row.cancel_by,
        "settle_until": row.settle_until,
        "expires_at": row.expires_at,
        "outcome": row.outcome,
        "resolved_at": row.resolved_at,
        "repeats": row.repeats,
    }


def why_of(row: Rollback) -> str:
    """Why it stands as it does: one sentence for a person."""
    if row.outcome_why or row.state in _ENDED_BEFORE:
        return row.outcome_why or _ENDED_BEFORE[row.state]
    return "Not judged yet." if row.decision is None else row.decision.why


def _running(running: Running) -> RunningJson:
    return RunningJson(**_members(running.rollback), steps=_steps(running.steps))


def _decision(decision: Decision) -> DecisionJson:
    return DecisionJson(
        verdict=decision.verdict,
        why=decision.why,
        proposal=decision.proposal,
        going=[_going(one) for one in decision.going],
        trace=[
            GuardJson(
                guard=answer.guard,
                result=answer.result,
                hard=answer.hard,
                why=answer.why,
                inputs=dict(answer.inputs),
            )
            for answer in decision.trace
        ],
    )


def _going(going: Going) -> GoingJson:
    return GoingJson(
        service=going.service,
        bad=_release(going.bad),
        target=_release(going.target),
        bad_deployment=going.bad_deployment,
    )


def _release(release: Release) -> ReleaseJson:
    return ReleaseJson(
        service=release.service,
        environment=release.environment,
        commit=release.commit,
        version=release.version,
        platform_id=release.platform_id,
        shown=release.shown,
    )


def _alert(alert: RollbackAlert) -> AlertJson:
    return AlertJson(
        name=alert.name,
        fingerprint=alert.fingerprint,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
    )


def _steps(steps: Sequence[Step]) -> list[StepJson]:
    return [
        StepJson(
            number=step.number,
            kind=step.kind,
            name=step.name,
            state=step.state,
            started_at=step.started_at,
            ended_at=step.ended_at,
            detail=step.detail,
            output=step.output,
        )
        for step in steps
    ]


def _transition(transition: Transition) -> TransitionJson:
    return TransitionJson(
        at=transition.at,
        before=transition.before,
        after=transition.after,
        by=transition.by,
        why=transition.why,
    )
