"""The shapes of the answers to a push, for the published description; answers are held to them by tests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rollwatch.figures.faults import FigureFault
from rollwatch.ingest.push.outcomes import PushOutcome

__all__ = ["MOST_LISTED", "PushAnswer", "PushRefused", "RefusedMetric", "RefusedRecords"]

MOST_LISTED = 100


class _Json(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class _RefusedValue(_Json):
    error: FigureFault
    """Why it was not taken."""
    message: str
    """The same in a sentence."""


class RefusedMetric(_RefusedValue):
    """A value that was not taken."""

    metric: str
    """The figure it was for, as the document names it."""


class RefusedRecords(_RefusedValue):
    """Records that were not taken, or not all of them."""

    records: str
    """Their kind."""


class PushAnswer(_Json):
    """What was taken, and what was not."""

    accepted: Annotated[int, Field(ge=0)]
    """Values and records that were taken; a record counts whatever its rules say of it."""
    refused: Annotated[list[RefusedMetric | RefusedRecords], Field(max_length=MOST_LISTED)]
    """The first 100 that were not."""
    refused_total: Annotated[int, Field(ge=0)]
    """How many were not."""


class PushRefused(PushAnswer):
    """Nothing was taken."""

    error: Literal[PushOutcome.REFUSED, PushOutcome.NOTHING_FOUND]
    """A word that stays the same between releases."""
    message: str
    """What is wrong, for a person."""
    remedy: str
    """What to do."""
