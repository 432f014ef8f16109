"""Where a running rollback goes on, by what the journal holds of it: fresh, or after a crash at any point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rollwatch.config.rollback import ServiceRollbackSpec
from rollwatch.config.secrets import SecretStore
from rollwatch.rollback.model.alert import RollbackAlert
from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.record import Rollback, Step
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import Level, Mode, State, StepKind, StepState
from rollwatch.rollback.plan import ServicePlan, UnitPlan
from rollwatch.rollback.policy.rules import UnitRules
from rollwatch.rollback.resume import (
    BeginExecution,
    BeginVerification,
    Check,
    CloseInterrupted,
    End,
    Execute,
    Finish,
    RunHook,
    resume_point,
)
from support.rollback_fakes import FakeStrategy, Ledger

K, S = StepKind, StepState


def going(service: str) -> Going:
    bad, target = (Release(service, "production", commit=mark * 40) for mark in "ba")
    return Going(service, bad, target, f"d-{service}")


API, WEB = going("api"), going("web")


def plan(**more: Any) -> UnitPlan:
    """Both services with every step there is, unless said otherwise."""
    hook = {"run": ["true"]}
    said = {
        "strategy": "command",
        "triggers": ["A"],
        "command": {"run": ["true"]},
        "before": [{"name": "save", **hook, "repeatable": True}, {"name": "drain", **hook}],
        "after": [{"name": "restore", **hook}],
        "smoke": hook,
        "integrity": hook,
        **more,
    }
    spec = ServiceRollbackSpec.model_validate(
        said, context={"secrets": SecretStore(Path(), {"T": "a token"})}
    )
    one = ServicePlan(spec, FakeStrategy(Ledger(Path("unused"))), Path())
    return UnitPlan(UnitRules("api", "production", ("api", "web"), Mode.AUTO), {"api": one, "web": one})


def row(state: State, *, services: tuple[Going, ...] = (API,), **changes: Any) -> Rollback:
    alert = RollbackAlert("00", 1.0, is_firing=True)
    row = Rollback(
        "rb-1", 9, state, Level.AUTOMATIC, "production", "api", "api", 1.0, 2.0, alert=alert, going=services
    )
    for name, value in changes.items():
        object.__setattr__(row, name, value)
    return row


def steps(*said: tuple[StepKind, str, StepState]) -> list[Step]:
    return [
        Step("rb-1", number, kind, name, state, 10.0 * number, detail=f"Step {number}.")
        for number, (kind, name, state) in enumerate(said, 1)
    ]


SAVED = (K.HOOK_BEFORE, "api/save", S.DONE)
DRAINED = (K.HOOK_BEFORE, "api/drain", S.DONE)
EXECUTED = (K.EXECUTE, "api", S.DONE)
VERIFIED = (K.VERIFY, "api", S.DONE)
RECOVERED = (K.RECOVERY, "api", S.DONE)


def shown(action: object) -> str:
    """One word or two for what is next."""
    match action:
        case RunHook(hook, _):
            return f"hook {hook.name}"
        case CloseInterrupted(step, _):
            return f"close {step.number}"
        case Execute(one, interrupted, is_first):
            asks = f" after {interrupted.number}" if interrupted else ""
            return f"execute {one.service}{asks}{' first' if is_first else ''}"
        case Check(kind, one):
            return f"{kind} {one.service}"
        case Finish(outcome, _):
            return f"finish {outcome}"
        case End(outcome, _):
            return f"end {outcome}"
        case BeginExecution():
            return "begin execution"
        case BeginVerification():
            return "begin verification"
    raise AssertionError(action)


def test_recovery_is_asked_for_where_another_service_of_the_unit_was_to_blame() -> None:
    """api fires, and web alone goes back: whether api's alert is over is what counts."""
    done = steps((K.EXECUTE, "web", S.DONE), (K.VERIFY, "web", S.DONE))

    assert shown(resume_point(row(State.VERIFYING, services=(WEB,)), done, plan())) == "recovery web"


