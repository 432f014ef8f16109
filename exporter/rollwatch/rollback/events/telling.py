"""Which alerts stand for a rollback's state. Pure: after a restart the same are told again, as the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.bundle.posted import POSTED, Posted
from rollwatch.bundle.rules import Severity
from rollwatch.rollback.model.words import Level, Mode, State
from rollwatch.rollback.policy.guard import Guard
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rollwatch.rollback.model.decision import Decision, Going
    from rollwatch.rollback.model.record import Rollback

__all__ = ["Telling", "telling", "tellings"]

_OUTCOMES = {
    State.SUCCEEDED: Posted.SUCCEEDED,
    State.FAILED: Posted.FAILED,
    State.TIMED_OUT: Posted.FAILED,
    State.UNKNOWN: Posted.UNKNOWN,
}
_NO_RELEASE_TO_BLAME = frozenset(
    {
        Guard.DECLARED,
        Guard.MARKED,
        Guard.TRIGGER,
        Guard.FIRING,
        Guard.RELEASE_KNOWN,
        Guard.RECENT_RELEASE,
        Guard.NEVER_TWICE,
        Guard.NOT_OUR_OWN,
        Guard.SINGLE_FLIGHT,
    }
)
"""A denial by one of these is no news: people have the alert itself, or the rollback that is running."""


@dataclass(frozen=True, slots=True)
class Telling:
    """An alert for Alertmanager. Times are Unix seconds; `ends_at` None: until it is said to have ended."""

    name: Posted
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    ends_at: float | None

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """What identifies it to Alertmanager."""
        return tuple(sorted(self.labels.items()))


def telling(
    name: Posted,
    *,
    rollback_id: str,
    service: str,
    environment: str,
    bad: str,
    target: str,
    why: str,
    starts_at: float,
    links: Mapping[str, str],
) -> Telling:
    """One alert. `links` are annotations that end in `_url`; `why` is a sentence of ours."""
    kind = POSTED[name]
    words = {
        "service": service,
        "environment": environment,
        "bad": sentence(bad),
        "target": sentence(target),
        "why": sentence(why),
    }
    return Telling(
        name=name,
        labels={
            "alertname": name.value,
            "service": service,
            "environment": environment,
            "priority": kind.priority.value,
            "severity": Severity.of(kind.priority).value,
            "rollback": "event",
            "rollback_id": rollback_id,
        },
        annotations={
            "summary": kind.summary.format(**words),
            "description": kind.description.format(**words),
            **links,
        },
        starts_at=starts_at,
        ends_at=starts_at + kind.lasts_s if kind.lasts_s else None,
    )


def tellings(rollback: Rollback, modes: Mapping[str, Mode], links: Mapping[str, str]) -> tuple[Telling, ...]:
    """What people are to be told of `rollback` as it stands; `modes` by release unit."""
    name = _name(rollback, modes.get(rollback.unit, Mode.DRY_RUN))
    if name is None:
        return ()
    going = rollback.going or ((rollback.decision and rollback.decision.going) or ())
    return (
        telling(
            name,
            rollback_id=rollback.id,
            service=rollback.service,
            environment=rollback.environment,
            bad=_shown(going, "bad"),
            target=_shown(going, "target"),
            why=_why(rollback),
            starts_at=rollback.updated_at,
            links=links,
        ),
    )


def _name(rollback: Rollback, mode: Mode) -> Posted | None:
    state = rollback.state
    if state.is_running:
        return Posted.STARTED
    if state in _OUTCOMES:
        return _OUTCOMES[state]
    if rollback.dry_run or (rollback.alert is None and state is not State.AWAITING_APPROVAL):
        # Whoever asked has the answer.
        return None
    match state:
        case State.AWAITING_APPROVAL:
            return Posted.AWAITS_APPROVAL
        case State.DRY_RUN:
            return Posted.DRY_RUN
        case State.EXPIRED:
            return Posted.DENIED
        case State.DENIED if mode is not Mode.DRY_RUN and rollback.level is Level.AUTOMATIC:
            return Posted.DENIED if _blames_a_release(rollback.decision) else None
        case _:
            return None


def _blames_a_release(decision: Decision | None) -> bool:
    return decision is not None and not any(answer.guard in _NO_RELEASE_TO_BLAME for answer in decision.unmet)


def _why(rollback: Rollback) -> str:
    if rollback.outcome_why:
        return rollback.outcome_why
    if rollback.state is State.EXPIRED:
        return "Nobody approved it in time."
    decision = rollback.decision
    if decision is None:
        return ""
    return f"{decision.why} {decision.proposal or ''}".strip()


def _shown(going: tuple[Going, ...], side: str) -> str:
    shown: list[str] = []
    for one in going:
        release: Any = getattr(one, side)
        shown.append(release.shown if len(going) == 1 else f"{one.service} {release.shown}")
    return ", ".join(shown) or "an unknown release"
