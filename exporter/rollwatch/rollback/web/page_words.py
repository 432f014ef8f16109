"""The handler's words for people: states, steps, guards. Each has a tone, a sign and a word."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.rollback.model.words import GuardResult, Level, Mode, State, StepKind, StepState
from rollwatch.rollback.policy.guard import Guard
from rollwatch.serving.page_words import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "GUARD_RESULTS",
    "LEVELS",
    "MODES",
    "STATES",
    "STEPS",
    "STEP_STATES",
    "Badge",
    "block",
    "guard_meaning",
    "spent",
]


class Badge(NamedTuple):
    """`tone` is a class of the style sheet: up, down, unknown, busy, quiet."""

    tone: str
    sign: str
    word: str


STATES: Mapping[State, Badge] = MappingProxyType(
    {
        State.RECEIVED: Badge("busy", "…", "Being judged"),
        State.DENIED: Badge("quiet", "\N{EN DASH}", "Denied"),
        State.DRY_RUN: Badge("quiet", "\N{EN DASH}", "Dry run"),
        State.AWAITING_APPROVAL: Badge("unknown", "!", "Waits for approval"),
        State.EXPIRED: Badge("quiet", "\N{EN DASH}", "Expired"),
        State.SETTLING: Badge("busy", "…", "Settling"),
        State.PREPARING: Badge("busy", "…", "Preparing"),
        State.EXECUTING: Badge("busy", "…", "Executing"),
        State.VERIFYING: Badge("busy", "…", "Verifying"),
        State.FINISHING: Badge("busy", "…", "Finishing"),
        State.SUCCEEDED: Badge("up", "✓", "Succeeded"),
        State.FAILED: Badge("down", "✕", "Failed"),
        State.TIMED_OUT: Badge("down", "✕", "Timed out"),
        State.SUPERSEDED: Badge("quiet", "\N{EN DASH}", "Superseded"),
        State.CANCELLED: Badge("quiet", "\N{EN DASH}", "Cancelled"),
        State.UNKNOWN: Badge("down", "?", "Outcome unknown"),
    }
)
STEPS: Mapping[StepKind, str] = MappingProxyType(
    {
        StepKind.HOOK_BEFORE: "Hook before",
        StepKind.EXECUTE: "Take the release back",
        StepKind.VERIFY: "Verify",
        StepKind.RECOVERY: "Ask Prometheus for recovery",
        StepKind.SMOKE: "Smoke test",
        StepKind.INTEGRITY: "Integrity check",
        StepKind.PROPOSE: "Propose a revert",
        StepKind.HOOK_AFTER: "Hook after",
    }
)
STEP_STATES: Mapping[StepState, Badge] = MappingProxyType(
    {
        StepState.STARTED: Badge("busy", "…", "under way"),
        StepState.DONE: Badge("up", "✓", "done"),
        StepState.FAILED: Badge("down", "✕", "failed"),
        StepState.TIMED_OUT: Badge("down", "✕", "timed out"),
        StepState.SKIPPED: Badge("quiet", "\N{EN DASH}", "skipped"),
        StepState.UNKNOWN: Badge("unknown", "?", "nobody can say"),
    }
)
GUARD_RESULTS: Mapping[GuardResult, Badge] = MappingProxyType(
    {
        GuardResult.PASS: Badge("up", "✓", "met"),
        GuardResult.FAIL: Badge("down", "✗", "not met"),
        GuardResult.UNANSWERED: Badge("unknown", "?", "could not be learnt"),
        GuardResult.SKIPPED: Badge("quiet", "\N{EN DASH}", "not asked"),
    }
)
LEVELS: Mapping[Level, str] = MappingProxyType(
    {Level.AUTOMATIC: "automatic", Level.MANUAL: "manual", Level.EMERGENCY: "emergency"}
)
MODES: Mapping[Mode, tuple[Badge, str]] = MappingProxyType(
    {
        Mode.DRY_RUN: (Badge("quiet", "\N{EN DASH}", "Dry run"), "Only says what it would do."),
        Mode.APPROVE: (Badge("unknown", "!", "Approve"), "A person must approve each rollback."),
        Mode.AUTO: (Badge("up", "✓", "Auto"), "Rolls back by itself."),
    }
)


def guard_meaning(name: str) -> str:
    """What must be so; for a guard of another version of us, its name."""
    return Guard(name).meaning if name in set(Guard) else shown(name, 64)


def spent(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 10 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def block(text: str, *, lines: int = 200, characters: int = 8000) -> str:
    """Remote text of several lines: the end of it, each line fit to be shown."""
    kept = text[-characters:].splitlines()
    cut = len(text) > characters or len(kept) > lines
    said = "\n".join(shown(line, 1000) for line in kept[-lines:])
    return f"…\n{said}" if cut else said
