"""The base of everything the file may say: strict, frozen, and free of secrets when shown."""

from __future__ import annotations

import math
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rollwatch.config.fields import Name, Seconds, format_seconds, mistake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.expressions import JsonExpression
    from rollwatch.config.readings import Reading

__all__ = ["Buckets", "ProbeSpec", "Spec"]


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


class ProbeSpec(Spec):
    """What every kind of probe may say."""

    kind: str
    """Which kind of probe this is."""
    interval: Annotated[Seconds, Field(ge=1, le=86_400)] = 15.0
    """Time between the starts of two runs."""
    timeout: Annotated[Seconds, Field(gt=0, le=300)] = 5.0
    """The whole run must have ended after this; at most `interval`."""
    locations: tuple[Name, ...] = ()
    """Run only in these locations; empty: everywhere."""
    buckets: Buckets | None = None
    """Upper bounds of the duration histogram in seconds; the thresholds in force are always added."""

    def runs_in(self, location: str) -> bool:
        """Whether the probe runs in `location`."""
        return not self.locations or location in self.locations

    def readings(self) -> Mapping[str, tuple[Reading, ...]]:
        """The figures of its service that a run reads, by name; for kinds that read some."""
        return MappingProxyType({})

    def records_read(self) -> Mapping[str, JsonExpression]:
        """The records of its service that a run reads, by name; for kinds that read some."""
        return MappingProxyType({})

    @model_validator(mode="after")
    def _a_run_ends_before_the_next(self) -> Self:
        if self.timeout > self.interval:
            interval = format_seconds(self.interval)
            raise mistake(
                f"is {format_seconds(self.timeout)}, longer than the interval of {interval}",
                f"Write at most {interval}, or a longer interval.",
                at=("timeout",),
            )
        return self
