"""Gathers what the policy needs to know, by one deadline; whatever is late is unanswered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from rollwatch.rollback.policy.facts import Facts, Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.selection import select
from rollwatch.rollback.strategies.strategy import PlatformFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.policy.facts import Known, Question
    from rollwatch.rollback.policy.rules import UnitRules
    from rollwatch.rollback.policy.selection import Selection
    from rollwatch.rollback.ports import Evidence
    from rollwatch.rollback.strategies.strategy import Eligibility, Strategy

__all__ = ["Gatherer"]

_T = TypeVar("_T")
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
        now = self._clock.wall()
        since = now - max(rules.limit_window_s, rules.systemic_window_s)
        past = await self._journal.past(rules.environment, rules.services, since=since)
        facts = Facts(
            now=now,
            deployments=past.deployments,
            claims=past.claims,
            flights=past.flights,
            executions=past.executions,
            breaker_closed_at=past.breaker_closed_at,
            incidents=past.incidents,
            pauses=past.pauses,
            resolved_at=await self._resolved_at(question),
        )
        until = asyncio.get_running_loop().time() + self._deadline_s
        facts = await self._with_running(question, facts, rules, until - self._deadline_s * (1 - _FIRST_PART))
        return await self._with_answers(question, facts, select(question, facts, rules), until)

    async def _resolved_at(self, question: Question) -> float | None:
        if question.rollback_id is None or question.alert is None:
            return None
        row = await self._journal.get(question.rollback_id)
        return None if row is None else row.resolved_at

    async def _with_running(self, question: Question, facts: Facts, rules: UnitRules, until: float) -> Facts:
        """With what runs, as platforms and health endpoints have it."""
        if not Guard.RELEASE_AGREES.is_asked(question.level):
            return facts
        current, reported = await asyncio.gather(
            _answers({service: self._current(service) for service in rules.services}, until),
            _answers({service: self._reported(service) for service in rules.services}, until),
        )
        return replace(facts, current=current, reported=reported)

    async def _with_answers(
        self, question: Question, facts: Facts, selected: Selection, until: float
    ) -> Facts:
        """With what depends on which releases are bad, and on their targets."""
        eligible: dict[str, Coroutine[Any, Any, Known[Eligibility]]] = {}
        if Guard.TARGET_POSSIBLE.is_asked(question.level):
            eligible = {
                going.service: self._eligible(going.service, going.bad, going.target)
                for going in selected.going
            }
        asked: dict[str, Coroutine[Any, Any, Known[bool]]] = {}
        alert = question.alert
        if alert is not None and Guard.STILL_FIRING.is_asked(question.level):
            asked["still_firing"] = self._evidence.still_firing(alert)
            asked["silenced"] = self._evidence.silenced(alert)
            if (deployed_at := selected.deployed_at) is not None:
                asked["fault_before"] = self._evidence.fault_before(alert, deployed_at)
        can_go, answers = await asyncio.gather(_answers(eligible, until), _answers(asked, until))
        return replace(
            facts,
            eligible=can_go,
            still_firing=answers.get("still_firing", facts.still_firing),
            silenced=answers.get("silenced", facts.silenced),
            fault_before=answers.get("fault_before", facts.fault_before),
        )

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
        except asyncio.CancelledError:
            self._tell(service, is_up=False)
            raise
        self._tell(service, is_up=True)
        return answer

    def _tell(self, service: str, *, is_up: bool) -> None:
        if self._heard is not None:
            self._heard(service, is_up)

    async def _reported(self, service: str) -> Known[str | None]:
        seen = await self._evidence.service_now(service)
        return seen if isinstance(seen, Unanswered) else seen.version


async def _answers(asked: Mapping[str, Coroutine[Any, Any, Known[_T]]], until: float) -> dict[str, Known[_T]]:
    """All at once; what has not answered at `until`, by the loop's clock, is ended and unanswered."""
    if not asked:
        return {}
    waits_s = max(0.0, until - asyncio.get_running_loop().time())
    tasks = {asyncio.create_task(question, name=f"ask {name}"): name for name, question in asked.items()}
    try:
        done, late = await asyncio.wait(tasks, timeout=waits_s)
    finally:
        for task in tasks:
            task.cancel()
    if late:
        # They end what they have begun; one that does not is not waited for.
        await asyncio.wait(late, timeout=_ENDING_S)
    unanswered = Unanswered(f"no answer within {waits_s:.0f} s")
    return {name: task.result() if task in done else unanswered for task, name in tasks.items()}
