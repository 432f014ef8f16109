"""Judges a rollback that is not running: gathers facts, asks the policy, writes the decision down, moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import structlog

from rollwatch.rollback.model.decision import GuardAnswer
from rollwatch.rollback.model.words import GuardResult, State, Verdict
from rollwatch.rollback.next_move import next_move
from rollwatch.rollback.policy.facts import Facts, Question
from rollwatch.rollback.policy.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.rollback.held import Held
    from rollwatch.rollback.journal_port import Busy
    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.observer import Observer
    from rollwatch.rollback.plan import Plans
    from rollwatch.rollback.policy.rules import UnitRules

__all__ = ["Decide", "FactsOf", "Judge", "question_of"]

_log = structlog.get_logger(__name__)

Decide: TypeAlias = "Callable[[Question, Facts, UnitRules | None], Decision]"


class FactsOf(Protocol):
    """Gathers what the policy needs to know; what can't be learnt is Unanswered. Raises JournalFailed."""

    async def facts(self, question: Question, rules: UnitRules) -> Facts: ...


class Judge:
    """Holds no state of its own."""

    def __init__(
        self, gatherer: FactsOf, decide: Decide, plans: Plans, clock: Clock, observer: Observer
    ) -> None:
        self._gatherer = gatherer
        self._decide = decide
        self._plans = plans
        self._clock = clock
        self._observer = observer

    async def judge(self, held: Held) -> None:
        """One move of a row in RECEIVED, SETTLING or AWAITING_APPROVAL.

        Raises RowChanged, LostLease, JournalFailed.
        """
        row = held.row
        if row.state is State.AWAITING_APPROVAL and row.approved_by is None:
            await held.move(State.EXPIRED, "Nobody approved it in time.")
            held.needs_person("Nobody approved the rollback in time.")
            return
        began = self._clock.monotonic()
        plan = self._plans.of(row.environment, row.service)
        rules = None if plan is None else plan.rules
        question = question_of(row)
        if rules is None:
            facts = Facts(now=self._clock.wall(), deployments={})
        else:
            facts = await self._gatherer.facts(question, rules)
        decision = self._decide(question, facts, rules)
        self._observer.judged(row.service, row.environment, decision, self._clock.monotonic() - began)
        await self._follow(held, decision, rules, facts.now)

    async def _follow(self, held: Held, decision: Decision, rules: UnitRules | None, asked_at: float) -> None:
        row = held.row
        now = self._clock.wall()
        # What came while the answers were gathered is not in them: the last look must find it new.
        asked = {"decision": decision, "asked": row.asked + 1, "last_asked_at": asked_at}
        move = next_move(row, decision, now, rules)
        _log.info(
            "rollback_judged",
            rollback=row.id,
            service=row.service,
            verdict=decision.verdict.value,
            unmet=[answer.guard for answer in decision.unmet],
            asked=row.asked + 1,
        )
        if move.after is not State.PREPARING:
            await held.move(move.after, move.why, **asked, **move.changes)
            return
        # What will be done, and why, is in the journal before the flight begins.
        await held.move(row.state, move.why, **asked, **move.changes)
        busy = await held.begin(move.why)
        if busy is not None:
            refused = _refused(decision, busy)
            await held.move(State.DENIED, refused.why, decision=refused, going=(), approved_by=None)


def question_of(row: Rollback) -> Question:
    """What the policy is asked about a row."""
    return Question(
        level=row.level,
        environment=row.environment,
        service=row.service,
        alert=row.alert,
        first_asked_at=row.created_at if row.asked else None,
        is_asked_anew=row.asked > 0 and row.state is State.RECEIVED,
        expected=row.first_bad,
        approved=row.approved_by is not None,
        wanted_target=row.wanted_target,
        dry_run=row.dry_run,
        rollback_id=row.id,
    )


def _refused(decision: Decision, busy: Busy) -> Decision:
    """The journal has the last word: between the facts and the begin another rollback was faster."""
    if busy.is_running:
        guard = Guard.SINGLE_FLIGHT
        why = f"Another rollback of {busy.service} is running: this one joins {busy.rollback_id}."
    else:
        guard = Guard.NEVER_TWICE
        why = f"This release of {busy.service} was taken back once before, by {busy.rollback_id}."
    answer = GuardAnswer(
        guard,
        GuardResult.FAIL,
        why,
        hard=guard.is_hard,
        inputs={"service": busy.service, "rollback_id": busy.rollback_id},
    )
    return replace(decision, verdict=Verdict.DENY, why=why, trace=(*decision.trace, answer))
