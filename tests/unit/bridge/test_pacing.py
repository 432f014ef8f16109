"""Backoff, Retry-After, the token bucket: pure, so on no clock at all."""

from __future__ import annotations

import pytest

from rollwatch.bridge.backoff import RETRY_AFTER_MAX_S, backoff_s, gathering_s, retry_after_s
from rollwatch.bridge.bucket import Bucket
from rollwatch.bridge.failures import is_permanent

NOW = 1_764_111_600.0


@pytest.mark.parametrize(
    ("failures", "expected"),
    [(1, 1.0), (2, 2.0), (3, 4.0), (8, 128.0), (9, 256.0), (10, 300.0), (10_000, 300.0)],
)
def test_waits_double_up_to_the_longest(failures: int, expected: float) -> None:
    assert backoff_s(failures, 300.0, lambda: 1.0) == expected
    assert backoff_s(failures, 300.0, lambda: 0.0) == expected / 2


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0.0),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("99999999999999", RETRY_AFTER_MAX_S),
        ("Tue, 25 Nov 2025 23:01:00 GMT", 60.0),
        ("Tue, 25 Nov 2025 22:01:00 GMT", 0.0),
        ("Wed, 25 Nov 2026 22:01:00 GMT", RETRY_AFTER_MAX_S),
        ("Tue, 99 Nov 2025 23:01:00 GMT", None),
    ],
)
def test_what_the_far_end_asks_for_is_heeded(header: str | None, expected: float | None) -> None:
    assert retry_after_s(header, NOW) == expected


@pytest.mark.parametrize(
    ("waited_s", "expected"), [(0.0, 3.0), (1.0, 2.0), (3.0, 0.0), (900.0, 0.0), (-3600.0, 0.0)]
)
def test_what_is_to_be_sent_waits_for_company_but_not_for_a_clock_that_was_set_back(
    waited_s: float, expected: float
) -> None:
    assert gathering_s(NOW - waited_s, 3.0, NOW) == expected


def test_a_bucket_lets_a_burst_through_and_then_one_at_a_time() -> None:
    bucket = Bucket(3, 10.0, 0.0)
    for _ in range(3):
        assert bucket.wait_s(0.0) == 0.0
        bucket.take(0.0)
    assert bucket.wait_s(0.0) == 10.0
    assert bucket.wait_s(4.0) == pytest.approx(6.0)
    assert bucket.wait_s(10.0) == 0.0
    bucket.take(10.0)
    assert bucket.wait_s(10.0) == pytest.approx(10.0)
    bucket.wait_s(1000.0)
    for _ in range(3):
        bucket.take(1000.0)
    assert bucket.wait_s(1000.0) > 0


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (400, 401, 403, 404, 413, 422, 499)),
        *((status, False) for status in (301, 408, 425, 429, 500, 503, 599)),
    ],
)
def test_only_what_is_wrong_with_the_request_is_for_good(status: int, permanent: bool) -> None:
    assert is_permanent(status) is permanent
