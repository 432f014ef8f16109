"""What follows from a decision: the move of a rollback that is not running yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.model.words import Level, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.policy.rules import UnitRules

__all__ = ["Move", "next_move"]

_NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Move:
    """To `after`, with changes of the row's fields. PREPARING is reached by `Journal.begin` only."""

    after: State
    why: str
    changes: Mapping[str, Any] = field(default_factory=lambda: _NO_CHANGES)


def next_move(rollback: Rollback, decision: Decision, now: float, rules: UnitRules | None) -> Move:
    """The move of a rollback in RECEIVED, SETTLING or AWAITING_APPROVAL; always one that its state allows.

    `now` is in Unix seconds; `rules` None: its service is not configured, and the decision is a denial.
    """
    # What it was about first stays: a release may get more names meanwhile, and the policy knows them.
    bad = rollback.first_bad or tuple(going.bad.key for going in decision.going)
    if rules is None or decision.verdict is Verdict.DENY:
        return _denied(decision.why)
    if decision.verdict is Verdict.SUPERSEDED:
        return Move(State.SUPERSEDED, decision.why)
    if decision.verdict is Verdict.DRY_RUN:
        if rollback.state is State.AWAITING_APPROVAL:
            return _denied("The mode is dry-run now: nothing is done.")
        return Move(State.DRY_RUN, decision.why, {"approved_by": None})
    if decision.verdict is Verdict.ASK:
        if rollback.state is State.AWAITING_APPROVAL:
            return _denied(f"The approval by {rollback.approved_by} does not suffice: {decision.why}")
        return Move(
            State.AWAITING_APPROVAL,
            decision.why,
            {"expires_at": now + rules.approval_ttl_s, "first_bad": bad, "approved_by": None},
        )
    if not decision.going:
        return _denied("Nobody can say which release is to be taken back.")
    if rollback.state is State.SETTLING:
        return Move(State.PREPARING, decision.why, {"going": decision.going})
    is_awaited = rollback.level is Level.AUTOMATIC and rollback.state is State.RECEIVED
    settle_until = now + rules.settle_s if is_awaited else now
    return Move(State.SETTLING, decision.why, {"settle_until": settle_until, "first_bad": bad})


def _denied(why: str) -> Move:
    # An approval is for what the person saw: if the same incident is asked again, so are they.
    return Move(State.DENIED, why, {"approved_by": None})
