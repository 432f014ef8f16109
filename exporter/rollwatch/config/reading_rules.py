"""What can be wrong with reading a figure, given what the figure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.metrics.definition import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.config.figures import FigureDef
    from rollwatch.config.readings import Reading

__all__ = ["problems_of_reading"]


def problems_of_reading(
    definition: FigureDef, reading: Reading, *, counts_by_itself: bool
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Place, message and remedy of each. `counts_by_itself`: a counter may grow by one without being told."""
    if reading.add is not None and definition.type is not MetricType.COUNTER:
        yield ("add",), f"does not go with a {definition.type}", "Write value."
    if (
        reading.value is None
        and reading.add is None
        and not (counts_by_itself and definition.type is MetricType.COUNTER)
    ):
        remedy = "Add value or add." if definition.type is MetricType.COUNTER else "Add value."
        yield (), "says no value", remedy
    declared = {label.name for label in definition.labels}
    for name in reading.labels:
        if name not in declared:
            known = f"It has {', '.join(sorted(declared))}." if declared else "It has none."
            yield ("labels", name), f"is no label of {definition.name}", known
    for label in definition.labels:
        if label.name not in reading.labels:
            example = f"'{label.values[0]}'" if label.values else label.name
            yield ("labels",), f"does not say the label {label.name}", f'Add {label.name}: "{example}".'
