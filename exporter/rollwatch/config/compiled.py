"""JMESPath as Python closures: the same results as jmespath's interpreter, many times as fast.

jmespath dispatches on every node of its tree anew for every document, which costs more than all else that
is done to a line of a log. Compiled are paths, indexes, literals, comparisons, `&&`, `||`, `!`, pipes and
function calls; projections, slices and multi-selects are left to jmespath. The semantics are those of
`jmespath.visitor.TreeInterpreter` for documents of decoded JSON.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from jmespath.functions import REVERSE_TYPES_MAP

from rollwatch.config.functions import FUNCTIONS

__all__ = ["Evaluate", "compiled"]

Evaluate = Callable[[Any], Any]
"""From a document to what is found in it; raises what jmespath raises."""
Node = Mapping[str, Any]
"""A node of jmespath's tree: `type`, `value` and `children`."""

_ORDERINGS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}
_ORDERED = (int, float, str)


class _NotCompiledError(Exception):
    """The tree has a node that is left to jmespath."""


def compiled(tree: Node) -> Evaluate | None:
    """What evaluates the tree (`jmespath.compile(…).parsed`), or None if some of it is left to jmespath.

    Every function in it must be known and called with as many arguments as it takes.
    """
    try:
        return _build(tree)
    except (_NotCompiledError, RecursionError):
        return None


def _build(node: Node) -> Evaluate:
    builder = _BUILDERS.get(node["type"])
    if builder is None:
        raise _NotCompiledError
    return builder(node)


def _itself(node: Node) -> Evaluate:
    return lambda value: value


def _literal(node: Node) -> Evaluate:
    literal = node["value"]
    return lambda value: literal


def _field(node: Node) -> Evaluate:
    name = node["value"]
    return lambda value: value.get(name) if isinstance(value, dict) else None


def _index(node: Node) -> Evaluate:
    index = node["value"]

    def item(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        try:
            return value[index]
        except IndexError:
            return None

    return item


def _chain(node: Node) -> Evaluate:
    children = node["children"]
    if all(child["type"] == "field" for child in children):
        return _path([child["value"] for child in children])
    steps = tuple(_build(child) for child in children)

    def last(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return last


def _path(names: list[str]) -> Evaluate:
    def end(value: Any) -> Any:
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return end


def _is_false(value: Any) -> bool:
    """0 is true in JMESPath."""
    return not value and (value is False or not isinstance(value, int | float))


def _and(node: Node) -> Evaluate:
    left, right = map(_build, node["children"])

    def both(value: Any) -> Any:
        found = left(value)
        return right(value) if found or not _is_false(found) else found

    return both


def _or(node: Node) -> Evaluate:
    left, right = map(_build, node["children"])

    def either(value: Any) -> Any:
        found = left(value)
        return found if found or not _is_false(found) else right(value)

    return either


def _not(node: Node) -> Evaluate:
    [child] = map(_build, node["children"])
    return lambda value: _is_false(child(value))


def _comparator(node: Node) -> Evaluate:
    left, right = map(_build, node["children"])
    match node["value"]:
        case "eq" if node["children"][1]["type"] == "literal":
            return _equal_to(left, node["children"][1]["value"])
        case "eq":
            return lambda value: _equal(left(value), right(value))
        case "ne":
            return lambda value: not _equal(left(value), right(value))
        case ordering:
            return _ordered(_ORDERINGS[ordering], left, right)


def _equal(a: Any, b: Any) -> bool:
    # To Python 1 is True; only here must the two be told apart, inside of lists jmespath does not.
    return a == b and isinstance(a, bool) is isinstance(b, bool)


def _equal_to(left: Evaluate, literal: Any) -> Evaluate:
    """The most frequent comparison, without the calls for its right side."""
    is_bool = isinstance(literal, bool)

    def equals(value: Any) -> bool:
        found = left(value)
        return found == literal and isinstance(found, bool) is is_bool

    return equals


def _is_ordered(value: Any) -> bool:
    return isinstance(value, _ORDERED) and not isinstance(value, bool)


def _ordered(compare: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    def in_order(value: Any) -> bool | None:
        a, b = left(value), right(value)
        # A number against text is a TypeError, in jmespath too.
        return compare(a, b) if _is_ordered(a) and _is_ordered(b) else None

    return in_order


def _function(node: Node) -> Evaluate:
    name = node["value"]
    arguments = [_build(child) for child in node["children"]]
    entry = FUNCTIONS.FUNCTION_TABLE[name]
    function, signature = entry["function"], entry["signature"]
    accepted = [_type_names(parameter["types"]) for parameter in signature]
    if len(arguments) != len(signature) or None in accepted or not 1 <= len(arguments) <= 2:
        return lambda value: FUNCTIONS.call_function(name, [argument(value) for argument in arguments])

    # `call_function` makes its lists of types anew for every call; here it is asked only to refuse one.
    if len(arguments) == 1:
        [only], [types] = arguments, accepted

        def of_one(value: Any) -> Any:
            a = only(value)
            if types and type(a).__name__ not in types:
                return FUNCTIONS.call_function(name, [a])
            return function(FUNCTIONS, a)

        return of_one
    (first, second), (first_types, second_types) = arguments, accepted

    def of_two(value: Any) -> Any:
        a, b = first(value), second(value)
        if (first_types and type(a).__name__ not in first_types) or (
            second_types and type(b).__name__ not in second_types
        ):
            return FUNCTIONS.call_function(name, [a, b])
        return function(FUNCTIONS, a, b)

    return of_two


def _type_names(types: list[str]) -> frozenset[str] | None:
    """The Python types a parameter takes, empty if any; None if the items of a list have types as well."""
    if any("-" in name for name in types):
        return None
    return frozenset(name for one in types for name in REVERSE_TYPES_MAP[one])


_BUILDERS: Mapping[str, Callable[[Node], Evaluate]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _itself,
    "field": _field,
    "function_expression": _function,
    "identity": _itself,
    "index": _index,
    "index_expression": _chain,
    "literal": _literal,
    "not_expression": _not,
    "or_expression": _or,
    "pipe": _chain,
    "subexpression": _chain,
}
