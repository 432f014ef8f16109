"""How a step ended."""

from __future__ import annotations

from dataclasses import dataclass

from rollwatch.rollback.model.words import StepState

__all__ = ["Ended"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What the journal gets to know of a step's end."""

    state: StepState
    detail: str = ""
    """One bounded sentence, free of secrets."""
    output: str = ""

    @classmethod
    def done(cls, detail: str = "", output: str = "") -> Ended:
        return cls(StepState.DONE, detail, output)

    @classmethod
    def failed(cls, detail: str, output: str = "") -> Ended:
        return cls(StepState.FAILED, detail, output)