@pytest.mark.parametrize(
    ("state", "said", "what"),
    [
        # Hooks before: in order, each once.
        (State.PREPARING, [], "hook api/save"),
        (State.PREPARING, [SAVED], "hook api/drain"),
        (State.PREPARING, [SAVED, DRAINED], "begin execution"),
        (State.PREPARING, [SAVED, (K.HOOK_BEFORE, "api/drain", S.FAILED)], "finish failed"),
        (State.PREPARING, [SAVED, (K.HOOK_BEFORE, "api/drain", S.TIMED_OUT)], "finish failed"),
        # Killed in a hook: again only if it may be.
        (State.PREPARING, [(K.HOOK_BEFORE, "api/save", S.STARTED)], "close 1"),
        (State.PREPARING, [(K.HOOK_BEFORE, "api/save", S.UNKNOWN)], "hook api/save"),
        (State.PREPARING, [SAVED, (K.HOOK_BEFORE, "api/drain", S.STARTED)], "close 2"),
        (State.PREPARING, [SAVED, (K.HOOK_BEFORE, "api/drain", S.UNKNOWN)], "finish failed"),
        # The order: given once; one that was interrupted is looked into.
        (State.EXECUTING, [SAVED, DRAINED], "execute api first"),
        (State.EXECUTING, [(K.EXECUTE, "api", S.STARTED)], "execute api after 1"),
        (State.EXECUTING, [EXECUTED], "begin verification"),
        (State.EXECUTING, [(K.EXECUTE, "api", S.SKIPPED)], "finish failed"),
        (State.EXECUTING, [(K.EXECUTE, "api", S.FAILED)], "finish failed"),
        (State.EXECUTING, [(K.EXECUTE, "api", S.TIMED_OUT)], "finish timed_out"),
        (State.EXECUTING, [(K.EXECUTE, "api", S.UNKNOWN)], "finish unknown"),
        # Looking afterwards: in order, and from the start after a crash.
        (State.VERIFYING, [EXECUTED], "verify api"),
        (State.VERIFYING, [EXECUTED, (K.VERIFY, "api", S.STARTED)], "close 2"),
        (State.VERIFYING, [EXECUTED, (K.VERIFY, "api", S.UNKNOWN)], "verify api"),
        (State.VERIFYING, [EXECUTED, *[(K.VERIFY, "api", S.UNKNOWN)] * 10], "finish failed"),
        (State.VERIFYING, [EXECUTED, (K.VERIFY, "api", S.FAILED)], "finish failed"),
        (State.VERIFYING, [EXECUTED, VERIFIED], "recovery api"),
        (State.VERIFYING, [EXECUTED, VERIFIED, RECOVERED], "smoke api"),
        (State.VERIFYING, [EXECUTED, VERIFIED, RECOVERED, (K.SMOKE, "api", S.TIMED_OUT)], "finish failed"),
        (State.VERIFYING, [EXECUTED, VERIFIED, RECOVERED, (K.SMOKE, "api", S.DONE)], "integrity api"),
        # Hooks after: whatever came before, and their failure ends nothing.
        (State.FINISHING, [EXECUTED], "hook api/restore"),
        (State.FINISHING, [(K.EXECUTE, "api", S.STARTED)], "close 1"),
        (State.FINISHING, [(K.HOOK_AFTER, "api/restore", S.STARTED)], "close 1"),
        (State.FINISHING, [(K.HOOK_AFTER, "api/restore", S.UNKNOWN)], "end failed"),
        (State.FINISHING, [(K.HOOK_AFTER, "api/restore", S.FAILED)], "end failed"),
        (State.FINISHING, [(K.HOOK_AFTER, "api/restore", S.DONE)], "end failed"),
    ],
)
def test_the_journal_alone_says_what_is_next(
    state: State, said: list[tuple[StepKind, str, StepState]], what: str
) -> None:
    rollback = row(state, outcome=State.FAILED if state is State.FINISHING else None)
    assert shown(resume_point(rollback, steps(*said), plan())) == what


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ([], "execute api first"),
        ([EXECUTED], "execute web"),
        ([EXECUTED, (K.EXECUTE, "web", S.FAILED)], "finish failed"),
        ([(K.EXECUTE, "api", S.FAILED)], "finish failed"),
        ([EXECUTED, (K.EXECUTE, "web", S.DONE)], "begin verification"),
    ],
)
def test_a_unit_goes_back_service_by_service_and_stops_at_the_first_that_does_not(
    said: list[tuple[StepKind, str, StepState]], what: str
) -> None:
    assert shown(resume_point(row(State.EXECUTING, services=(API, WEB)), steps(*said), plan())) == what


