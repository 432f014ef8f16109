"""Who took a test alert, as far as Alertmanager's counts can tell."""

from __future__ import annotations

from collections import Counter

import pytest

from rollwatch.config.thresholds import Priority
from rollwatch.notify.counts import Counts
from rollwatch.notify.routing import Receiver
from rollwatch.notify.verdict import Outcome, is_complete, judge

PAGE = Receiver("page", ("slack", "email"), wait_s=5, has_quiet_hours=False)
CHAT = Receiver("chat", ("slack",), wait_s=30, has_quiet_hours=True)
BATCH = Receiver("batch", ("slack",), wait_s=1800, has_quiet_hours=False)


def _outcomes(routed: dict[str, list[Receiver]], counts: Counts) -> list[tuple[str, str, str]]:
    results = judge(Priority.P1, routed, counts, waited_s=60)
    return [(result.receiver, result.integration, result.outcome.value) for result in results]


@pytest.mark.parametrize(
    ("tried", "failed", "expected"),
    [
        ({"slack": 1, "email": 1}, {}, [Outcome.TAKEN, Outcome.TAKEN]),
        ({"slack": 2, "email": 1}, {"slack": 1}, [Outcome.TAKEN, Outcome.TAKEN]),
        ({"slack": 1, "email": 3}, {"email": 3}, [Outcome.TAKEN, Outcome.FAILED]),
        ({"slack": 1}, {}, [Outcome.TAKEN, Outcome.UNSEEN]),
        ({}, {}, [Outcome.UNSEEN, Outcome.UNSEEN]),
    ],
)
def test_each_way_out_is_judged(
    tried: dict[str, int], failed: dict[str, int], expected: list[Outcome]
) -> None:
    counts = Counts(Counter(tried), Counter(failed))
    found = _outcomes({"api": [PAGE]}, counts)
    assert [outcome for _, _, outcome in found] == expected
    assert is_complete({"api": [PAGE]}, counts, 60) == (expected == [Outcome.TAKEN, Outcome.TAKEN])


def test_one_of_two_services_is_not_both() -> None:
    routed = {"api": [PAGE], "web": [PAGE]}
    counts = Counts(Counter(slack=2, email=2), Counter(email=1))
    assert _outcomes(routed, counts) == [
        ("page", "slack", "taken"),
        ("page", "email", "failed"),
        ("page", "slack", "taken"),
        ("page", "email", "failed"),
    ]
    (_, result, *_) = judge(Priority.P0, routed, counts, waited_s=60)
    assert result.why.startswith("1 of 2 taken")


def test_what_waits_for_its_batch_is_not_waited_for() -> None:
    nothing = Counts()
    assert is_complete({"api": [BATCH]}, nothing, 60)
    assert _outcomes({"api": [BATCH]}, nothing) == [("batch", "slack", "waiting")]
    assert not is_complete({"api": [BATCH]}, nothing, 3600)


def test_quiet_hours_are_no_failure() -> None:
    assert _outcomes({"api": [CHAT]}, Counts()) == [("chat", "slack", "waiting")]
