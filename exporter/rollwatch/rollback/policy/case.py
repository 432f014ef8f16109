"""What a guard is given, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from rollwatch.rollback.model.words import GuardResult
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.policy.wording import joined, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rollwatch.rollback.policy.facts import Facts, Known, Question
    from rollwatch.rollback.policy.rules import UnitRules
    from rollwatch.rollback.policy.selection import Member, Selection

__all__ = ["Ask", "Case", "Inputs", "Said", "failed", "for_each", "known_to_be", "passed", "unanswered"]

Inputs: TypeAlias = "Mapping[str, str | float | bool | None]"


@dataclass(frozen=True, slots=True)
class Case:
    """All that a decision rests on."""

    question: Question
    facts: Facts
    rules: UnitRules
    selection: Selection


@dataclass(frozen=True, slots=True)
class Said:
    """One guard's answer. `why` is a sentence without its full stop."""

    result: GuardResult
    why: str
    inputs: Inputs = field(default_factory=dict)

    @property
    def is_passed(self) -> bool:
        return self.result is GuardResult.PASS


Ask: TypeAlias = "Callable[[Case], Said]"


def passed(why: str, **inputs: str | float | bool | None) -> Said:
    return Said(GuardResult.PASS, why, inputs)


def failed(why: str, **inputs: str | float | bool | None) -> Said:
    return Said(GuardResult.FAIL, why, inputs)


def unanswered(why: str, **inputs: str | float | bool | None) -> Said:
    return Said(GuardResult.UNANSWERED, why, inputs)


def known_to_be(answer: Known[bool], wanted: bool, *, yes: str, no: str, open_: str) -> Said:
    """PASS with `yes` where it is `wanted`, FAIL with `no` where not, UNANSWERED without an answer."""
    if isinstance(answer, Unanswered):
        return unanswered(f"{open_}: {reason(answer.why)}")
    return passed(yes, answer=answer) if answer is wanted else failed(no, answer=answer)


def for_each(members: Iterable[Member], ask: Callable[[Member], Said]) -> Said:
    """The first FAIL, else the first UNANSWERED, else all that passed. Inputs by `service.name`."""
    said = [(each, ask(each)) for each in members]
    if not said:
        return unanswered("It is not known which release runs")
    inputs = {f"{each.service}.{key}": value for each, one in said for key, value in one.inputs.items()}
    for result in (GuardResult.FAIL, GuardResult.UNANSWERED):
        for _, one in said:
            if one.result is result:
                return Said(result, one.why, inputs)
    return Said(GuardResult.PASS, joined(one.why for _, one in said), inputs)
