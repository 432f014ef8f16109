"""Which form of an answer a client gets."""

from __future__ import annotations

import pytest

from rollwatch.serving.negotiation import HTML, JSON, TEXT, preferred


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, TEXT),
        ("", TEXT),
        ("*/*", TEXT),
        ("application/json", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("application/json;q=0.5, text/*;q=0.4", JSON),
        ("text/plain;q=0.1, */*;q=0.9", JSON),
        ("image/png", TEXT),
        ("text/html;q=nonsense, application/json;q=0.2", JSON),
        ("text/html;q=7, application/json;q=0.2", JSON),
        ("," * 5000, TEXT),
    ],
)
def test_the_best_liked_form_wins(accept: str | None, wanted: str) -> None:
    assert preferred(accept, (TEXT, JSON, HTML)) == wanted
