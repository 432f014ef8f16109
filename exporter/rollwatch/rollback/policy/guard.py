"""The guards: each one question, every one of which must be met before a release is taken back."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Guard"]


class Guard(StrEnum):
    """Every guard, in the order in which they are asked and shown."""

    DECLARED = "declared"
    MARKED = "marked"
    TRIGGER = "trigger"
    FIRING = "firing"
    CLOCK = "clock"
    FRESH = "fresh"
    RELEASE_KNOWN = "release_known"
    RELEASE_AGREES = "release_agrees"
    RECENT_RELEASE = "recent_release"
    FAULT_NOT_OLDER = "fault_not_older"
    STILL_FIRING = "still_firing"
    NEVER_TWICE = "never_twice"
    NOT_OUR_OWN = "not_our_own"
    TARGET_KNOWN = "target_known"
    TARGET_GOOD = "target_good"
    TARGET_POSSIBLE = "target_possible"
    NO_MIGRATION = "no_migration"
    SINGLE_FLIGHT = "single_flight"
    NO_DEPLOYMENT = "no_deployment"
    NOT_FROZEN = "not_frozen"
    NOT_SILENCED = "not_silenced"
    NOT_PAUSED = "not_paused"
    WITHIN_LIMIT = "within_limit"
    NOT_SYSTEMIC = "not_systemic"

    @property
    def is_hard(self) -> bool:
        """Whether it is asked at every level: nobody can skip it."""
        return self in _HARD

    @property
    def meaning(self) -> str:
        """One sentence for pages and documentation: what must be so."""
        return _MEANINGS[self]

    @property
    def levels(self) -> tuple[Level, ...]:
        """At which levels it is asked."""
        return tuple(level for level in Level if self.is_asked(level))

    def is_asked(self, level: Level) -> bool:
        """Whether it is asked when a rollback is wanted in this way."""
        if self.is_hard:
            return True
        if level is Level.EMERGENCY:
            return False
        return level is Level.AUTOMATIC or self not in _ABOUT_THE_ALERT


_HARD = frozenset({Guard.DECLARED, Guard.RELEASE_KNOWN, Guard.TARGET_KNOWN, Guard.SINGLE_FLIGHT})

# What speaks against believing an alert; a person has looked.
_ABOUT_THE_ALERT = frozenset(
    {
        Guard.MARKED,
        Guard.TRIGGER,
        Guard.FIRING,
        Guard.FRESH,
        Guard.RECENT_RELEASE,
        Guard.FAULT_NOT_OLDER,
        Guard.STILL_FIRING,
        Guard.NEVER_TWICE,
        Guard.NOT_OUR_OWN,
        Guard.NOT_SILENCED,
        Guard.WITHIN_LIMIT,
        Guard.NOT_SYSTEMIC,
    }
)

_MEANINGS: Mapping[Guard, str] = MappingProxyType(
    {
        Guard.DECLARED: "The service has a rollback section in the configuration of this environment.",
        Guard.MARKED: "The alert is marked as one for rollbacks, and is no test alert.",
        Guard.TRIGGER: "The alert is listed as a trigger of the service that it names.",
        Guard.FIRING: "The alert was delivered as firing, and nobody has reported it as resolved.",
        Guard.CLOCK: "No time that the decision rests on lies in the future.",
        Guard.FRESH: "The alert had not been firing for too long when it was first judged.",
        Guard.RELEASE_KNOWN: "It is known which release runs: a finished deployment was recorded.",
        Guard.RELEASE_AGREES: "Platform and health endpoints name no other release than the recorded one.",
        Guard.RECENT_RELEASE: "The alert began soon enough after the deployment to blame it.",
        Guard.FAULT_NOT_OLDER: "The fault was not there before the deployment began.",
        Guard.STILL_FIRING: "Prometheus says that the alert fires now.",
        Guard.NEVER_TWICE: "The release was not taken back before.",
        Guard.NOT_OUR_OWN: "What runs was not put there by a rollback: one never follows from another.",
        Guard.TARGET_KNOWN: "Each service has one known release to go back to.",
        Guard.TARGET_GOOD: "The release to go back to was not taken back, nor marked as bad.",
        Guard.TARGET_POSSIBLE: "The platform says that it can go back to that release.",
        Guard.NO_MIGRATION: "No deployment since that release changed the database, or this is allowed.",
        Guard.SINGLE_FLIGHT: "No other rollback of a service of the unit is running.",
        Guard.NO_DEPLOYMENT: "No deployment of a service of the unit is running.",
        Guard.NOT_FROZEN: "It is no time in which the configuration forbids rollbacks.",
        Guard.NOT_SILENCED: "Nobody has silenced the alert.",
        Guard.NOT_PAUSED: "Nobody has paused rollbacks.",
        Guard.WITHIN_LIMIT: "The unit was not rolled back too often of late.",
        Guard.NOT_SYSTEMIC: "Not many release units fail at once.",
    }
)
