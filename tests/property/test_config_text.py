"""Whatever a file holds, loading it gives a Config or says what is wrong: nothing else, and soon."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rollwatch.config.config import Config
from rollwatch.config.fields import format_bytes, format_seconds, parse_bytes, parse_seconds
from rollwatch.config.template import Template
from rollwatch.config.urls import Url
from rollwatch.config.yaml_tree import compose
from rollwatch.errors import ConfigError
from support.config_kinds import load

KEYS = [
    "environment",
    "location",
    "services",
    "defaults",
    "host",
    "reference_check",
    "api",
    "probes",
    "a",
    "kind",
    "url",
    "interval",
    "timeout",
    "expect",
    "json",
    "status",
    "headers",
    "thresholds",
    "http_p95_seconds",
    "P1",
    "P2",
    "links",
    "owner",
    "locations",
    "buckets",
    "checks",
]
WORDS = st.sampled_from([*KEYS, "web", "line", "off", "15s", "${env:A}", "http://x/", "db:5432", "<<"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
YAML_LIKE = st.text(alphabet=st.sampled_from("ab:- \n\t{}[],&*!|>'\"#%@?~<$0.\\"), max_size=200)


def outcome(content: bytes) -> Config | ConfigError:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "rollwatch.yml")
        path.write_bytes(content)
        try:
            return load(path, env={"A": "hunter2"})
        except ConfigError as error:
            refusal = error
    assert refusal.problems
    assert "hunter2" not in str(refusal)
    return refusal


@given(st.binary(max_size=300))
def test_any_bytes_give_a_config_or_problems(content: bytes) -> None:
    outcome(content)


@given(YAML_LIKE | st.text(max_size=200))
@example("a: &a [*a]")
@example("? [a]\n: b")
@example("{? : }")
@example("%YAML 9.9\n---\n")
@example("a: !!binary x")
@example("- " * 300)
@example("{a: " * 300)
@example("a: b: c")
def test_any_text_gives_a_config_or_problems(text: str) -> None:
    outcome(text.encode("utf-8", "surrogatepass"))


@given(TREES)
@settings(max_examples=200)
def test_any_tree_gives_a_config_or_problems_each_with_a_line(tree: object) -> None:
    result = outcome(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))

    if isinstance(result, ConfigError):
        assert all(
            problem.message and (problem.line is not None or not problem.path) for problem in result.problems
        )


@given(TREES)
def test_services_of_any_shape_give_a_config_or_problems(tree: object) -> None:
    outcome(yaml.safe_dump({"environment": "t", "services": {"api": {"probes": {"a": tree}}}}).encode())
    outcome(
        yaml.safe_dump(
            {"environment": "t", "services": {"api": {"thresholds": tree, "links": tree}}}
        ).encode()
    )
    outcome(yaml.safe_dump({"environment": "t", "host": tree, "defaults": tree, "services": tree}).encode())


PLAIN = st.recursive(
    st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(st.characters(codec="ascii", categories=["L", "N"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_what_is_written_in_quotes_is_read_as_it_was(tree: object) -> None:
    root, flaws = compose(
        yaml.safe_dump(tree, default_style='"') if isinstance(tree, str) else yaml.safe_dump(tree)
    )

    assert flaws == []
    assert root is not None
    if isinstance(tree, str):
        assert root.plain() == tree


@given(st.integers(0, 10**12))
def test_a_duration_is_read_back_as_it_was_written(milliseconds: int) -> None:
    assert parse_seconds(format_seconds(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=5e-4)


@given(st.integers(0, 2**38))
def test_a_size_is_read_back_as_it_was_written(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == size


@given(st.text(max_size=60))
def test_any_text_becomes_a_duration_or_a_mistake(text: str) -> None:
    try:
        seconds = parse_seconds(text)
    except ValueError:
        return
    assert 0 <= seconds < 1e15


class _Store:
    """Every secret has this value."""

    def __init__(self, value: str) -> None:
        self._value = value

    def cell(self, reference: str) -> _Cell:
        return _Cell(reference, self._value)


class _Cell:
    version = 1

    def __init__(self, reference: str, value: str) -> None:
        self.reference = reference
        self._value = value

    def value(self) -> str:
        return self._value


@given(st.text(min_size=1, max_size=40))
def test_a_secret_in_a_url_never_changes_where_it_leads(value: str) -> None:
    text = "https://u:${env:A}@host.example:8443/p/${env:A}?q=${env:A}"

    url = Url.parse(text, _Store(value.encode("utf-8", "replace").decode()))
    rendered = Url.parse(url.render().replace("$", "$$"))

    assert (rendered.scheme, rendered.host, rendered.port) == ("https", "host.example", 8443)
    assert url.masked == "https://***@host.example:8443/p/***?q=***"


@given(st.text(max_size=80))
def test_any_text_is_a_template_or_says_what_to_write(text: str) -> None:
    try:
        template = Template.parse(text, _Store("hunter2"))
    except ValueError:
        assert "${" in text
        return
    assert "hunter2" not in template.masked or "hunter2" in text
    if "${" not in text.replace("$$", ""):
        assert template.render() == text.replace("$$", "$")
