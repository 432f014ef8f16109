"""From a label's value as it came to the one it may be shown as."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rollwatch.figures.faults import FigureFault, FigureRefused
from rollwatch.figures.routes import route_label
from rollwatch.metrics.labels import LabelKind, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.metrics.labels import LabelDef

__all__ = ["HOPELESS", "admissible", "metric_named", "registries"]

HOPELESS: Final = ""
"""For values that can't be shown: a registry folds it, and counts that."""
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)", re.ASCII)


def admissible(label: LabelDef, raw: str) -> str:
    """The value as it may be shown, before a registry is asked. Raises FigureRefused."""
    match label.kind:
        case LabelKind.CLOSED:
            if raw not in label.values:
                raise FigureRefused(
                    FigureFault.LABEL_VALUE,
                    f"has a label {label.name} that is none of {', '.join(label.values)}",
                )
            return raw
        case LabelKind.STATUS:
            if not _STATUS.fullmatch(raw):
                raise FigureRefused(
                    FigureFault.LABEL_VALUE, f"has a label {label.name} that is no HTTP status code"
                )
            return f"{raw[0]}xx"
        case LabelKind.ROUTE:
            return route_label(raw)
        case LabelKind.ANY:
            return plain_value(raw)


def registries(metric: str, labels: Iterable[LabelDef]) -> tuple[str | None, ...]:
    """Which bounded names each label has, None if it needs none; two open labels do not share them."""
    found: list[str | None] = []
    for label in labels:
        is_bounded = label.kind in {LabelKind.CLOSED, LabelKind.STATUS}
        found.append(None if is_bounded else f"{metric}/{label.name}" if metric in found else metric)
    return tuple(found)


def metric_named(registry: str) -> str:
    """The metric whose names a registry bounds."""
    return registry.partition("/")[0]
