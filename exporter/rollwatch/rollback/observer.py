"""Who watches the handler at work: its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.model.words import StepKind, StepState

__all__ = ["Observer"]


class Observer(Protocol):
    """Told of what was done. Never waits, and never raises. Durations are seconds."""

    def judged(self, service: str, environment: str, decision: Decision, seconds: float) -> None:
        """The policy was asked; `seconds` with the gathering of facts."""
        ...

    def step_done(self, kind: StepKind, service: str, state: StepState, seconds: float) -> None:
        """A step has ended, and the journal has it."""
        ...

    def journal_worked(self, is_working: bool) -> None:
        """Whether the journal could be used, the last time."""
        ...
