"""How long a platform asks to be left alone, and what it says was wrong."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.rollback.strategies._http_answer import WAIT_MAX_S, remote_words, wait_asked_for

NOW = 1_760_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": " 0 "}, 0.0),
        (429, {"retry-after": "Thu, 09 Oct 2025 08:53:30 GMT"}, 10.0),
        (429, {"retry-after": "Thu, 09 Oct 2025 08:00:00 GMT"}, 0.0),
        (429, {"retry-after": "999999999999999"}, WAIT_MAX_S),
        (429, {"retry-after": "-5"}, None),
        (429, {"retry-after": "soon"}, None),
        (429, {"retry-after": "١٢"}, None),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1760000030"}, 30.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1750000000"}, 0.0),
        (403, {"x-ratelimit-remaining": "0"}, None),
        (403, {"x-ratelimit-remaining": "5", "x-ratelimit-reset": "30"}, None),
        (500, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, None),
        (404, {"retry-after": "7"}, None),
        (429, {}, None),
    ],
)
def test_how_long_it_asks_to_be_left_alone(status: int, headers: dict[str, str], wait: float | None) -> None:
    assert wait_asked_for(status, headers, NOW) == wait


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"message": "No ref\nfound\x1b[31m"}, "No ref found?[31m"),
        ({"message": "Failed", "errors": [{"message": "one"}, "two", 3]}, "Failed; one; two"),
        ({"errors": [{"message": "only"}]}, "only"),
        ({"message": 7}, ""),
        ({"message": "x" * 1000}, "x" * 159 + "…"),
        (["a"], ""),
        (None, ""),
    ],
)
def test_what_it_says_is_one_bounded_line(document: Any, words: str) -> None:
    assert remote_words(document) == words
