"""Carries a running rollback out, step by step, each written down before it is taken.

What comes next is asked of `resume_point` after every step, so that a handler that takes the row over after a
crash goes the same way as the one that began.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.held import RowChanged
from rollwatch.rollback.model.words import State, StepKind, StepState
from rollwatch.rollback.resume import (
    BeginExecution,
    BeginVerification,
    Check,
    CloseInterrupted,
    End,
    Execute,
    Finish,
    RunHook,
    is_untouched,
    resume_point,
)
from rollwatch.rollback.steps.check import run_check
from rollwatch.rollback.steps.ended import Ended
from rollwatch.rollback.steps.execution import Executor
from rollwatch.rollback.steps.hook import run_hook
from rollwatch.rollback.steps.last_look import another_release, no_longer_firing
from rollwatch.rollback.steps.recovery import recover
from rollwatch.rollback.steps.told import Told
from rollwatch.rollback.steps.verification import verify
from rollwatch.rollback.strategies.strategy import PlatformFailed
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.clock import Clock
    from rollwatch.rollback.held import Held
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.record import Step
    from rollwatch.rollback.observer import Observer
    from rollwatch.rollback.plan import Plans, ServicePlan, UnitPlan
    from rollwatch.rollback.ports import Events, Evidence
    from rollwatch.rollback.resume import Action
    from rollwatch.rollback.steps.last_look import Objection
    from rollwatch.rollback.steps.proposal import Proposer
    from rollwatch.rollback.tempo import Tempo

__all__ = ["Runner", "Tools"]

Work: TypeAlias = Callable[["Step"], Awaitable[Ended]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What steps work with."""

    journal: Journal
    evidence: Evidence
    events: Events
    observer: Observer
    proposer: Proposer
    clock: Clock
    tempo: Tempo
    environ: Mapping[str, str]
    """The handler's own environment; programs get only what is allowed of it."""


