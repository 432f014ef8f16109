"""What every kind of probe may say."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from rollwatch.config.fields import Name, Seconds, format_seconds, mistake
from rollwatch.config.spec import Buckets, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.expressions import JsonExpression
    from rollwatch.config.readings import Reading

__all__ = ["ProbePriority", "ProbeSpec"]

ProbePriority: TypeAlias = Literal["P0", "P1", "P2", "none"]
"""The worst that a DOWN may raise; also the value of the label `priority` of rollwatch_probe_info."""


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
    priority: ProbePriority = "P0"
    """The worst alert its being DOWN may raise; P0 wakes people."""

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
