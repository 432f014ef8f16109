"""The base of everything the file may say: strict, frozen, and free of secrets when shown."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rollwatch.config.fields import mistake

__all__ = ["Buckets", "Spec"]


class Spec(BaseModel):
    """A mapping of the file. Unknown keys are refused; values never appear in errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )


def _ascending(bounds: tuple[float, ...]) -> tuple[float, ...]:
    if not all(math.isfinite(bound) and bound > 0 for bound in bounds):
        raise mistake(
            "has a bound that is not positive and finite", "Write numbers above 0, like [0.25, 0.75]."
        )
    if any(low >= high for low, high in pairwise(bounds)):
        raise mistake("is not ascending", "Write each bound once, the smallest first.")
    return bounds


Buckets = Annotated[tuple[float, ...], Field(max_length=50), AfterValidator(_ascending)]
"""Upper bounds of a histogram."""
