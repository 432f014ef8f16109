"""What people write for one value, and what it becomes."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rollwatch.config.fields import (
    ByteSize,
    Host,
    HostPort,
    JsonExpression,
    LocalFile,
    Name,
    Pattern,
    Seconds,
    StatusRanges,
    did_you_mean,
    format_bytes,
    format_seconds,
)


def read(annotation: Any, value: object) -> Any:
    return TypeAdapter(annotation).validate_python(value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15.0),
        ("1m30s", 90.0),
        ("500ms", 0.5),
        ("700ms", 0.7),  # not 0.7000000000000001, which a label would show
        ("0.57s", 0.57),
        ("2h", 7200.0),
        ("7d", 604_800.0),
        ("1d2h3m4s5ms", 93_784.005),
        ("1.5m", 90.0),
        ("0s", 0.0),
        (" 15s ", 15.0),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert read(Seconds, text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "250ms"), (90, "1m30s"), (86_400, "1d"), (3661.5, "1h1m1s500ms")],
)
def test_a_duration_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("512B", 512), ("64KiB", 65_536), ("1MiB", 1_048_576), ("1.5KiB", 1536), ("2GiB", 2**31)],
)
def test_a_size_is_read_in_bytes(text: str, size: int) -> None:
    assert read(ByteSize, text) == size


@pytest.mark.parametrize(("size", "text"), [(0, "0B"), (1, "1B"), (1025, "1025B"), (65_536, "64KiB")])
def test_a_size_is_written_with_the_largest_unit_that_divides_it(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize("name", ["a", "0", "api-v1.2_x", "a" * 64])
def test_a_name_fits_a_label_and_a_url(name: str) -> None:
    assert read(Name, name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a/b", "a b", "a" * 65, "a\n", "ä"])
def test_other_text_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a name"):
        read(Name, name)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("db.internal:5432", "db.internal", 5432),
        ("192.0.2.1:1", "192.0.2.1", 1),
        ("[::1]:65535", "::1", 65535),
        ("[2001:DB8:0:0::1]:80", "2001:db8::1", 80),
        ("example.com.:80", "example.com.", 80),
        ("_dmarc.example.com:53", "_dmarc.example.com", 53),
    ],
)
def test_an_address_is_host_and_port(text: str, host: str, port: int) -> None:
    address = read(HostPort, text)

    assert address == (host, port)
    assert read(HostPort, str(address)) == address
    assert read(HostPort, address) is address


@pytest.mark.parametrize(
    "text", ["", "db", ":80", "db:", "db:65536", "db:08x", "[::1:80", "::1]:80", "a" * 64 + ":1"]
)
def test_other_text_is_no_address(text: str) -> None:
    with pytest.raises(ValidationError):
        read(HostPort, text)


@pytest.mark.parametrize("text", ["::1", "[::1]"])
def test_a_host_may_be_an_ipv6_address_with_or_without_brackets(text: str) -> None:
    assert read(Host, text) == "::1"


@pytest.mark.parametrize(
    ("written", "good", "bad"),
    [
        (200, [200], [199, 201]),
        ("2xx", [200, 299], [199, 300]),
        ([200, "300-399", "5xx"], [200, 300, 399, 599], [201, 299, 400]),
    ],
)
def test_status_codes_are_ranges(written: object, good: list[int], bad: list[int]) -> None:
    ranges = read(StatusRanges, written)

    assert all(ranges.contains(status) for status in good)
    assert not any(ranges.contains(status) for status in bad)
    assert read(StatusRanges, ranges) is ranges


def test_status_codes_are_shown_as_written() -> None:
    assert str(read(StatusRanges, [200, "300-399"])) == "200, 300-399"
    assert TypeAdapter(StatusRanges).dump_python(read(StatusRanges, [200, "300-399"])) == ["200", "300-399"]


def test_a_path_object_is_taken_as_it_is() -> None:
    assert read(LocalFile, Path("/nowhere")) == Path("/nowhere")


def test_a_file_is_found_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").touch()
    monkeypatch.chdir(tmp_path)

    assert read(LocalFile, "ca.pem") == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("expression", "doc", "holds"),
    [
        ("status == 'ok'", {"status": "ok"}, True),
        ("status == 'ok'", {"status": "down"}, False),
        ("status", {"status": "ok"}, False),
        ("up", {"up": True}, True),
        ("missing == 'x'", None, False),
        ("length(items) > `0`", {"items": None}, False),
        ("sum(items)", {"items": ["a"]}, False),
        ("max_by(@, &x)", [{"x": 1}, {"x": "a"}], False),
        ("contains(a, 'b') && length(b) == `1`", {"a": "abc", "b": [1]}, True),
    ],
)
def test_an_expression_holds_only_if_it_is_exactly_true(expression: str, doc: object, holds: bool) -> None:
    assert read(JsonExpression, expression).holds(doc) is holds


def test_an_expression_that_can_not_be_evaluated_finds_nothing() -> None:
    assert JsonExpression("abs(x)").search({"x": "text"}) is None
    assert JsonExpression("x[0]").search({"x": [7]}) == 7


def test_an_expression_nested_beyond_reason_is_refused_at_load() -> None:
    with pytest.raises(ValidationError, match="no JMESPath expression"):
        read(JsonExpression, "(" * 2000 + "a" + ")" * 2000)


@pytest.mark.parametrize("kind", [JsonExpression, Pattern])
def test_an_expression_longer_than_the_limit_is_refused(kind: Any) -> None:
    with pytest.raises(ValidationError, match="longer than 4096 characters"):
        read(kind, "a" * 4097)


@pytest.mark.parametrize("kind", [JsonExpression, Pattern])
def test_expressions_are_equal_by_source_and_copied_as_they_are(kind: Any) -> None:
    expression = read(kind, "a.b")

    assert expression == kind("a.b")
    assert expression != kind("a.c")
    assert expression != "a.b"
    assert hash(expression) == hash(kind("a.b"))
    assert copy.copy(expression) is copy.deepcopy(expression) is expression
    assert str(expression) == "a.b"
    assert repr(expression) == f"{kind.__name__}('a.b')"
    assert read(kind, expression) is expression


def test_a_pipe_is_no_local_file_and_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ValidationError, match="can't be read: it is not a regular file"):
        read(LocalFile, "pipe")


def test_a_pattern_is_found_in_text_and_in_bytes() -> None:
    pattern = read(Pattern, "(?i)héllo+")

    assert pattern.search("say HÉLLOO")[0] == "HÉLLOO"
    assert pattern.search("say héllo".encode())
    assert pattern.search(b"\xff\xfe") is None


def test_a_pattern_survives_text_that_utf8_can_not_hold() -> None:
    assert read(Pattern, "b").search("a\ud800b")[0] == "b"


def test_a_pattern_that_utf8_can_not_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="is no regular expression"):
        read(Pattern, "\ud800")


def test_a_pattern_made_to_explode_answers_at_once() -> None:
    assert read(Pattern, "(a+)+$").search("a" * 100_000 + "b") is None


def test_a_suggestion_is_the_nearest_word_or_all_or_none() -> None:
    assert did_you_mean("Intervall", ["interval", "timeout"]) == "Did you mean 'interval'?"
    assert did_you_mean("x", ["b", "a"]) == "Known here: a, b."
    assert did_you_mean("x", []) == "Remove it."
