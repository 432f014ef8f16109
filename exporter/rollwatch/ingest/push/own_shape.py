"""Reads a push in the documented form. Pure; may run in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rollwatch.figures.faults import FigureFault, FigureRefused
from rollwatch.figures.items import Item, Operation
from rollwatch.ingest.push.delivery import Delivery, Stamp
from rollwatch.ingest.push.document import AddMetric, ObserveMetric, PushDocument, SetMetric, TotalMetric
from rollwatch.ingest.push.document_faults import refusal_of
from rollwatch.metrics.definition import MetricType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.figures import FigureDef
    from rollwatch.figures.figure import Labels
    from rollwatch.ingest.push.document import AnyMetric

__all__ = ["check_form", "read_own_shape"]

_MOST_VALUES = 50_000
"""Of one push, lists of observations included."""
_MEMBERS = {
    Operation.SET: "value",
    Operation.ADD: "add",
    Operation.TOTAL: "total",
    Operation.OBSERVE: "observe",
}
_FITTING = {
    MetricType.GAUGE: (Operation.SET,),
    MetricType.COUNTER: (Operation.ADD, Operation.TOTAL),
    MetricType.HISTOGRAM: (Operation.OBSERVE,),
}


def check_form(raw: Any) -> PushDocument:
    """Decoded JSON as a document of the documented form. Raises Refusal 422 that names up to three faults."""
    try:
        return PushDocument.model_validate(raw)
    except ValidationError as error:
        raise refusal_of(error) from None


def read_own_shape(document: PushDocument, definitions: Mapping[str, FigureDef]) -> Delivery:
    """What `document` says of these figures, and what can't be of them."""
    stamp = Stamp(document.id, document.source or "", document.sent_at, document.started_at)
    delivery = Delivery(stamp, records=dict(document.records))
    found = delivery.found
    for metric in document.metrics:
        try:
            definition = _definition(metric, definitions)
            labels = _labels(metric.labels, definition)
        except FigureRefused as why:
            found.refuse(metric.name, why.fault, why.message)
            continue
        values = _values(metric)
        room = _MOST_VALUES - len(found.items)
        found.items += [Item(metric.name, labels, metric.OPERATION, value) for value in values[:room]]
        if len(values) > room:
            message = f"has values beyond the first {_MOST_VALUES} of the push"
            found.refuse(metric.name, FigureFault.TOO_MANY, message)
    return delivery


def _definition(metric: AnyMetric, definitions: Mapping[str, FigureDef]) -> FigureDef:
    definition = definitions.get(metric.name)
    if definition is None:
        raise FigureRefused(FigureFault.UNDECLARED, "is no figure of this service")
    fitting = _FITTING[definition.type]
    if metric.OPERATION not in fitting:
        words = " or ".join(_MEMBERS[operation] for operation in fitting)
        raise FigureRefused(FigureFault.WRONG_OPERATION, f"is a {definition.type}: send {words}")
    return definition


def _labels(said: Mapping[str, str], definition: FigureDef) -> Labels:
    """The values in the order the figure declares its labels."""
    names = [label.name for label in definition.labels]
    try:
        values = tuple([said[name] for name in names])
    except KeyError:
        missing = next(name for name in names if name not in said)
        raise FigureRefused(FigureFault.LABEL_MISSING, f"needs the label {missing}") from None
    if len(said) > len(names):
        known = f"its labels are {' and '.join(names)}" if names else "it has none"
        raise FigureRefused(FigureFault.LABEL_UNKNOWN, f"was sent with a label it does not have; {known}")
    return values


def _values(metric: AnyMetric) -> list[float]:
    match metric:
        case SetMetric():
            return [metric.value]
        case AddMetric():
            return [metric.add]
        case TotalMetric():
            return [metric.total]
        case ObserveMetric():
            return metric.observe if isinstance(metric.observe, list) else [metric.observe]
