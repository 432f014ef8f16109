"""The page of failure modes has all of them, each with tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rollback-failure-modes.md").read_text()
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in PAGE.splitlines()
    if re.match(r"\| \d+ \|", line)
]
LATER = {"40", "41"}
"""Of platforms that have no strategy yet."""
NAMED = sorted({name for row in ROWS for name in re.findall(r"`(tests/[^`]+)`", row[-1])})


@cache
def _tests_in(file: Path) -> frozenset[str]:
    """`test_it`, and `TestClass::test_it`."""
    found: set[str] = set()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, functions):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, functions)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


def test_all_of_them_are_there_in_order() -> None:
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 52)]
    assert all(len(row) == 4 and all(row) for row in ROWS)


def test_each_has_a_test_but_those_of_platforms_that_come_later() -> None:
    assert {number for number, *_, test in ROWS if test == "later"} == LATER
    for number, *_, test in ROWS:
        assert number in LATER or re.fullmatch(r"`tests/[^`]+::[^`]+`(<br>`tests/[^`]+::[^`]+`)*", test)


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert (ROOT / file).is_file()
    assert test in _tests_in(ROOT / file)
