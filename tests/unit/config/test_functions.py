"""Arithmetic in expressions: exact in decimal, and nothing where there is no result."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rollwatch.config.expressions import JsonExpression

TRADE = {"entry": 5.00, "exit": 5.50, "quantity": 10, "commission": 1.30, "slippage": 0.25}
GROSS = "multiply(subtract(exit, entry), quantity)"
NET = f"subtract(subtract({GROSS}, commission), slippage)"
PERCENT = f"multiply(divide({NET}, multiply(entry, quantity)), `100`)"


def found(expression: str, doc: Any = None) -> Any:
    return JsonExpression(expression).search(doc)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        (GROSS, 5.0),
        (NET, 3.45),
        (PERCENT, 6.9),
        (f"abs(subtract({PERCENT}, `8.5`))", 1.6),
        (f"abs(subtract({PERCENT}, `12`))", 5.1),
        (f"{NET} == `3.45`", True),
    ],
)
def test_the_profit_of_a_trade_is_right_to_the_cent(expression: str, result: object) -> None:
    assert found(expression, TRADE) == result


def test_the_documented_example_gives_what_is_said() -> None:
    page = (Path(__file__).parents[3] / "docs/configuration.md").read_text("utf-8")
    [expression] = re.findall(r'```yaml\n"(.+)"\n```', page)
    assert found(expression, TRADE) == 7.4


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("add(`1`, `2`)", "3"),
        ("add(`0.1`, `0.2`)", "0.3"),
        ("add(`1`, `0.5`)", "1.5"),
        ("add(`9007199254740993`, `1`)", "9007199254740994"),
        ("add(`-0.0`, `-0.0`)", "0.0"),
        ("subtract(`1.1`, `1`)", "0.1"),
        ("subtract(`0.3`, `0.3`)", "0.0"),
        ("multiply(`-1.5`, `0`)", "0.0"),
        ("multiply(`1.15`, `100`)", "115.0"),
        ("multiply(`12345678901234567890`, `10`)", "123456789012345678900"),
        ("divide(`6`, `2`)", "3"),
        ("divide(`7`, `2`)", "3.5"),
        ("divide(`-7`, `2`)", "-3.5"),
        ("divide(`1`, `3`)", "0.3333333333333333"),
        ("divide(`0.3`, `0.1`)", "3.0"),
        ("divide(`0`, `5`)", "0"),
        ("round(`2.5`, `0`)", "3.0"),
        ("round(`-2.5`, `0`)", "-3.0"),
        ("round(`2.675`, `2`)", "2.68"),
        ("round(`1.005`, `2`)", "1.01"),
        ("round(`-0.001`, `2`)", "0.0"),
        ("round(`0.1234567890125`, `12`)", "0.123456789013"),
        ("round(`5e-324`, `12`)", "0.0"),
        ("round(`9007199254740991.5`, `2`)", "9007199254740992.0"),
        ("round(`1e299`, `12`)", "1e+299"),
        ("round(`1e-7`, `2.0`)", "0.0"),
        ("round(`7`, `2`)", "7"),
    ],
)
def test_a_result_is_the_one_on_paper(expression: str, result: str) -> None:
    assert repr(found(expression)) == result


@pytest.mark.parametrize(
    ("expression", "doc"),
    [
        ("divide(a, b)", {"a": 1, "b": 0}),
        ("divide(a, b)", {"a": 1.5, "b": 0.0}),
        ("divide(a, b)", {"a": 0, "b": 0}),
        ("divide(a, b)", {"a": 1e299, "b": 1e-299}),
        ("add(a, b)", {"a": math.nan, "b": 1}),
        ("add(a, b)", {"a": 1, "b": math.inf}),
        ("add(a, b)", {"a": 1e308, "b": 1e308}),
        ("add(a, b)", {"a": 10**400, "b": 1}),
        ("add(a, b)", {"a": 0.5, "b": -(10**100_000)}),
        ("multiply(a, b)", {"a": 10**200, "b": 10**200}),
        ("multiply(a, b)", {"a": 1e200, "b": 1e200}),
        ("round(a, `2`)", {"a": math.nan}),
        ("round(a, `2`)", {"a": 10**400}),
        ("round(a, b)", {"a": 1.5, "b": -1}),
        ("round(a, b)", {"a": 1.5, "b": 13}),
        ("round(a, b)", {"a": 1.5, "b": 1.5}),
        ("round(a, b)", {"a": 1.5, "b": math.nan}),
    ],
)
def test_where_there_is_no_result_it_is_null_and_can_be_replaced(
    expression: str, doc: dict[str, object]
) -> None:
    assert found(expression, doc) is None
    assert found(f"not_null({expression}, 'none')", doc) == "none"


@pytest.mark.parametrize("b", [None, "1", True, [1], {"b": 1}])
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "round"])
def test_calculating_with_what_is_no_number_finds_nothing_at_all(name: str, b: object) -> None:
    for arguments in ("a, b", "b, a"):
        assert found(f"not_null({name}({arguments}), 'none')", {"a": 1, "b": b}) is None


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("round(a, `13`)", "Write `0` to `12`"),
        ("round(a, `-1`)", "Write `0` to `12`"),
        ("round(a, 'x')", "Write `0` to `12`"),
        ("round(a, `true`)", "Write `0` to `12`"),
        ("[?round(a)]", "It takes 2"),
        ("x || add(a, b, c)", "It takes 2"),
        ("plus(a, b)", "calls 'plus'"),
    ],
)
def test_a_call_that_can_never_work_is_refused_at_load(expression: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TypeAdapter(JsonExpression).validate_python(expression)


def test_arithmetic_works_inside_of_projections_too() -> None:
    trades = [{"buy": 1.1, "sell": 1.2}, {"buy": 2, "sell": None}, {"buy": 0.7, "sell": 0.8}]
    assert found("[?sell].subtract(sell, buy)", trades) == [0.1, 0.1]
