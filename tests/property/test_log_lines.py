"""However a log's bytes are cut into chunks, and handed from splitter to splitter, the lines are the same."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rollwatch.ingest.logs.lines import LineSplitter

LIMIT = 6
PIECES = st.sampled_from(
    [b"\n", b"\r\n", b"\r", b"a", b"bc", b"123456", b"1234567", b"x" * 20, b"\x00", b"\xff"]
)


def expected(data: bytes) -> tuple[list[bytes], int]:
    whole = [line.removesuffix(b"\r") for line in data.split(b"\n")[:-1]]
    fitting = [line for line in whole if len(line) <= LIMIT]
    return fitting, len(whole) - len(fitting)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[begin:end] for begin, end in pairwise(bounds)]


@given(
    st.lists(PIECES, max_size=60).map(b"".join),
    st.lists(st.integers(min_value=0), max_size=60),
    st.booleans(),
)
def test_any_chunking_gives_the_same_lines(data: bytes, places: list[int], hands_over: bool) -> None:
    data += b"\n"
    splitter = LineSplitter(LIMIT)
    lines: list[bytes] = []
    too_long = 0
    for chunk in cut(data, places):
        lines += splitter.feed(chunk)
        too_long += splitter.take_too_long()
        if hands_over:
            splitter = LineSplitter(LIMIT, rest=splitter.rest, is_skipping=splitter.is_skipping)
    assert (lines, too_long) == expected(data)
    assert splitter.flush() == []


@given(st.binary(max_size=2000), st.lists(st.integers(min_value=0), max_size=20))
def test_below_the_limit_nothing_is_lost(data: bytes, places: list[int]) -> None:
    splitter = LineSplitter(2000)
    lines = [line for chunk in cut(data, places) for line in splitter.feed(chunk)]
    *whole, rest = data.split(b"\n")
    assert lines == [line.removesuffix(b"\r") for line in whole]
    assert splitter.rest == rest
    assert splitter.take_too_long() == 0
