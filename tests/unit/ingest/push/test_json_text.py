"""JSON from strangers: what is read, and what is refused with a reason."""

from __future__ import annotations

import json

import pytest

from rollwatch.ingest.push.json_text import DEEPEST, read_json
from rollwatch.serving.refusal import Refusal


def nested(levels: int, inner: str = "1") -> bytes:
    return ("[" * levels + inner + "]" * levels).encode()


@pytest.mark.parametrize(
    "document",
    [
        {"a": [1, 2.5, -0.0, None, True, {"b": "é\U0001f600"}]},
        [],
        "text",
        17,
        {"a": {"x": 1}, "b": {"x": 2}},
        10**299,
        1.7976931348623157e308,
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_is_json_is_read_as_it_is(document: object, ascii_only: bool) -> None:
    assert read_json(json.dumps(document, ensure_ascii=ascii_only).encode()) == document


def test_a_document_may_be_as_deep_as_the_limit() -> None:
    assert read_json(nested(DEEPEST)) is not None
    assert read_json(nested(DEEPEST, "")) is not None
    assert read_json(b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST) is not None


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert read_json(b"[" + b",".join([b"[]"] * 1000) + b"]") == [[]] * 1000


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"a": 1', "not JSON (line 1, column 8)"),
        (b'{"a": 1} x', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'"\x01"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a": "\xff"}', "not UTF-8 (byte 8)"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'{"a": NaN}', "NaN or Infinity"),
        (b"[-Infinity]", "NaN or Infinity"),
        (b'{"a": 1e400}', "too large"),
        (b'{"a": -1e400}', "too large"),
        (b"9" * 301, "too large"),
        (b"9" * 10_000, "too large"),
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'[{"b": {"a": 1, "c": 2, "\\u0061": 1}}]', "same key twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\uDC00": 1}', "surrogate"),
        (b'["\\uD83D\\u0041"]', "surrogate"),
        (nested(DEEPEST + 1), f"more than {DEEPEST} deep"),
        (nested(DEEPEST + 1, ""), f"more than {DEEPEST} deep"),
        (nested(100_000), f"more than {DEEPEST} deep"),
        (b"[" * 100_000, f"more than {DEEPEST} deep"),
        (b'{"a":' * 100_000, f"more than {DEEPEST} deep"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_refused_says_why(body: bytes, why: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_json(body)
    assert (caught.value.status, caught.value.error) == (400, "json_invalid")
    assert why in caught.value.message


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_nothing_of_the_body_is_repeated() -> None:
    with pytest.raises(Refusal) as caught:
        read_json(b'{"password": "hunter2" "x"}')
    assert "hunter2" not in str(vars(caught.value))
    assert "password" not in str(vars(caught.value))
