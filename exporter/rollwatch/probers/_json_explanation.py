"""What becomes of the figures of a document, for a person who runs a probe by hand."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.config.figure_rules import metric_of
from rollwatch.config.signals import Signals
from rollwatch.figures.faults import Origin
from rollwatch.figures.items import Found, Operation
from rollwatch.figures.service import ServiceFigures
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.store import Store
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.figures import FigureDef
    from rollwatch.figures.items import Item, Refused
    from rollwatch.probers._json_document import Content

__all__ = ["explanation", "said_of"]

_MOST_VALUES = 50
_MOST_REFUSED = 20
_WHAT_IT_IS = {
    Operation.SET: "",
    Operation.ADD: " (added)",
    Operation.TOTAL: " (running total)",
    Operation.OBSERVE: " (observed)",
}


def said_of(refused: Refused) -> str:
    """A refused value in words: which figure, and why."""
    return f"{refused.figure} {refused.why.message}"


def explanation(
    content: Content, definitions: Mapping[str, FigureDef], clock: Clock
) -> list[tuple[str, str]]:
    """Every value as it would be exported, and everything that would be refused; bounded, as notes.

    Finds out by taking the values, into a store that nobody sees.
    """
    signals = Signals(figures=MappingProxyType(dict(definitions)))
    rehearsal = ServiceFigures(
        signals, Store(), names=BoundedNames(), clock=clock, base=("", "", ""), metric_of=metric_of
    )
    refused = list(content.found.refused)
    values: list[str] = []
    for item in content.found.items:
        wrong = rehearsal.take(Found(items=[item]), Origin.JSON)
        refused += wrong
        if not wrong:
            values.append(_value(item, rehearsal))
    notes = [("figure", value) for value in values[:_MOST_VALUES]]
    if len(values) > _MOST_VALUES:
        notes.append(("figure", f"and {len(values) - _MOST_VALUES} more"))
    notes += [("records", f"{name}: {len(listed)} came") for name, listed in content.records.items()]
    notes += [("refused", f"{said_of(one)} ({one.why.fault})") for one in refused[:_MOST_REFUSED]]
    if len(refused) > _MOST_REFUSED:
        notes.append(("refused", f"and {len(refused) - _MOST_REFUSED} more"))
    return notes


def _value(item: Item, rehearsal: ServiceFigures) -> str:
    figure = rehearsal.figures[item.figure]
    shown = figure.shown(item.labels)
    pairs = zip(figure.definition.labels, shown, strict=True)
    labels = ",".join(f'{label.name}="{clean(value, 64)}"' for label, value in pairs)
    name = f"{item.figure}{{{labels}}}" if labels else item.figure
    return f"{name} = {item.value:.15g}{_WHAT_IT_IS[item.operation]}"
