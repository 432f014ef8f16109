"""What can be wrong with a value that arrives: one closed vocabulary for answers, logs and labels."""

from __future__ import annotations

from enum import StrEnum

from rollwatch.errors import RollwatchError

__all__ = ["FigureFault", "FigureRefused", "Origin"]


class Origin(StrEnum):
    """The way a value came."""

    PUSH = "push"
    JSON = "json"
    LOG = "log"
    RECORDS = "records"


class FigureFault(StrEnum):
    """Why a value was refused."""

    UNDECLARED = "undeclared"
    """No such figure, or no such records, of this service."""
    WRONG_OPERATION = "wrong_operation"
    """A gauge can't be added to, a counter not be set, …"""
    LABEL_UNKNOWN = "label_unknown"
    LABEL_MISSING = "label_missing"
    LABEL_VALUE = "label_value"
    """A value that a closed label does not have, or that is no status code."""
    NOT_FOUND = "not_found"
    """The expression found nothing in the document."""
    NOT_AN_OBJECT = "not_an_object"
    """A record that is no JSON object."""
    NOT_A_NUMBER = "not_a_number"
    NEGATIVE = "negative"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    """More items, sources or series than are taken."""


class FigureRefused(RollwatchError):  # noqa: N818  an answer, not a fault of ours
    """A value was not taken. `message` is a sentence for the sender, free of remote text but label names."""

    def __init__(self, fault: FigureFault, message: str) -> None:
        self.fault = fault
        self.message = message
        super().__init__(f"{fault}: {message}")
