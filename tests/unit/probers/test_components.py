"""Which parts a health body reports, and how they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollwatch.probers._components import COMPONENT_LIMIT, read_components

TERMINUS = {
    "status": "error",
    "info": {"redis": {"status": "up"}},
    "error": {"stripe": {"status": "down", "error": "ECONNREFUSED"}},
    "details": {"redis": {"status": "up"}, "stripe": {"status": "down", "error": "ECONNREFUSED"}},
}
SPRING = {
    "status": "UP",
    "components": {"db": {"status": "UP", "details": {"x": "down"}}, "mq": {"status": "DOWN"}},
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            {
                "status": "healthy",
                "database": "connected",
                "websocket": "inactive",
                "environment": "production",
            },
            {"database": True, "websocket": False},
            id="flat words",
        ),
        pytest.param(
            {
                "database": {"status": "connected"},
                "external_services": {"supabase": "connected", "mail": "error"},
            },
            {"database": True, "supabase": True, "mail": False},
            id="nested",
        ),
        pytest.param(
            {
                "external_services": {"status": "ok", "supabase": "connected", "mail": {"status": "DOWN"}},
                "checks": {"cache": True, "queue": False, "ms": 3},
                "database": {"status": "up", "pool": "exhausted", "last_error": "timeout", "tls": True},
                "isLeader": False,
            },
            {
                "external_services": True,
                "supabase": True,
                "mail": False,
                "cache": True,
                "queue": False,
                "database": True,
            },
            id="groups with a status of their own",
        ),
        pytest.param(TERMINUS, {"redis": True, "stripe": False}, id="Terminus"),
        pytest.param(SPRING, {"db": True, "mq": False}, id="Spring"),
        pytest.param(
            {"checks": [{"name": "db", "status": "pass"}, {"name": "disk", "status": "fail"}, {"x": 1}]},
            {"db": True, "disk": False},
            id="a list of checks",
        ),
        pytest.param(
            {"eu": {"cache": "up"}, "us": {"cache": "down"}},
            {"cache": True, "us.cache": False},
            id="one name twice",
        ),
        pytest.param(
            {"db": {"connected": True}, "mq": {"ok": False}}, {"db": True, "mq": False}, id="true and false"
        ),
        pytest.param({"db": {"status": "OK (12 ms)"}}, {"db": True}, id="a word with more behind it"),
        pytest.param(
            {"db": "down: timeout", "mq": "not connected"}, {"db": False, "mq": False}, id="in a sentence"
        ),
        pytest.param({"db": "not_connected"}, {"db": False}, id="in snake case"),
        pytest.param({"db": {"status": "frobnicated"}}, {"db": False}, id="an unknown word is not up"),
        pytest.param({"colour": "blue", "motto": "semper paratus"}, {}, id="words that are not about health"),
        pytest.param({"beta": "disabled", "mail": {"status": "skipped"}}, {}, id="not in use"),
        pytest.param({"db": "degraded"}, {"db": True}, id="degraded still works"),
        pytest.param(
            {"status": "down", "uptime": "ok", "message": "error", "version": "up"}, {}, id="not parts"
        ),
        pytest.param(
            {"memory": {"status": "up", "heapUsed": 1}}, {"memory": True}, id="a part with a common name"
        ),
        pytest.param([{"db": "up"}], {}, id="no object"),
        pytest.param({"a": {"b": {"c": {"d": {"e": {"f": "up"}}}}}}, {}, id="too deep"),
        pytest.param({"": "up", "_links": {"self": "up"}, "$schema": "ok"}, {}, id="names that are none"),
    ],
)
def test_every_shape_of_a_health_body_is_understood(document: Any, expected: dict[str, bool]) -> None:
    found = read_components(document).found
    assert {component.name: component.is_up for component in found} == expected


def test_what_went_wrong_is_kept_in_words() -> None:
    (stripe,) = [c for c in read_components(TERMINUS).found if c.name == "stripe"]
    assert stripe.word == "down: ECONNREFUSED"


@pytest.mark.parametrize("name", ["stripe", "STRIPE"])
def test_critical_components_are_marked_and_listed_first(name: str) -> None:
    document = {"aaa": "down", "stripe": "down"}
    components = read_components(document, frozenset({name}))
    assert {c.name: c.is_critical for c in components.found} == {"aaa": False, "stripe": True}
    assert components.down == ["stripe", "aaa"]
    assert components.names_one(name)


@pytest.mark.parametrize(
    ("value", "is_up"), [("frobnicated", False), (True, True), (False, False), ("up", True)]
)
def test_whatever_a_critical_name_says_it_is_a_component(value: object, is_up: bool) -> None:
    (component,) = read_components({"db": value}, frozenset({"db"})).found
    assert component.is_up is is_up


def test_only_so_many_are_read() -> None:
    components = read_components({f"part{i}": "up" for i in range(COMPONENT_LIMIT + 50)})
    assert (len(components.found), components.ignored) == (COMPONENT_LIMIT, 50)


def test_a_huge_body_is_not_walked_to_its_end() -> None:
    components = read_components({f"x{i}": [{"name": f"y{j}"} for j in range(100)] for i in range(1000)})
    assert components.ignored > 0


WORDS = st.sampled_from(
    ["up", "down", "status", "name", "info", "error", "details", "db", "checks", "x" * 300, "\x00"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5) | WORDS, inner, max_size=6)
    ),
    max_leaves=40,
)


@given(JSON, st.frozensets(WORDS | st.text(max_size=5), max_size=3))
def test_no_body_is_too_strange(document: Any, critical: frozenset[str]) -> None:
    components = read_components(document, critical)
    assert len(components.found) <= COMPONENT_LIMIT
    names = [component.name for component in components.found]
    assert len(names) == len(set(names))
    for component in components.found:
        assert 0 < len(component.name) <= 100
        assert len(component.word) <= 200
        assert component.name.isprintable()
        assert component.word.isprintable()
    assert json.dumps(names)