class Runner:
    """Holds no state of its own: all of it is in the journal."""

    def __init__(self, plans: Plans, tools: Tools) -> None:
        self._plans = plans
        self._tools = tools
        self._executor = Executor(tools.journal, tools.clock, tools.tempo, tools.evidence)

    async def run(self, held: Held) -> None:
        """Until the row is over. Raises LostLease, JournalFailed, Leaving."""
        # The plan as it is now, for all of it: a reload changes nothing that has begun.
        plan = self._plans.of(held.row.environment, held.row.service)
        while held.row.state.is_running:
            try:
                if held.row.state is State.PREPARING:
                    await held.refresh()
                steps = await self._tools.journal.steps(held.row.id)
                await self._take(held, plan, steps, resume_point(held.row, steps, plan))
            except RowChanged:
                continue

    async def _take(self, held: Held, plan: UnitPlan | None, steps: Sequence[Step], action: Action) -> None:
        match action:
            case Finish():
                await self._finish(held, action)
            case End(outcome, why):
                if is_untouched(steps):
                    await held.drop_claims()
                await held.move(outcome, why, outcome_why=why)
            case CloseInterrupted(step, why):
                await self._close(held, step, Ended(StepState.UNKNOWN, f"It was {why}."))
            case BeginExecution():
                await held.move(State.EXECUTING, "All hooks before the rollback are done.")
            case BeginVerification():
                await held.move(State.VERIFYING, "The strategy has finished.")
            case RunHook() | Execute() | Check() if plan is None:
                raise AssertionError("without a plan there is nothing to run")
            case RunHook(hook, kind):
                service = plan.services[hook.going.service]
                told = Told.of(held.row, kind, hook.going)
                await self._step(
                    held,
                    kind,
                    hook.name,
                    lambda _: run_hook(
                        hook.spec, told, directory=service.directory, environ=self._tools.environ
                    ),
                )
            case Execute():
                await self._execute(held, plan, steps, action)
            case Check(kind, going):
                work = self._check(held, plan.services[going.service], steps, kind, going)
                # Looking changes nothing outside, and begins anew.
                is_fragile = kind not in {StepKind.VERIFY, StepKind.RECOVERY}
                await self._step(held, kind, going.service, work, is_fragile=is_fragile)

    async def _step(
        self, held: Held, kind: StepKind, name: str, work: Work, *, is_fragile: bool = True
    ) -> None:
        step = await held.start(kind, name)
        held.is_fragile = is_fragile
        try:
            await self._close(held, step, await work(step))
        finally:
            held.is_fragile = False

    async def _close(self, held: Held, step: Step, ended: Ended) -> None:
        await held.end(step, ended)
        service = step.name.partition("/")[0]
        self._tools.observer.step_done(
            step.kind, service, ended.state, max(0.0, self._tools.clock.wall() - step.started_at)
        )

    async def _finish(self, held: Held, finish: Finish) -> None:
        await held.move(State.FINISHING, finish.why, outcome=finish.outcome, outcome_why=finish.why)
        if finish.call is not None:
            held.needs_person(finish.call)

    async def _execute(self, held: Held, plan: UnitPlan, steps: Sequence[Step], action: Execute) -> None:
        going = action.going
        service = plan.services[going.service]

        async def objection() -> Objection | None:
            """At the first service the alert counts; one decision is for the whole unit."""
            found = await another_release(held.row, going, service, self._tools.journal)
            if found is None and is_untouched([one for one in steps if one is not action.interrupted]):
                found = await no_longer_firing(held.row, self._tools.evidence)
            return found

        if action.interrupted is not None:
            await self._reconcile(held, going, service, action.interrupted, objection)
            return
        found = await objection()
        if found is not None:
            await self._finish(held, _without(found, going, is_first=action.is_first))
            return
        await self._step(
            held,
            StepKind.EXECUTE,
            going.service,
            lambda step: self._executor.execute(held, going, service, step),
        )

    async def _reconcile(
        self,
        held: Held,
        going: Going,
        service: ServicePlan,
        step: Step,
        objection: Callable[[], Awaitable[Objection | None]],
    ) -> None:
        async def against() -> str | None:
            found = await objection()
            return None if found is None else found.why

        held.is_fragile = True
        try:
            ended = await self._executor.reconcile(held, going, service, step, against)
            await self._close(held, step, ended)
        finally:
            held.is_fragile = False

    def _check(
        self, held: Held, service: ServicePlan, steps: Sequence[Step], kind: StepKind, going: Going
    ) -> Work:
        tools, spec = self._tools, service.spec
        told = Told.of(held.row, kind, going)

        async def work(_: Step) -> Ended:
            match kind:
                case StepKind.VERIFY:
                    return await verify(
                        going,
                        spec.verify,
                        put=await self._executor.put(held, going),
                        ordered_at=_ordered_at(steps, going, tools.clock.wall()),
                        deployed_at=_deployed_at(steps, going, tools.clock.wall()),
                        evidence=tools.evidence,
                        strategy=service.strategy,
                        pace=tools.tempo.pace,
                    )
                case StepKind.RECOVERY if held.row.alert is not None:
                    return await recover(
                        held.row.alert,
                        within_s=spec.verify.recovery * tools.tempo.pace,
                        every_s=tools.tempo.ask_again_s,
                        evidence=tools.evidence,
                        clock=tools.clock,
                    )
                case StepKind.SMOKE if spec.smoke is not None:
                    return await run_check(
                        spec.smoke, told, directory=service.directory, environ=tools.environ
                    )
                case StepKind.INTEGRITY if spec.integrity is not None:
                    return await run_check(
                        spec.integrity, told, directory=service.directory, environ=tools.environ
                    )
                case StepKind.PROPOSE:
                    return await self._propose(held, service, going)
                case _:
                    raise AssertionError(f"{kind} is not configured")

        return work

    async def _propose(self, held: Held, service: ServicePlan, going: Going) -> Ended:
        spec = service.spec.pull_request
        if spec is None:
            raise AssertionError("not configured")
        try:
            proposal = await self._tools.proposer.propose(spec, going.bad, held.row.id)
        except (PlatformFailed, SecretUnavailable) as failure:
            return Ended.failed(sentence(f"{failure}"))
        if proposal.url is None:
            return Ended(StepState.SKIPPED, sentence(proposal.why))
        self._tools.events.proposed(held.row, proposal.url)
        return Ended.done(sentence(f"{proposal.why}: {proposal.url}"))


def _without(objection: Objection, going: Going, *, is_first: bool) -> Finish:
    """The end of a rollback whose order is not given."""
    if is_first:
        why = f"Nothing was changed: {objection.why}."
        return Finish(objection.outcome, why, why if objection.needs_person else None)
    why = f"{going.service} was not taken back, others of its unit were: {objection.why}."
    return Finish(State.FAILED, why)


def _ordered_at(steps: Sequence[Step], going: Going, now: float) -> float:
    """When the order was given."""
    begun = [
        step.started_at for step in steps if step.kind is StepKind.EXECUTE and step.name == going.service
    ]
    return begun[-1] if begun else now


def _deployed_at(steps: Sequence[Step], going: Going, now: float) -> float:
    """When the rollback itself had ended: what a probe saw before is of the bad release."""
    ends = [
        step.ended_at
        for step in steps
        if step.kind is StepKind.EXECUTE and step.name == going.service and step.ended_at is not None
    ]
    return ends[-1] if ends else now
