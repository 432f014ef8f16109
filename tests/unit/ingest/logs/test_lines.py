"""The splitter: which lines come out of which bytes, and what becomes of the rest."""

from __future__ import annotations

import pytest

from rollwatch.ingest.logs.lines import LineSplitter


@pytest.mark.parametrize(
    ("chunks", "lines", "rest"),
    [
        ([b"one\ntwo\n"], [b"one", b"two"], b""),
        ([b"one\r\ntwo\r\n"], [b"one", b"two"], b""),
        ([b"on", b"e\ntw"], [b"one"], b"tw"),
        ([b"one\r", b"\ntwo\n"], [b"one", b"two"], b""),
        ([b"a\r\r\n"], [b"a\r"], b""),
        ([b"a\r", b"\r\n"], [b"a\r"], b""),
        ([b"a\r\r", b"\n"], [b"a\r"], b""),
        ([b"a\rb\n"], [b"a\rb"], b""),
        ([b"\n\n"], [b"", b""], b""),
        ([b"", b"a", b"", b"\n"], [b"a"], b""),
        ([b"\xff\x00\n"], [b"\xff\x00"], b""),
    ],
)
def test_lines_come_whole_and_without_their_end(chunks: list[bytes], lines: list[bytes], rest: bytes) -> None:
    splitter = LineSplitter()
    assert [line for chunk in chunks for line in splitter.feed(chunk)] == lines
    assert splitter.rest == rest
    assert splitter.take_too_long() == 0


@pytest.mark.parametrize(
    "chunks",
    [
        [b"12345\n", b"123456\n", b"1234\n"],
        [b"12345\r\n", b"123456\r\n", b"1234\n"],
        [b"12345\n123456\n1234\n"],
        [b"1", b"2345\n1234", b"56\n1234\n"],
        [b"12345\r", b"\n123456\r", b"\n1234\n"],
        [b"12345\n", *[b"1"] * 1000, b"\n1234\n"],
    ],
)
def test_a_line_over_the_limit_is_left_out_and_counted_once(chunks: list[bytes]) -> None:
    splitter = LineSplitter(5)
    assert [line for chunk in chunks for line in splitter.feed(chunk)] == [b"12345", b"1234"]
    assert splitter.take_too_long() == 1
    assert splitter.take_too_long() == 0


def test_an_endless_line_takes_no_more_memory_than_the_limit() -> None:
    splitter = LineSplitter(100)
    for _ in range(1000):
        assert splitter.feed(b"x" * 64) == []
        assert len(splitter.rest) <= 101
    assert splitter.take_too_long() == 1


@pytest.mark.parametrize(
    ("chunk", "last", "too_long"),
    [(b"a\nb", [b"b"], 0), (b"a\n", [], 0), (b"a\n123456", [], 1), (b"a\n" + b"1" * 99, [], 1)],
)
def test_what_is_left_at_the_end_is_a_line(chunk: bytes, last: list[bytes], too_long: int) -> None:
    splitter = LineSplitter(5)
    assert splitter.feed(chunk) == [b"a"]
    assert splitter.flush() == last
    assert splitter.take_too_long() == too_long
    assert splitter.flush() == []


def test_beginning_inside_a_line_leaves_it_out_without_counting_it() -> None:
    splitter = LineSplitter(5, is_skipping=True)
    assert splitter.feed(b"the rest of a line") == []
    assert splitter.feed(b", and its end\nnext\n") == [b"next"]
    assert splitter.take_too_long() == 0


def test_a_splitter_goes_on_where_another_ended() -> None:
    first = LineSplitter(5)
    first.feed(b"a\n12")
    second = LineSplitter(5, rest=first.rest, is_skipping=first.is_skipping)
    assert second.feed(b"3\n") == [b"123"]
    first.feed(b"123456789")
    third = LineSplitter(5, rest=first.rest, is_skipping=first.is_skipping)
    assert third.feed(b"3\nb\n") == [b"b"]
    assert third.take_too_long() == 0, "counted by the one before"
