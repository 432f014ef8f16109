"""What hooks and checks are told of the rollback they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.strategies.placeholders import order_values

if TYPE_CHECKING:
    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.model.words import State, StepKind

__all__ = ["Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """For one service of the rollback."""

    event: StepKind
    rollback_id: str
    environment: str
    going: Going
    outcome: State | None
    """Set for what runs after the rollback."""

    @classmethod
    def of(cls, rollback: Rollback, event: StepKind, going: Going) -> Told:
        return cls(event, rollback.id, rollback.environment, going, rollback.outcome)

    def document(self) -> dict[str, Any]:
        """For HTTP hooks, as JSON."""
        return {
            "event": self.event.value,
            "rollback_id": self.rollback_id,
            "service": self.going.service,
            "environment": self.environment,
            "bad": _names(self.going.bad),
            "target": _names(self.going.target),
            "outcome": None if self.outcome is None else self.outcome.value,
        }

    def variables(self) -> dict[str, str]:
        """For programs, as environment variables; ROLLWATCH_OUTCOME is empty before there is one."""
        return {
            "ROLLWATCH_EVENT": self.event.value,
            "ROLLWATCH_ROLLBACK_ID": self.rollback_id,
            "ROLLWATCH_SERVICE": self.going.service,
            "ROLLWATCH_ENVIRONMENT": self.environment,
            "ROLLWATCH_BAD": _name(self.going.bad),
            "ROLLWATCH_TARGET": _name(self.going.target),
            "ROLLWATCH_OUTCOME": "" if self.outcome is None else self.outcome.value,
        }

    def values(self) -> dict[str, str | None]:
        """For the placeholders of their arguments."""
        return order_values(self.going.bad, self.going.target, self.rollback_id)


def _name(release: Release) -> str:
    """The best name of it: its commit, else its version, else the platform's id."""
    return release.commit or release.version or release.platform_id or ""


def _names(release: Release) -> dict[str, str | None]:
    return {"commit": release.commit, "version": release.version, "platform_id": release.platform_id}
