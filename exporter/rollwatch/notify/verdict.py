"""What is known of each receiver after a test: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.config.thresholds import Priority
    from rollwatch.notify.counts import Counts
    from rollwatch.notify.routing import Receiver

__all__ = ["Outcome", "Result", "is_complete", "judge"]


class Outcome(StrEnum):
    """What became of a test alert at one receiver's way out."""

    TAKEN = "taken"
    FAILED = "failed"
    WAITING = "waiting"
    """It is sent with others later, or after quiet hours."""
    UNSEEN = "unseen"
    """Nobody answered in time, and Alertmanager counts no failure yet."""


@dataclass(frozen=True, slots=True)
class Result:
    """One way out of one receiver."""

    service: str
    priority: Priority
    receiver: str
    integration: str
    outcome: Outcome
    why: str = ""
    """For a person, where the outcome is not `taken`."""


def judge(
    priority: Priority,
    routed: Mapping[str, Sequence[Receiver]],
    counts: Counts,
    *,
    waited_s: float,
) -> list[Result]:
    """Results for the alerts of one priority, by service the receivers they were routed to.

    Alertmanager counts by integration, not by receiver: where some requests of an integration failed and
    others did not, all its results are `failed`, and say how many were taken.
    """
    wanted = _wanted(routed, waited_s)
    results = []
    for service, found in routed.items():
        for receiver in found:
            for integration in receiver.integrations:
                outcome, why = _outcome(receiver, integration, wanted[integration], counts, waited_s)
                results.append(Result(service, priority, receiver.name, integration, outcome, why))
    return results


def is_complete(routed: Mapping[str, Sequence[Receiver]], counts: Counts, waited_s: float) -> bool:
    """Whether nothing more is to be waited for."""
    wanted = _wanted(routed, waited_s)
    return all(counts.taken(name) >= number for name, number in wanted.items())


def _wanted(routed: Mapping[str, Sequence[Receiver]], waited_s: float) -> Counter[str]:
    """How many requests there will be by integration: one for each way out of each service's receivers."""
    return Counter(
        integration
        for found in routed.values()
        for receiver in found
        if not _waits(receiver, waited_s)
        for integration in receiver.integrations
    )


def _waits(receiver: Receiver, waited_s: float) -> bool:
    return receiver.wait_s > waited_s


def _outcome(
    receiver: Receiver, integration: str, wanted: int, counts: Counts, waited_s: float
) -> tuple[Outcome, str]:
    if _waits(receiver, waited_s):
        return Outcome.WAITING, f"is sent with others, after {receiver.wait_s / 60:g} min"
    taken, failed = counts.taken(integration), counts.failed[integration]
    if taken >= wanted:
        return Outcome.TAKEN, ""
    if failed:
        return Outcome.FAILED, f"{taken} of {wanted} taken; Alertmanager's log says why, and it tries again"
    if receiver.has_quiet_hours:
        return Outcome.WAITING, "has quiet hours, or nobody answered"
    return Outcome.UNSEEN, f"{taken} of {wanted} taken so far; nobody answered yet"
