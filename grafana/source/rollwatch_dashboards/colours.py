"""What a value looks like: colours by step, and words for numbers that are states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grafana_foundation_sdk.cog.builder import Builder

__all__ = [
    "ANY_IS_BAD",
    "GREEN",
    "ORANGE",
    "PLAIN",
    "RED",
    "UP_DOWN",
    "Steps",
    "steps_of",
    "words_of",
]

GREEN, ORANGE, RED, PLAIN = "green", "orange", "red", "text"

Steps = tuple[tuple[float | None, str], ...]
"""From which value on which colour; the first has no value: everything below the second."""

ANY_IS_BAD: Steps = ((None, GREEN), (1, RED))
UP_DOWN: Mapping[float, tuple[str, str]] = {1: ("UP", GREEN), 0: ("DOWN", RED)}


def steps_of(steps: Steps) -> Builder[model.ThresholdsConfig]:
    """Colours as Grafana has them. They are no limits: those are drawn from `rollwatch:threshold`."""
    thresholds = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(thresholds)


def words_of(words: Mapping[float, tuple[str, str]]) -> list[model.ValueMapping]:
    """A word and a colour instead of a number."""
    return [model.ValueMap(options=dict(_options(words.items())))] if words else []


def _options(
    words: Iterable[tuple[float, tuple[str, str]]],
) -> Iterable[tuple[str, model.ValueMappingResult]]:
    for index, (value, (text, colour)) in enumerate(words):
        yield f"{value:g}", model.ValueMappingResult(text=text, color=colour, index=index)
