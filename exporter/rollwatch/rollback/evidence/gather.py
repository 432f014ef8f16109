"""Gathers what the policy needs to know, by one deadline; whatever is late is unanswered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from rollwatch.rollback.policy.facts import Facts, Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.selection import select
from rollwatch.rollback.strategies.strategy import PlatformFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal, Past
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.policy.facts import Known, Question
    from rollwatch.rollback.policy.rules import UnitRules
    from rollwatch.rollback.policy.selection import Selection
    from rollwatch.rollback.ports import Evidence
    from rollwatch.rollback.strategies.strategy import Eligibility, Strategy

__all__ = ["Gatherer"]

_T = TypeVar("_T")
Ask: TypeAlias = "Callable[[], Coroutine[Any, Any, Known[_T]]]"
"""A question that is not asked yet: one that nobody comes to ask leaves nothing behind."""
_FIRST_PART = 0.6
"""The share of the deadline for what is running, before what depends on it is asked."""
_ENDING_S = 1.0


class Gatherer:
    """`strategies` is by service. `heard` is told whether a service's platform answered."""

    def __init__(
        self,
        journal: Journal,
        evidence: Evidence,
        strategies: Mapping[str, Strategy],
        clock: Clock,
        *,
        deadline_s: float = 15.0,
        heard: Callable[[str, bool], None] | None = None,
    ) -> None:
        self._journal = journal
        self._evidence = evidence
        self._strategies = strategies
        self._clock = clock
        self._deadline_s = deadline_s
        self._heard = heard

    async def facts(self, question: Question, rules: UnitRules) -> Facts:
        """Everything about the unit, as of now; only what a guard asks at this level. Changes nothing.

        Takes `deadline_s` at most, and what the journal takes. Raises JournalFailed.
        """
        began = asyncio.get_running_loop().time()
        now = self._clock.wall()
        # Nothing of this depends on what the journal says, nor on each other.
        running = asyncio.create_task(
            self._running(question, rules, began + self._deadline_s * _FIRST_PART), name="ask what runs"
        )
        of_alert = asyncio.create_task(
            self._about_alert(question, began + self._deadline_s), name="ask about the alert"
        )
        try:
            past = await self._past(question, rules, now)
            current, reported = await running
            facts = Facts(
                now=now,
                deployments=past.deployments,
                current=current,
                reported=reported,
                claims=past.claims,
                flights=past.flights,
                executions=past.executions,
                breaker_closed_at=past.breaker_closed_at,
                incidents=past.incidents,
                pauses=past.pauses,
                resolved_at=past.resolved_at,
            )
            # A slow journal takes nothing from what is asked after it.
            left_at = asyncio.get_running_loop().time() + self._deadline_s * (1 - _FIRST_PART)
            until = max(began + self._deadline_s, left_at)
            facts = await self._with_answers(question, facts, select(question, facts, rules), until)
            about_alert = await of_alert
        finally:
            running.cancel()
            of_alert.cancel()
            await asyncio.wait({running, of_alert})
        return replace(
            facts,
            still_firing=about_alert.get("still_firing", facts.still_firing),
            silenced=about_alert.get("silenced", facts.silenced),
        )

    async def _past(self, question: Question, rules: UnitRules, now: float) -> Past:
        return await self._journal.past(
            rules.environment,
            rules.services,
            since=now - rules.limit_window_s,
            incidents_since=now - rules.systemic_window_s,
            rollback_id=None if question.alert is None else question.rollback_id,
        )

    async def _running(
        self, question: Question, rules: UnitRules, until: float
    ) -> tuple[Mapping[str, Known[Release | None]], Mapping[str, Known[str | None]]]:
        """What runs, as platforms and health endpoints have it."""
        if not Guard.RELEASE_AGREES.is_asked(question.level):
            return {}, {}
        return await asyncio.gather(
            _answers({name: partial(self._current, name) for name in rules.services}, until, self._late),
            _answers({name: partial(self._reported, name) for name in rules.services}, until),
        )

    async def _about_alert(self, question: Question, until: float) -> Mapping[str, Known[bool]]:
        alert = question.alert
        if alert is None or not Guard.STILL_FIRING.is_asked(question.level):
            return {}
        asked = {
            "still_firing": partial(self._evidence.still_firing, alert),
            "silenced": partial(self._evidence.silenced, alert),
        }
        return await _answers(asked, until)

    async def _with_answers(
        self, question: Question, facts: Facts, selected: Selection, until: float
    ) -> Facts:
        """With what depends on which releases are bad, and on their targets."""
        eligible: dict[str, Ask[Eligibility]] = {}
        if Guard.TARGET_POSSIBLE.is_asked(question.level):
            eligible = {
                going.service: partial(self._eligible, going.service, going.bad, going.target)
                for going in selected.going
            }
        asked: dict[str, Ask[bool]] = {}
        alert = question.alert
        deployed_at = selected.deployed_at
        is_asked = Guard.STILL_FIRING.is_asked(question.level)
        if alert is not None and deployed_at is not None and is_asked:
            asked["fault_before"] = partial(self._evidence.fault_before, alert, deployed_at)
        can_go, answers = await asyncio.gather(_answers(eligible, until, self._late), _answers(asked, until))
        return replace(facts, eligible=can_go, fault_before=answers.get("fault_before", facts.fault_before))

    async def _current(self, service: str) -> Known[Release | None]:
        return await self._of_platform(service, lambda strategy: strategy.current())

    async def _eligible(self, service: str, bad: Release, target: Release) -> Known[Eligibility]:
        return await self._of_platform(service, lambda strategy: strategy.can_go_back(bad, target))

    async def _of_platform(self, service: str, ask: Callable[[Strategy], Awaitable[_T]]) -> Known[_T]:
        strategy = self._strategies.get(service)
        if strategy is None:
            return Unanswered(f"nothing says how {service} is taken back")
        try:
            answer = await ask(strategy)
        except PlatformFailed as error:
            self._tell(service, is_up=False)
            return Unanswered(error.why)
        self._tell(service, is_up=True)
        return answer

    def _late(self, service: str) -> None:
        self._tell(service, is_up=False)

    def _tell(self, service: str, *, is_up: bool) -> None:
        if self._heard is not None:
            self._heard(service, is_up)

    async def _reported(self, service: str) -> Known[str | None]:
        seen = await self._evidence.service_now(service)
        return seen if isinstance(seen, Unanswered) else seen.version


async def _answers(
    asked: Mapping[str, Ask[_T]],
    until: float,
    is_late: Callable[[str], None] | None = None,
) -> dict[str, Known[_T]]:
    """All at once; what has not answered at `until`, by the loop's clock, is ended, unanswered and told."""
    if not asked:
        return {}
    waits_s = max(0.0, until - asyncio.get_running_loop().time())
    tasks = {asyncio.create_task(ask(), name=f"ask {name}"): name for name, ask in asked.items()}
    try:
        done, late = await asyncio.wait(tasks, timeout=waits_s)
    finally:
        for task in tasks:
            task.cancel()
    if late:
        if is_late is not None:
            for task in late:
                is_late(tasks[task])
        # They end what they have begun; one that does not is not waited for.
        await asyncio.wait(late, timeout=_ENDING_S)
    unanswered = Unanswered(f"no answer within {waits_s:.0f} s")
    return {name: task.result() if task in done else unanswered for task, name in tasks.items()}
