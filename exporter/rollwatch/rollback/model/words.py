"""Closed vocabularies of the handler: each word is result, log field, label and JSON value alike."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.config.rollback_words import Mode, StrategyName

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "TRANSITIONS",
    "DeploymentSource",
    "DeploymentState",
    "ExecutionResult",
    "GuardResult",
    "Level",
    "Mode",
    "Role",
    "State",
    "StepKind",
    "StepState",
    "StrategyName",
    "Verdict",
]


class State(StrEnum):
    """Where a rollback stands. Written to the journal before what it names is done."""

    RECEIVED = "received"
    """Durably taken, not judged yet."""
    DENIED = "denied"
    DRY_RUN = "dry_run"
    """Would have been done; the mode is dry-run."""
    AWAITING_APPROVAL = "awaiting_approval"
    EXPIRED = "expired"
    """Nobody approved in time."""
    SETTLING = "settling"
    """Decided; waits a moment, then every guard is asked again."""
    PREPARING = "preparing"
    """Hooks before the rollback. Nothing of the production's release is changed yet."""
    EXECUTING = "executing"
    VERIFYING = "verifying"
    FINISHING = "finishing"
    """Hooks after the rollback; `outcome` is set and will be the state."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SUPERSEDED = "superseded"
    """Another release arrived before anything was changed."""
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Nobody can say whether it was done; a person was called."""

    @property
    def is_open(self) -> bool:
        """Whether the handler still has something to do."""
        return self in _OPEN

    @property
    def is_running(self) -> bool:
        """Whether it holds the flight of its services: no other rollback of them may begin."""
        return self in _RUNNING


_RUNNING = frozenset({State.PREPARING, State.EXECUTING, State.VERIFYING, State.FINISHING})
_OPEN = _RUNNING | {State.RECEIVED, State.AWAITING_APPROVAL, State.SETTLING}
_OUTCOMES = frozenset(
    {State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.SUPERSEDED, State.CANCELLED, State.UNKNOWN}
)
_JUDGED = frozenset(
    {State.DENIED, State.DRY_RUN, State.AWAITING_APPROVAL, State.SETTLING, State.SUPERSEDED, State.CANCELLED}
)

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.RECEIVED: _JUDGED,
        # The same alert comes again: it is asked again, since what stood in the way may be gone.
        State.DENIED: frozenset({State.RECEIVED}),
        State.DRY_RUN: frozenset({State.RECEIVED}),
        State.EXPIRED: frozenset({State.RECEIVED}),
        State.AWAITING_APPROVAL: frozenset(
            {State.EXPIRED, State.DENIED, State.SETTLING, State.SUPERSEDED, State.CANCELLED}
        ),
        State.SETTLING: frozenset(
            {
                State.DENIED,
                State.DRY_RUN,
                State.AWAITING_APPROVAL,
                State.PREPARING,
                State.SUPERSEDED,
                State.CANCELLED,
            }
        ),
        State.PREPARING: frozenset({State.EXECUTING, State.FINISHING}),
        State.EXECUTING: frozenset({State.VERIFYING, State.FINISHING}),
        State.VERIFYING: frozenset({State.FINISHING}),
        State.FINISHING: _OUTCOMES,
        **{state: frozenset() for state in _OUTCOMES},
    }
)
"""From each state to those that may follow it; a state without any is final."""


class Level(StrEnum):
    """Who wants it (R1)."""

    AUTOMATIC = "automatic"
    """A rollback alert."""
    MANUAL = "manual"
    """A person or a job; guards about the alert are not asked."""
    EMERGENCY = "emergency"
    """A person who skips every soft guard and the pause, never a hard one."""


class Verdict(StrEnum):
    """What the policy answers."""

    DENY = "deny"
    DRY_RUN = "dry_run"
    ASK = "ask"
    """A person must approve."""
    PROCEED = "proceed"
    SUPERSEDED = "superseded"
    """Not the release any more that was judged first."""


class GuardResult(StrEnum):
    """What one guard answered."""

    PASS = "pass"  # noqa: S105  a word, no secret
    FAIL = "fail"
    UNANSWERED = "unanswered"
    """What it needs to know could not be learnt: counts as FAIL."""
    SKIPPED = "skipped"
    """Not asked: at this level, or since the service is not declared."""


class StepKind(StrEnum):
    """What a step of a running rollback does, in this order."""

    HOOK_BEFORE = "hook_before"
    EXECUTE = "execute"
    VERIFY = "verify"
    """Version really changed, probes healthy K times in a row."""
    RECOVERY = "recovery"
    """Prometheus is asked whether what fired is back to normal."""
    SMOKE = "smoke"
    INTEGRITY = "integrity"
    PROPOSE = "propose"
    """A revert pull request, where the main branch still holds the bad release."""
    HOOK_AFTER = "hook_after"


class StepState(StrEnum):
    """How a step stands."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    """It was interrupted, and nobody can say whether it was done."""


class ExecutionResult(StrEnum):
    """What a strategy says became of an order."""

    DONE = "done"
    """The platform reports the target as running, or has finished the work."""
    FAILED = "failed"
    """It was tried and refused or failed; the bad release still runs, as far as is known."""
    NOT_DONE = "not_done"
    """Proven not to have been begun: only after this may an order be given again."""
    TIMED_OUT = "timed_out"
    """The platform has not finished in time."""
    UNKNOWN = "unknown"
    """Nobody can say."""


class DeploymentState(StrEnum):
    """How a deployment stands."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"


class DeploymentSource(StrEnum):
    """Who told of a deployment."""

    REPORTED = "reported"
    """CI, by POST /api/monitoring/deployments."""
    PLATFORM = "platform"
    """The strategy's platform lists it."""
    HEALTH = "health"
    """The version that a health endpoint reports has changed."""
    ROLLBACK = "rollback"
    """The handler did it."""


class Role(StrEnum):
    """What a token of --web.config.file may do."""

    ALERT = "alert"
    """Deliver alerts; Alertmanager's."""
    DEPLOY = "deploy"
    """Report deployments; CI's."""
    READ = "read"
    TRIGGER = "trigger"
    """Read; trigger, cancel, pause and resume."""
    APPROVE = "approve"
    """What trigger may, and approve."""