def test_what_failed_half_way_names_what_was_taken_back() -> None:
    said = steps(EXECUTED, (K.EXECUTE, "web", S.FAILED))
    action = resume_point(row(State.EXECUTING, services=(API, WEB)), said, plan())
    assert isinstance(action, Finish)
    assert action.why == "web: Step 2. Already taken back: api."


def test_cancelled_while_preparing_ends_before_the_next_hook() -> None:
    action = resume_point(row(State.PREPARING, cancel_by="anna"), steps(SAVED), plan())
    assert action == Finish(State.CANCELLED, "Cancelled by anna before anything was changed.")


def test_a_hook_that_is_not_required_stops_nothing_and_is_told_at_the_end() -> None:
    easy = plan(before=[{"name": "drain", "run": ["true"], "required": False}])
    said = steps((K.HOOK_BEFORE, "api/drain", S.FAILED))
    assert shown(resume_point(row(State.PREPARING), said, easy)) == "begin execution"
    said += steps((K.HOOK_AFTER, "api/restore", S.TIMED_OUT))
    rollback = row(State.FINISHING, outcome=State.SUCCEEDED, outcome_why="api runs 1.4.1 again.")
    assert resume_point(rollback, said, easy) == End(
        State.SUCCEEDED,
        "api runs 1.4.1 again. Warning: the hook api/drain failed. "
        "Warning: the hook api/restore did not finish in time.",
    )


@pytest.mark.parametrize(
    ("state", "said", "what"),
    [
        (State.PREPARING, [], "finish failed"),
        (State.EXECUTING, [], "finish failed"),
        (State.EXECUTING, [(K.EXECUTE, "api", S.STARTED)], "finish unknown"),
        (State.VERIFYING, [EXECUTED], "finish failed"),
        (State.FINISHING, [EXECUTED], "end succeeded"),
    ],
)
def test_a_service_that_is_configured_no_more_still_ends(
    state: State, said: list[tuple[StepKind, str, StepState]], what: str
) -> None:
    rollback = row(state, outcome=State.SUCCEEDED if state is State.FINISHING else None)
    assert shown(resume_point(rollback, steps(*said), None)) == what


def test_without_an_alert_nobody_is_asked_about_recovery() -> None:
    by_hand = row(State.VERIFYING, alert=None, level=Level.MANUAL)
    assert shown(resume_point(by_hand, steps(EXECUTED, VERIFIED), plan())) == "smoke api"


@pytest.mark.parametrize(
    ("last", "what"),
    [([], "propose api"), ([S.FAILED], "finish succeeded"), ([S.SKIPPED], "finish succeeded")],
)
def test_a_pull_request_comes_last_and_changes_no_outcome(last: list[StepState], what: str) -> None:
    proposing = plan(
        smoke=None,
        integrity=None,
        pull_request={"token": "${env:T}", "repository": "acme/api"},
    )
    said = steps(EXECUTED, VERIFIED, RECOVERED, *((K.PROPOSE, "api", state) for state in last))
    assert shown(resume_point(row(State.VERIFYING), said, proposing)) == what
