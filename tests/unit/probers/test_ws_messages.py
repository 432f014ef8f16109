"""The expected message among others, and channels."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.config.expressions import JsonExpression
from rollwatch.probers._ws_messages import JUDGED_LIMIT, Channels, Expectation, Message
from rollwatch.probers._ws_spec import ExpectSpec


def message(text: str) -> Message:
    return Message(text.encode(), text)


class Counting(JsonExpression):
    """Counts how often it is asked, and of what."""

    documents: list[Any]

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.documents = []

    def holds(self, doc: Any) -> bool:
        self.documents.append(doc)
        return super().holds(doc)


def test_a_message_is_parsed_once_for_all_expressions() -> None:
    expressions = {name: Counting("type == 'tick'") for name in "abc"}
    ticked = message('{"type":"tick"}')
    assert list(Channels(expressions).of(ticked)) == ["a", "b", "c"]
    seen = [expression.documents[0] for expression in expressions.values()]
    assert seen[0] is seen[1] is seen[2]


@pytest.mark.parametrize("text", ["no json", "", "{", "[" * 100_000, '{"a":NaN}'])
def test_what_is_no_json_belongs_to_no_channel(text: str) -> None:
    assert list(Channels({"any": JsonExpression("@ == @")}).of(message(text))) == []


@pytest.mark.parametrize("text", ["null", "0", "[]", '""'])
def test_any_json_can_be_asked_about(text: str) -> None:
    assert list(Channels({"any": JsonExpression("@ == @")}).of(message(text))) == ["any"]


def test_a_result_that_is_not_exactly_true_is_no_membership() -> None:
    channels = Channels({"a": JsonExpression("flag")})
    assert list(channels.of(message('{"flag": true}'))) == ["a"]
    assert list(channels.of(message('{"flag": "yes"}'))) == []


def test_no_channels_are_falsy() -> None:
    assert not Channels({})


@pytest.mark.parametrize("limit", [None, 3])
def test_an_expectation_is_decided_by_the_message_or_the_count(limit: int | None) -> None:
    expectation = Expectation(ExpectSpec(text="tick", max_messages=limit))
    assert [expectation.look(message("a")), expectation.look(message("b"))] == [False, False]
    assert expectation.is_open
    assert expectation.look(message("c")) == (limit is not None)
    assert expectation.is_open == (limit is None)
    assert not expectation.is_met


def test_a_met_expectation_is_closed() -> None:
    expectation = Expectation(ExpectSpec(text="tick"))
    assert expectation.look(message("a tick"))
    assert expectation.is_met
    assert not expectation.is_open


def test_a_message_too_large_to_judge_quickly_is_not_judged() -> None:
    fits = b'{"a": 1}'.ljust(JUDGED_LIMIT)
    assert Message(fits, None).holds(JsonExpression("a == `1`"))
    assert not Message(fits + b" ", None).holds(JsonExpression("a == `1`"))
