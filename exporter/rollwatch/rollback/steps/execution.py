"""Takes one service back: gives the order, or asks what became of one that was interrupted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from rollwatch.rollback.model.release import same_version
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, ExecutionResult, StepState
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.steps.ended import Ended
from rollwatch.rollback.strategies.strategy import Execution, Order, PlatformFailed
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.rollback.held import Held
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.record import Step
    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.plan import ServicePlan
    from rollwatch.rollback.policy.facts import Known
    from rollwatch.rollback.ports import Evidence, ServiceNow
    from rollwatch.rollback.tempo import Tempo

__all__ = ["Executor"]

_log = structlog.get_logger(__name__)

_STEP = {
    ExecutionResult.DONE: StepState.DONE,
    ExecutionResult.FAILED: StepState.FAILED,
    ExecutionResult.NOT_DONE: StepState.SKIPPED,
    ExecutionResult.TIMED_OUT: StepState.TIMED_OUT,
    ExecutionResult.UNKNOWN: StepState.UNKNOWN,
}
_DEPLOYMENT = {
    ExecutionResult.DONE: DeploymentState.FINISHED,
    ExecutionResult.FAILED: DeploymentState.FAILED,
    ExecutionResult.NOT_DONE: DeploymentState.FAILED,
}
"""Of the others nobody knows: their deployment stays open, and stops blocking after a while."""
_LOOKED_BACK = 20
_STRATEGY = "strategy"
"""In a memo: which one noted it."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Holds no state of its own."""

    journal: Journal
    clock: Clock
    tempo: Tempo
    evidence: Evidence

    async def execute(self, held: Held, going: Going, plan: ServicePlan, step: Step) -> Ended:
        """Give the order, for the step that was just written down. Raises JournalFailed, LostLease."""
        order = _order(held, going, plan)
        await self._open(held, going)
        execution = await self._bounded(plan.strategy.execute(order, _noting(held, step, plan)), order)
        execution = await self._until_live(held, going, execution, step.started_at + order.deadline_s)
        return await self._close(held, going, execution)

    async def put(self, held: Held, going: Going) -> Release | None:
        """What this rollback put into production, as it was written down; the target, or a revert of its own.

        Raises JournalFailed.
        """
        ours = await self._recorded(held, going)
        return None if ours is None else ours.release

    async def reconcile(
        self,
        held: Held,
        going: Going,
        plan: ServicePlan,
        step: Step,
        against: Callable[[], Awaitable[str | None]],
    ) -> Ended:
        """What became of a step that was interrupted. Where it is proven not to have been begun, the same
        order is given again, if its time is not over and `against` names no reason.

        Raises JournalFailed, LostLease.
        """
        order = _order(held, going, plan)
        until = step.started_at + order.deadline_s
        execution = _begun_otherwise(plan, step) or await self._what_happened(held, plan, order, step, until)
        _log.info(
            "rollback_reconciled", rollback=held.row.id, service=going.service, result=execution.result.value
        )
        if execution.result is not ExecutionResult.NOT_DONE:
            execution = await self._until_live(held, going, execution, until)
            return await self._close(held, going, execution)
        if self.clock.wall() >= until:
            why: str | None = "its time was over"
        else:
            why = await against()
        if why is not None:
            detail = f"Interrupted before it was begun, and not begun again: {why}."
            said = replace(execution, detail=detail)
            return await self._close(held, going, said)
        await self._open(held, going)
        execution = await self._bounded(plan.strategy.execute(order, _noting(held, step, plan)), order)
        execution = await self._until_live(held, going, execution, step.started_at + order.deadline_s)
        return await self._close(held, going, execution)

    async def _until_live(self, held: Held, going: Going, execution: Execution, until: float) -> Execution:
        """What a strategy has pushed is put into production by somebody else: wait until that is reported, or
        the version is the target's. Nobody saying so is not done."""
        made = execution.made
        if execution.result is not ExecutionResult.DONE or made is None:
            return execution
        await self.journal.record_deployment(
            made,
            DeploymentState.STARTED,
            DeploymentSource.ROLLBACK,
            at=self.clock.wall(),
            rollback_id=held.row.id,
        )
        while True:
            said = await self._said_of(made)
            if said is DeploymentState.FAILED:
                why = f"{execution.detail} Its deployment has failed: the bad release may still run."
                return replace(execution, result=ExecutionResult.FAILED, detail=why)
            if said is DeploymentState.FINISHED or _is_seen(
                await self.evidence.service_now(going.service), going
            ):
                return execution
            left = until - self.clock.wall()
            if left <= 0:
                why = f"{execution.detail} Nobody has said that it was deployed: the bad release may run on."
                return replace(execution, result=ExecutionResult.TIMED_OUT, detail=why)
            await asyncio.sleep(min(self.tempo.look_every_s, left))

    async def _said_of(self, made: Release) -> DeploymentState | None:
        """How its deployment ended; CI may have told of it before we could write down that it is ours.

        By its commit: the target's version ran before, and is what the revert will report as well.
        """
        last = await self.journal.deployments(service=made.service, limit=_LOOKED_BACK)
        ended = (one.state for one in last if one.ended_at is not None and one.release.commit == made.commit)
        return next(ended, None)

    async def _what_happened(
        self, held: Held, plan: ServicePlan, order: Order, step: Step, until: float
    ) -> Execution:
        while True:
            try:
                return await self._bounded(
                    plan.strategy.what_happened(order, step.memo, _noting(held, step, plan)),
                    order,
                    is_question=True,
                )
            except PlatformFailed as failure:
                _log.warning("rollback_platform_silent", rollback=held.row.id, why=failure.why)
                left = until - self.clock.wall()
                if left <= 0:
                    return Execution(
                        ExecutionResult.UNKNOWN,
                        f"It was interrupted, and nobody can say what became of it: {failure.why}",
                    )
                await asyncio.sleep(min(max(self.tempo.ask_again_s, failure.retry_after_s or 0.0), left))

    async def _bounded(
        self, call: Awaitable[Execution], order: Order, *, is_question: bool = False
    ) -> Execution:
        """Strategies keep their deadlines; this is for the one that does not."""
        try:
            async with asyncio.timeout(order.deadline_s + self.tempo.grace_s):
                return await call
        except TimeoutError:
            return Execution(ExecutionResult.UNKNOWN, f"No end within {order.deadline_s:g} s.")
        except PlatformFailed as failure:
            if is_question:
                raise
            return Execution(ExecutionResult.UNKNOWN, f"Nobody can say whether it was done: {failure.why}")

    async def _open(self, held: Held, going: Going) -> None:
        if await self._recorded(held, going) is None:
            await self.journal.record_deployment(
                going.target,
                DeploymentState.STARTED,
                DeploymentSource.ROLLBACK,
                at=self.clock.wall(),
                rollback_id=held.row.id,
            )

    async def _close(self, held: Held, going: Going, execution: Execution) -> Ended:
        """Record what became of the deployment, before the step ends: after a crash in between it is asked
        again."""
        state = _DEPLOYMENT.get(execution.result)
        recorded = await self._recorded(held, going)
        is_over = recorded is not None and recorded.state is not DeploymentState.STARTED
        # What was never begun and never recorded is no deployment that failed.
        is_nothing = recorded is None and execution.result is ExecutionResult.NOT_DONE
        if state is not None and not is_over and not is_nothing:
            release = going.target if execution.made is None else execution.made
            if execution.platform_id is not None:
                release = replace(release, platform_id=execution.platform_id)
            await self.journal.record_deployment(
                release,
                state,
                DeploymentSource.ROLLBACK,
                at=self.clock.wall(),
                rollback_id=held.row.id,
            )
        facts = "".join(f" {name}: {value}." for name, value in execution.facts.items())
        return Ended(_STEP[execution.result], sentence(f"{execution.detail}{facts}"), execution.output)

    async def _recorded(self, held: Held, going: Going) -> Deployment | None:
        """This rollback's own deployment of the service, if it is recorded."""
        last = await self.journal.deployments(service=going.service, limit=_LOOKED_BACK)
        return next((one for one in last if one.rollback_id == held.row.id), None)


