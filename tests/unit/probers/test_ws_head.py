"""The head of the answer to an upgrade request, whatever the server sends."""

from __future__ import annotations

import pytest

from rollwatch.probers._ws_head import HEAD_LIMIT, BadHeadError, Head, find_head

GOOD = b"HTTP/1.1 429 Slow Down\r\nRetry-After: 5 \r\nX-Two: a\r\nx-two: b\r\nno colon\r\n\r\n"


def test_a_whole_head_is_read_and_what_follows_is_left() -> None:
    found = find_head(GOOD + b"body")
    assert found is not None
    head, length = found
    assert head.status == 429
    assert head.fields == {"retry-after": "5", "x-two": "a"}
    assert length == len(GOOD)


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_a_head_that_has_not_ended_is_waited_for(length: int) -> None:
    assert find_head(GOOD[:length]) is None


BAD = {
    "another protocol": b"SSH-2.0",
    "a later byte that is wrong": b"HTTX",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20\r\n\r\n",
    "a status out of range": b"HTTP/1.1 999 x\r\n\r\n",
    "no end within the limit": b"HTTP/1.1 200 OK\r\n" + b"x" * HEAD_LIMIT,
    "an end beyond the limit": b"HTTP/1.1 200 OK\r\n" + b"x" * HEAD_LIMIT + b"\r\n\r\n",
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_head_is_refused(case: str) -> None:
    with pytest.raises(BadHeadError):
        find_head(BAD[case])


RETRIES = {
    "seconds": ("120", 120.0),
    "a date to come": ("Wed, 21 Oct 2015 07:28:10 GMT", 10.0),
    "a date gone by": ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
    "more than a day": ("999999", 86_400.0),
    "a number too long to be meant": ("9" * 5000, None),
    "a negative number": ("-1", None),
    "other digits": ("\uff11\uff12", None),
    "words": ("soon", None),
    "nothing": ("", None),
    "a date out of range": ("Wed, 21 Oct 9999999 07:28:10 GMT", None),
}
WALL = 1_445_412_480.0  # 2015-10-21 07:28:00 UTC


@pytest.mark.parametrize("case", RETRIES)
def test_retry_after_is_read_if_it_is_usable(case: str) -> None:
    value, expected = RETRIES[case]
    assert Head(429, {"retry-after": value}).retry_after_s(WALL) == expected
