"""A compiled expression finds what jmespath's interpreter finds, whatever the expression and the document."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import jmespath
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rollwatch.config.compiled import compiled
from rollwatch.config.expressions import JsonExpression
from rollwatch.config.functions import FUNCTIONS

OPTIONS = jmespath.Options(custom_functions=FUNCTIONS)
ERRORS = (jmespath.exceptions.JMESPathError, ArithmeticError, LookupError, TypeError, ValueError)

NAMES = st.sampled_from("abc")
NUMBERS = st.sampled_from([0, 1, -1, 2, 500, 0.0, -0.0, 1.0, 0.1, 2.5, 1e16, 1e308, 10**18, 10**400])
TEXTS = st.sampled_from(["", "a", "ab", "b", "0", "1.5", "1e400", "nan", "é'`\\"])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=3) | VALUES
PLAIN_JSON = st.recursive(
    SCALARS.filter(lambda scalar: scalar != 10**400),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=3,
)


def _literal(value: object) -> str:
    return "`" + orjson.dumps(value).decode().replace("\\", "\\\\").replace("`", "\\`") + "`"


LITERALS = PLAIN_JSON.filter(lambda value: "\\" not in str(value) and "`" not in str(value)).map(_literal)
RAW_TEXTS = st.sampled_from(["''", "'a'", "'ab'", "'0'", "'1.5'"])
FIELDS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
INDEXES = st.tuples(FIELDS, st.integers(-3, 3)).map(lambda parts: f"{parts[0]}[{parts[1]}]")
LEAVES = FIELDS | INDEXES | LITERALS | RAW_TEXTS | st.sampled_from(["@", "[0]", "[-1].a", "a.b[0].c"])
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "&&", "||", "|"])
FUNCTIONS_OF_ONE = st.sampled_from(
    ["length", "to_number", "to_string", "type", "abs", "not_null", "sum", "max", "keys", "ceil", "sort"]
)
FUNCTIONS_OF_TWO = st.sampled_from(
    ["contains", "starts_with", "ends_with", "join", "not_null", "merge", "add", "divide"]
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(inner, OPERATORS, inner).map(lambda parts: "({} {} {})".format(*parts))
        | inner.map("(!{})".format)
        | st.tuples(FUNCTIONS_OF_ONE, inner).map(lambda parts: "{}({})".format(*parts))
        | st.tuples(FUNCTIONS_OF_TWO, inner, inner).map(lambda parts: "{}({}, {})".format(*parts))
        | st.tuples(inner, FIELDS | st.integers(0, 12).map(_literal)).map(
            lambda parts: "round({}, {})".format(*parts)
        )
        | st.tuples(FIELDS, FUNCTIONS_OF_ONE).map(lambda parts: "{}.{}(@)".format(*parts))
    ),
    max_leaves=6,
)


def _found_by_jmespath(source: str, document: Any) -> Any:
    try:
        return jmespath.compile(source).search(document, OPTIONS)
    except ERRORS:
        return None


def _same(a: object, b: object) -> bool:
    """With their types: to Python 1 is 1.0 and true."""
    return repr(a) == repr(b)


@settings(max_examples=300)
@given(EXPRESSIONS, st.lists(DOCUMENTS, min_size=1, max_size=5))
@example("a == `1`", [{"a": True}, {"a": 1}, {"a": 1.0}])
@example("a == `[0]`", [{"a": [False]}])
@example("a != b", [{"a": 1, "b": True}, {"a": 0, "b": False}, {"a": "x", "b": "x"}, {}])
@example("a.b[0].c | @ >= `1`", [{"a": {"b": [{"c": 1}]}}, {"a": {"b": []}}, {"a": {"b": {}}}, {"a": []}])
@example("sum(a)", [{"a": [1, 2.5]}, {"a": ["x"]}, {"a": 1}])
@example(
    "contains(a, b)", [{"a": "ab", "b": "b"}, {"a": [1], "b": True}, {"a": 1, "b": 1}, {"a": "1", "b": 1}]
)
@example("starts_with(a, b)", [{"a": "ab", "b": "a"}, {"a": "ab", "b": 1}])
@example("a == b", [{"a": 1, "b": True}, {"a": False, "b": 0.0}, {"a": 1, "b": 1.0}])
@example("a < `2`", [{"a": value} for value in (1, 2, True, None, [1])])
@example("(a < `2`) || 'x'", [{"a": "text"}, {"a": None}])
@example("a && b", [{"a": value, "b": 1} for value in (0, 0.0, "", False)])
@example("a || b", [{"a": value, "b": 1} for value in (0, 0.0, "", False)])
@example("!a && (a || 'x')", [{"a": value} for value in (0, 0.0, -0.0, "", [], {}, None, False)])
@example("abs(a) || 'x'", [{"a": "text"}, {"a": True}])
def test_the_compiled_expression_finds_what_jmespath_finds(source: str, documents: list[Any]) -> None:
    assert compiled(jmespath.compile(source).parsed) is not None, "left to jmespath, so nothing is compared"
    expression = JsonExpression(source)
    for document in documents:
        found, expected = expression.search(document), _found_by_jmespath(source, document)
        assert _same(found, expected), (source, document, found, expected)


@pytest.mark.parametrize(
    "source",
    ["a[*].b", "a[?b == `1`].c", "a[]", "a[0:2]", "{x: a}", "[a, b]", "*.a", "max_by(a, &b)", "a && a[*].b"],
)
@given(DOCUMENTS)
def test_what_is_not_compiled_is_left_to_jmespath(source: str, document: Any) -> None:
    assert compiled(jmespath.compile(source).parsed) is None
    assert _same(JsonExpression(source).search(document), _found_by_jmespath(source, document))


CENTS = st.integers(-(10**11), 10**11).map(lambda cents: Decimal(cents) / 100)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
@given(CENTS, CENTS)
def test_money_is_calculated_as_on_paper(name: str, a: Decimal, b: Decimal) -> None:
    on_paper = {"add": a + b, "subtract": a - b, "multiply": a * b}[name]
    found = JsonExpression(f"{name}(a, b)").search({"a": float(a), "b": float(b)})
    assert found == float(on_paper)


@given(st.integers() | st.floats(), st.integers() | st.floats())
def test_whatever_is_calculated_is_a_finite_number_or_nothing(a: float, b: float) -> None:
    for name in ("add", "subtract", "multiply", "divide", "round"):
        found = JsonExpression(f"{name}(a, b)").search({"a": a, "b": b})
        assert found is None or -1e300 < found < 1e300