def _is_seen(now: Known[ServiceNow], going: Going) -> bool:
    """Whether health endpoints report the target's version, where that tells it from the bad one."""
    wanted, bad = going.target.version, going.bad.version
    return (
        not isinstance(now, Unanswered)
        and now.version is not None
        and wanted is not None
        and same_version(now.version, wanted)
        and (bad is None or not same_version(wanted, bad))
    )


def _order(held: Held, going: Going, plan: ServicePlan) -> Order:
    row = held.row
    # The name of an alert is remote text; one that is configured as a trigger is ours as well.
    alert = row.alert.name if row.alert is not None and row.alert.name in plan.spec.triggers else "an alert"
    reason = "a person asked for it" if row.alert is None else f"{alert} fired for {row.service}"
    return Order(
        id=f"{row.id}/{going.service}",
        bad=going.bad,
        target=going.target,
        reason=reason,
        deadline_s=plan.strategy.timeout_s,
    )


def _begun_otherwise(plan: ServicePlan, step: Step) -> Execution | None:
    """What one strategy has noted another one can't read: it would take it for nothing, and begin anew."""
    began, now = step.memo.get(_STRATEGY), plan.strategy.name.value
    if began is None or began == now:
        return None
    why = f"It was begun by strategy {began}, and the configuration says {now} by now: look what runs."
    return Execution(ExecutionResult.UNKNOWN, sentence(why))


def _noting(held: Held, step: Step, plan: ServicePlan) -> Callable[[Mapping[str, Any]], Awaitable[None]]:
    async def note(memo: Mapping[str, Any]) -> None:
        await held.note(step, {**memo, _STRATEGY: plan.strategy.name.value})

    return note
