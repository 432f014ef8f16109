"""What a running rollback does next. Pure: the journal decides, so that a crash changes nothing.

The runner asks after each step, and a handler that takes a row over asks the same: a step that the journal
has as started is, for whoever asks, one that was interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rollwatch.rollback.model.words import State, StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.record import Rollback, Step
    from rollwatch.rollback.plan import PlannedHook, UnitPlan

__all__ = [
    "Action",
    "BeginExecution",
    "BeginVerification",
    "Check",
    "CloseInterrupted",
    "End",
    "Execute",
    "Finish",
    "RunHook",
    "is_untouched",
    "resume_point",
]

_INTERRUPTED_MAX = 10
"""A step that was interrupted so often is what kills the handler: it counts as failed."""


@dataclass(frozen=True, slots=True)
class RunHook:
    """Run a hook."""

    hook: PlannedHook
    kind: StepKind


@dataclass(frozen=True, slots=True)
class CloseInterrupted:
    """Nobody works on this step any more: it ends as UNKNOWN."""

    step: Step
    why: str


@dataclass(frozen=True, slots=True)
class BeginExecution:
    """All hooks before are done: EXECUTING."""


@dataclass(frozen=True, slots=True)
class Execute:
    """Take one service back; or, where `interrupted` is a step, ask what became of it."""

    going: Going
    interrupted: Step | None = None
    is_first: bool = False
    """Nothing was touched yet: it may still be left."""


@dataclass(frozen=True, slots=True)
class BeginVerification:
    """All services were taken back: VERIFYING."""


@dataclass(frozen=True, slots=True)
class Check:
    """One of VERIFY, RECOVERY, SMOKE, INTEGRITY, PROPOSE, for one service."""

    kind: StepKind
    going: Going


@dataclass(frozen=True, slots=True)
class Finish:
    """FINISHING, with the outcome."""

    outcome: State
    why: str
    call: str | None = None
    """What a person must look at, where the outcome itself does not say so."""


@dataclass(frozen=True, slots=True)
class End:
    """The outcome becomes the state."""

    outcome: State
    why: str


Action: TypeAlias = (
    RunHook | CloseInterrupted | BeginExecution | Execute | BeginVerification | Check | Finish | End
)

_BY_STEP = {
    StepState.FAILED: State.FAILED,
    StepState.SKIPPED: State.FAILED,
    StepState.TIMED_OUT: State.TIMED_OUT,
    StepState.UNKNOWN: State.UNKNOWN,
}
_FAILED = frozenset({StepState.FAILED, StepState.TIMED_OUT})
_HOOKS = frozenset({StepKind.HOOK_BEFORE, StepKind.HOOK_AFTER})
_WORDS = {
    StepKind.VERIFY: "is not healthy after the rollback",
    StepKind.RECOVERY: "has not recovered",
    StepKind.SMOKE: "failed its smoke test",
    StepKind.INTEGRITY: "failed its integrity check",
}


def is_untouched(steps: Sequence[Step]) -> bool:
    """Whether nothing was executed, for certain."""
    return all(step.state is StepState.SKIPPED for step in steps if step.kind is StepKind.EXECUTE)


def resume_point(rollback: Rollback, steps: Sequence[Step], plan: UnitPlan | None) -> Action:
    """The next action of a running rollback. `plan` None: its service is not configured any more."""
    match rollback.state:
        case State.PREPARING:
            return _preparing(rollback, steps, plan)
        case State.EXECUTING:
            return _executing(rollback, steps, plan)
        case State.VERIFYING:
            return _verifying(rollback, steps, plan)
        case State.FINISHING:
            return _finishing(rollback, steps, plan)
        case _:
            raise AssertionError(f"{rollback.state} is no state of a running rollback")


def _preparing(rollback: Rollback, steps: Sequence[Step], plan: UnitPlan | None) -> Action:
    if rollback.cancel_by is not None:
        return Finish(State.CANCELLED, f"Cancelled by {rollback.cancel_by} before anything was changed.")
    missing = _not_configured(rollback, plan)
    if plan is None or missing:
        return Finish(State.FAILED, f"Nothing was changed: {missing}.")
    for hook in plan.hooks(rollback.going, before=True):
        step = _latest(steps, StepKind.HOOK_BEFORE, hook.name)
        action = _hook(steps, step, hook, StepKind.HOOK_BEFORE)
        if action is not None:
            return action
        if step is not None and step.state is not StepState.DONE and hook.spec.required:
            return Finish(
                State.FAILED,
                f"Nothing was changed: the hook {hook.name} {_ending(step)}. {step.detail}".strip(),
            )
    return BeginExecution()


def _executing(rollback: Rollback, steps: Sequence[Step], plan: UnitPlan | None) -> Action:
    back: list[str] = []
    for going in rollback.going:
        step = _latest(steps, StepKind.EXECUTE, going.service)
        if step is None or step.state is StepState.STARTED:
            if plan is None or going.service not in plan.services:
                outcome = State.UNKNOWN if step is not None else State.FAILED
                return Finish(outcome, f"{_no_way(going.service)}. {_summary(back)}")
            return Execute(going, step, is_first=step is None and is_untouched(steps))
        if step.state is not StepState.DONE:
            what = "Nothing was changed. " if is_untouched(steps) else ""
            why = f"{what}{going.service}: {step.detail} {_summary(back)}".strip()
            return Finish(_BY_STEP[step.state], why)
        back.append(going.service)
    return BeginVerification()


def _verifying(rollback: Rollback, steps: Sequence[Step], plan: UnitPlan | None) -> Action:
    missing = _not_configured(rollback, plan)
    if plan is None or missing:
        return Finish(State.FAILED, f"It was taken back, and can't be verified: {missing}.")
    for check in _checks(rollback, plan):
        name = check.going.service
        tries = [step for step in steps if step.kind is check.kind and step.name == name]
        if not tries:
            return check
        last = tries[-1]
        if last.state is StepState.STARTED:
            return CloseInterrupted(last, "interrupted; it is done again")
        if last.state is StepState.UNKNOWN and len(tries) < _INTERRUPTED_MAX:
            return check
        if last.state not in {StepState.DONE, StepState.SKIPPED} and check.kind is not StepKind.PROPOSE:
            return Finish(
                State.FAILED,
                f"{name} was taken back to {check.going.target.shown} and {_WORDS[check.kind]}: {last.detail}"
                " Nothing older is tried.",
            )
    back = ", ".join(f"{going.service} runs {going.target.shown} again" for going in rollback.going)
    return Finish(State.SUCCEEDED, f"{back}.")


def _finishing(rollback: Rollback, steps: Sequence[Step], plan: UnitPlan | None) -> Action:
    outcome = rollback.outcome or State.UNKNOWN
    left = next(
        (one for one in steps if one.state is StepState.STARTED and one.kind is not StepKind.HOOK_AFTER), None
    )
    if left is not None:
        return CloseInterrupted(left, "interrupted, and not taken up again")
    for hook in () if plan is None else plan.hooks(rollback.going, before=False):
        step = _latest(steps, StepKind.HOOK_AFTER, hook.name)
        action = _hook(steps, step, hook, StepKind.HOOK_AFTER)
        if action is not None:
            return action
    return End(outcome, " ".join([rollback.outcome_why or "", *_warnings(steps)]).strip())


def _hook(
    steps: Sequence[Step], step: Step | None, hook: PlannedHook, kind: StepKind
) -> RunHook | CloseInterrupted | None:
    """None: it is over, one way or the other."""
    if step is None:
        return RunHook(hook, kind)
    if step.state is StepState.STARTED:
        again = "it may be run again" if hook.spec.repeatable else "nobody can say whether it was done"
        return CloseInterrupted(step, f"interrupted; {again}")
    times = sum(one.kind is kind and one.name == hook.name for one in steps)
    if step.state is StepState.UNKNOWN and hook.spec.repeatable and times < _INTERRUPTED_MAX:
        return RunHook(hook, kind)
    return None


def _checks(rollback: Rollback, plan: UnitPlan) -> Iterator[Check]:
    services = plan.services
    going = rollback.going
    yield from (Check(StepKind.VERIFY, one) for one in going)
    # What fired is asked about also where another service of the unit was to blame for it.
    named = next((one for one in going if one.service == rollback.service), going[0])
    if rollback.alert is not None and services[named.service].spec.verify.recovery > 0:
        yield Check(StepKind.RECOVERY, named)
    yield from (Check(StepKind.SMOKE, one) for one in going if services[one.service].spec.smoke)
    yield from (Check(StepKind.INTEGRITY, one) for one in going if services[one.service].spec.integrity)
    yield from (Check(StepKind.PROPOSE, one) for one in going if services[one.service].spec.pull_request)


def _warnings(steps: Sequence[Step]) -> Iterator[str]:
    last = {(step.kind, step.name): step for step in steps}
    for (kind, name), step in last.items():
        if kind is StepKind.PROPOSE:
            yield f"Revert pull request for {name}: {step.detail.removesuffix('.') or _ending(step)}."
        elif kind in _HOOKS and (step.state in _FAILED or step.state is StepState.UNKNOWN):
            yield f"Warning: the hook {name} {_ending(step)}."


def _ending(step: Step) -> str:
    match step.state:
        case StepState.TIMED_OUT:
            return "did not finish in time"
        case StepState.UNKNOWN:
            return "was interrupted"
        case _:
            return "failed"


def _latest(steps: Sequence[Step], kind: StepKind, name: str) -> Step | None:
    return next((step for step in reversed(steps) if step.kind is kind and step.name == name), None)


def _not_configured(rollback: Rollback, plan: UnitPlan | None) -> str:
    services = {} if plan is None else plan.services
    return next((_no_way(one.service) for one in rollback.going if one.service not in services), "")


def _no_way(service: str) -> str:
    return f"the configuration does not say any more how {service} is taken back"


def _summary(back: Sequence[str]) -> str:
    return f"Already taken back: {', '.join(back)}." if back else ""
