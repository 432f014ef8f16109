"""What a person may do where a rollback was refused."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import Level
from rollwatch.rollback.policy.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.rollback.model.decision import GuardAnswer

__all__ = ["propose"]

# Not a matter for this handler at all.
_NOTHING_TO_DO = frozenset({Guard.DECLARED, Guard.MARKED, Guard.TRIGGER, Guard.FIRING})

_BY_HAND = "If the release is to blame all the same, trigger the rollback by hand."
_EMERGENCY = "If it can't wait, trigger the rollback by hand at level emergency."
_PROPOSALS: Mapping[Guard, str] = MappingProxyType(
    {
        Guard.CLOCK: f"Set the clocks right (NTP). {_EMERGENCY}",
        Guard.FRESH: _BY_HAND,
        Guard.RELEASE_KNOWN: "Report the deployment that runs, then trigger the rollback by hand.",
        Guard.RELEASE_AGREES: f"Find out what runs, and report that deployment. {_EMERGENCY}",
        Guard.RECENT_RELEASE: _BY_HAND,
        Guard.FAULT_NOT_OLDER: f"Look for another cause first. {_BY_HAND}",
        Guard.STILL_FIRING: f"Look whether it is over. {_BY_HAND}",
        Guard.NEVER_TWICE: (
            "The release has come back after a rollback: ship a hotfix, or trigger the rollback by hand."
        ),
        Guard.NOT_OUR_OWN: (
            "The rollback before has not helped: look for another cause, or ship a hotfix. To go further "
            "back, trigger it by hand and name the release."
        ),
        Guard.TARGET_KNOWN: (
            "Ship a hotfix; or trigger the rollback by hand and name a release that is known to be good."
        ),
        Guard.TARGET_GOOD: f"Name another release, or ship a hotfix. {_EMERGENCY}",
        Guard.TARGET_POSSIBLE: (
            "Ship a hotfix; or trigger the rollback by hand and name a release that is within reach."
        ),
        Guard.NO_MIGRATION: (
            "Ship a hotfix. If the older release works with the changed database, trigger the rollback "
            "by hand at level emergency."
        ),
        Guard.SINGLE_FLIGHT: "Wait until the running rollback has ended, and look at its outcome.",
        Guard.NO_DEPLOYMENT: f"Wait until the deployment has ended, then look again. {_EMERGENCY}",
        Guard.NOT_FROZEN: _EMERGENCY,
        Guard.NOT_SILENCED: _BY_HAND,
        Guard.NOT_PAUSED: f"Ask who paused it, then resume. {_EMERGENCY}",
        Guard.WITHIN_LIMIT: (
            "Look why releases keep failing, then count anew (rollwatch rollback breaker SERVICE); or "
            "trigger it by hand."
        ),
        Guard.NOT_SYSTEMIC: (
            f"Look first for what the services share: database, provider, network, configuration. {_BY_HAND}"
        ),
    }
)


def propose(unmet: Sequence[GuardAnswer], level: Level) -> str | None:
    """By the first guard that a person's trigger would meet as well, else the first; None: nothing to do."""
    guards = [Guard(answer.guard) for answer in unmet]
    if not guards or not _NOTHING_TO_DO.isdisjoint(guards):
        return None
    stubborn = [guard for guard in guards if guard.is_asked(Level.MANUAL)]
    return _PROPOSALS.get((stubborn if level is Level.AUTOMATIC and stubborn else guards)[0])
