"""Our secrets in a document that was decoded from what a server said."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from rollwatch.probers._scrub import Scrubber

SECRET = "sec/ret-0123"


def scrubbed(document: Any, body: str | None = None) -> Any:
    text = json.dumps(document) if body is None else body
    return Scrubber([SECRET]).scrub_json(orjson.loads(text), text.encode())


@pytest.mark.parametrize(
    ("document", "clean"),
    [
        (SECRET, "***"),
        ([SECRET, 1, None], ["***", 1, None]),
        ({SECRET: {"a": [f"x{SECRET}y"]}}, {"***": {"a": ["x***y"]}}),
        ({"number": 10123, "text": "0123"}, {"number": 10123, "text": "0123"}),
    ],
)
def test_every_text_and_name_is_scrubbed_and_nothing_else_changes(document: Any, clean: Any) -> None:
    assert scrubbed(document) == clean


@pytest.mark.parametrize("written", [r"sec\/ret-0123", "\\u0073ec/ret-0123", r"sec/ret-012\u0033"])
def test_a_secret_that_json_escapes_is_found(written: str) -> None:
    assert scrubbed(None, f'["{written}"]') == ["***"]


def test_depth_is_no_obstacle() -> None:
    depth = 500
    document = scrubbed(None, '{"a":[' * depth + f'"{SECRET}"' + "]}" * depth)
    for _ in range(depth):
        [document] = document["a"]
    assert document == "***"


def test_without_secrets_or_without_a_trace_of_one_the_document_is_handed_through() -> None:
    document = {"a": ["b"]}
    assert Scrubber([]).scrub_json(document, rb'{"a":["\u0062"]}') is document
    assert Scrubber([SECRET]).scrub_json(document, b'{"a":["b"]}') is document
