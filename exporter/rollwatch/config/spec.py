"""The base of everything the file may say: strict, frozen, and free of secrets when shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rollwatch.config.fields import Name, Seconds

__all__ = ["ProbeSpec", "Spec"]


class Spec(BaseModel):
    """A mapping of the file. Unknown keys are refused; values never appear in errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )


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
    buckets: tuple[float, ...] | None = None
    """Upper bounds of the duration histogram in seconds; the thresholds in force are always added."""
