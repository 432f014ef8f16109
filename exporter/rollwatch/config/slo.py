"""What a service promises: its service level objectives, where they differ from the shipped ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, WithJsonSchema

from rollwatch.config.mistake import mistake
from rollwatch.config.override_values import OFF
from rollwatch.config.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SLO_OFF", "Objective", "SloSpec"]

SLO_OFF = 0.0
"""The objective of an SLO that is switched off: no error ratio is ever above 1 - 0, so no budget burns."""

_LOWEST = 0.94
"""The fastest burn that pages is 14.4 times the budget: of more than 1 / 14.4 it could never be reached."""


def _objective(value: object) -> float:
    if value == OFF:
        return SLO_OFF
    if isinstance(value, bool) or not isinstance(value, int | float) or not _LOWEST < value < 1:
        raise mistake(
            f"must be a share above {_LOWEST} and below 1, or off",
            "Write 0.999 for 99.9 %. A lower one leaves more budget than can burn fast enough to page, 1 "
            "leaves none.",
        )
    return float(value)


Objective = Annotated[
    float,
    BeforeValidator(_objective),
    WithJsonSchema(
        {
            "title": f"share above {_LOWEST} and below 1, or `{OFF}`",
            "anyOf": [{"type": "number", "exclusiveMinimum": _LOWEST, "exclusiveMaximum": 1}, {"const": OFF}],
            "examples": [0.999],
        }
    ),
]
"""A share of good requests; `SLO_OFF` where the file says `off`."""


class SloSpec(Spec):
    """Service level objectives over 30 days."""

    availability: Objective | None = None
    """The share of requests that must not fail; else the shipped 0.999."""
    latency: Objective | None = None
    """The share of requests that must be answered within 200 ms; else the shipped 0.95."""

    def objectives(self) -> Iterator[tuple[str, float]]:
        """Those the file sets, by name."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is not None:
                yield name, value
