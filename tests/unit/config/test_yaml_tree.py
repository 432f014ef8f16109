"""YAML without its traps."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rollwatch.config.yaml_tree import DEPTH_LIMIT, SIZE_LIMIT, compose


def plain(text: str) -> Any:
    root, flaws = compose(text)
    assert flaws == []
    assert root is not None
    return root.plain()


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("2024-01-31", "2024-01-31"),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("010", "010"),
        ("12345678901234567890123", 12345678901234567890123),
        ("0.10", 0.1),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("9" * 5000, "9" * 5000),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("1.", "1."),
        ("1.e2", 100.0),
        ("1e9999", math.inf),
        ("-.inf", -math.inf),
        (".inf", math.inf),
        ("1.2.3", "1.2.3"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("|-\n  5", "5"),
        ("=", "="),
    ],
)
def test_a_word_means_what_it_looks_like(word: str, value: object) -> None:
    assert plain(f"key: {word}\n") == {"key": value}


def test_keys_are_always_text() -> None:
    assert plain("off: 1\n1: 2\ntrue: 3\nnull: 4\n1.5: 5\n") == {
        "off": 1,
        "1": 2,
        "true": 3,
        "null": 4,
        "1.5": 5,
    }


def test_not_a_number_is_a_number_that_later_checks_refuse() -> None:
    assert math.isnan(plain(".nan"))


def test_nesting_up_to_the_limit_is_read() -> None:
    assert plain("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT) is not None


def test_nesting_through_aliases_counts() -> None:
    half = DEPTH_LIMIT // 2 + 1
    text = f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}\n"

    root, flaws = compose(text)

    assert root is None
    assert flaws[0].message == "aliases that expand to too much"


def test_a_hundred_thousand_opening_brackets_end_in_a_sentence() -> None:
    root, flaws = compose("[" * 100_000)

    assert root is None
    assert "nested deeper" in flaws[0].message


def test_a_text_with_more_nodes_than_the_limit_is_refused() -> None:
    root, flaws = compose("[" + "1," * SIZE_LIMIT + "]")

    assert root is None
    assert len(flaws) == 1


def test_an_alias_can_be_a_key() -> None:
    assert plain("a: &name x\n*name : 1\n") == {"a": "x", "x": 1}


def test_a_quoted_merge_sign_is_a_key_like_others() -> None:
    assert plain("{'<<': {a: 1}}") == {"<<": {"a": 1}}


def test_a_flaw_in_a_list_has_its_index_in_the_path() -> None:
    _, flaws = compose("a:\n  - x: 1\n  - x: 1\n    x: 2\n")

    assert (flaws[0].line, flaws[0].path) == (4, "a[1]")
