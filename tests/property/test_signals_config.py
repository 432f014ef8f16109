"""A good file with anything put in its place anywhere is a Config, or what is wrong is said with its line."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rollwatch.config.yaml_tree import compose
from rollwatch.errors import ConfigError
from rollwatch.figures.board import Board
from rollwatch.metrics.store import Store
from support.config_kinds import load
from support.manual_clock import ManualClock
from support.signals_example import FULL

if TYPE_CHECKING:
    from rollwatch.config.config import Config

_WORDS = st.sampled_from(
    [
        "any",
        "gauge",
        "counter",
        "histogram",
        "rollwatch_active_users",
        "rollwatch_system_errors_total",
        "orders_total",
        "orders_waiting",
        "x_total",
        "trades",
        "1h",
        "P1",
        "a",
        "'a'",
        "*",
        "",
    ]
)
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=5), _WORDS)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)


def _example() -> Any:
    root, _ = compose(FULL)
    assert root is not None
    return root.plain()


EXAMPLE = _example()


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else []
    return [path, *(place for key in keys for place in _places(tree[key], (*path, key)))]


PLACES = [place for place in _places(EXAMPLE) if place]


def _changed(place: tuple[Any, ...], value: Any, how: str) -> Any:
    tree = copy.deepcopy(EXAMPLE)
    *above, last = place
    node = tree
    for key in above:
        node = node[key]
    if how == "remove":
        del node[last]
    elif how == "rename" and isinstance(node, dict) and isinstance(value, str):
        node[value] = node.pop(last)
    else:
        node[last] = value
    return tree


@settings(max_examples=300)
@given(st.sampled_from(PLACES), _VALUES, st.sampled_from(["replace", "remove", "rename"]))
def test_a_good_file_with_one_thing_changed_is_good_or_says_what_is_wrong(
    place: tuple[Any, ...], value: Any, how: str
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "rollwatch.yml")
        path.write_text(json.dumps(_changed(place, value, how)))
        try:
            config: Config | None = load(path, env={"TOKEN": "a secret", "NEXT": "b secret"})
            problems = []
        except ConfigError as error:
            config, problems = None, list(error.problems)
    assert (config is None) == bool(problems)
    assert all(problem.message for problem in problems)
    if config is not None:
        # Whatever is good can be put in force.
        Board(Store(), ManualClock(), location="here").configure(config)
