"""What an expression is made of: its selectors with what is around them, and the labels that it leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import promql_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    LabelsOf = Callable[[str], frozenset[str] | None]

__all__ = ["Selected", "labels_left", "parsed", "selected"]

_WINDOWS = {"__rate_interval": "1m", "__interval": "15s", "__range": "6h"}
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)[^}]*\}")
_CHILDREN = ("lhs", "rhs", "expr", "vector_selector")
_CHOOSING = {"topk", "bottomk", "limitk"}
_LITERALS = (promql_parser.NumberLiteral, promql_parser.StringLiteral)


@dataclass(frozen=True, slots=True)
class Selected:
    """One selector."""

    name: str
    """Empty where a variable has it."""
    labels: frozenset[str]
    values: tuple[tuple[str, str], ...]
    """Label and value of each matcher, as written."""
    function: str
    """What is applied to it directly: `rate`, `increase`, … or empty."""


def parsed(expr: str) -> Any:
    """The expression with variables filled in. Raises ValueError that says where it can't be read."""
    return promql_parser.parse(_VARIABLE.sub(lambda found: _WINDOWS.get(found[1] or found[2], ".+"), expr))


def selected(node: Any, function: str = "") -> Iterator[Selected]:
    """Every selector below a node of what was parsed."""
    if isinstance(node, promql_parser.VectorSelector):
        matchers = [(matcher.name, matcher.value) for matcher in node.matchers.matchers]
        names = [value for label, value in matchers if label == "__name__"]
        rest = tuple((label, value) for label, value in matchers if label != "__name__")
        name = node.name or (names[0] if names and ".+" not in names[0] else "")
        yield Selected(name, frozenset(label for label, _ in rest), rest, function)
        return
    if isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from selected(argument, str(node.func.name))
        return
    for child in _CHILDREN:
        below = getattr(node, child, None)
        if below is not None:
            yield from selected(below, function if child == "vector_selector" else "")


def labels_left(node: Any, labels_of: LabelsOf) -> frozenset[str] | None:
    """The labels that a result may have; None where nobody knows, since a metric is another program's."""
    match node:
        case promql_parser.VectorSelector():
            return labels_of(node.name or "")
        case promql_parser.MatrixSelector():
            return labels_left(node.vector_selector, labels_of)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return frozenset()
        case promql_parser.AggregateExpr():
            return _of_aggregation(node, labels_of)
        case promql_parser.BinaryExpr():
            return _of_operation(node, labels_of)
        case promql_parser.Call():
            return _of_call(node, labels_of)
        case _:
            return labels_left(node.expr, labels_of)


def _of_aggregation(node: Any, labels_of: LabelsOf) -> frozenset[str] | None:
    below = labels_left(node.expr, labels_of)
    if node.modifier is None:
        return below if str(node.op) in _CHOOSING else frozenset()
    named = frozenset(node.modifier.labels)
    if node.modifier.type != promql_parser.AggModifierType.By:
        return None if below is None else below - named
    return below if str(node.op) in _CHOOSING else named if below is None else named & below


def _of_operation(node: Any, labels_of: LabelsOf) -> frozenset[str] | None:
    left, right = labels_left(node.lhs, labels_of), labels_left(node.rhs, labels_of)
    if isinstance(node.lhs, _LITERALS) or _is_scalar(node.lhs):
        return right
    if str(node.op) == "or":
        return None if left is None or right is None else left | right
    modifier = node.modifier
    if str(node.op) in {"and", "unless"} or modifier is None or modifier.matching is None or left is None:
        return left
    if modifier.card == promql_parser.VectorMatchCardinality.OneToOne:
        named = frozenset(modifier.matching.labels)
        is_on = modifier.matching.type == promql_parser.LabelModifierType.Include
        return left & named if is_on else left - named
    return left | frozenset(modifier.group_labels or ())


def _is_scalar(node: Any) -> bool:
    return isinstance(node, promql_parser.Call) and str(node.func.name) in {"time", "scalar"}


def _of_call(node: Any, labels_of: LabelsOf) -> frozenset[str] | None:
    name = str(node.func.name)
    series = next((one for one in node.args if not isinstance(one, _LITERALS)), None)
    below = frozenset() if series is None else labels_left(series, labels_of)
    if below is not None and name in {"label_replace", "label_join"}:
        return below | {node.args[1].val}
    return below - {"le"} if below is not None and name == "histogram_quantile" else below
