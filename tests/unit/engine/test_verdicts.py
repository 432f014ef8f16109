"""Which verdict stands, run after run."""

import pytest

from rollwatch.engine.verdicts import Standing
from rollwatch.model import Reason, Verdict

UP, DOWN, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("runs", "stands", "since"),
    [
        ([(0, UNKNOWN)], UNKNOWN, 0),
        ([(0, UP)], UP, 0),
        ([(0, UP), (10, DOWN)], DOWN, 10),
        ([(0, UP), (10, UNKNOWN)], UP, 0),
        ([(0, UP), (10, UNKNOWN), (20, UNKNOWN), (30, UNKNOWN)], UP, 0),
        ([(0, UP), (10, UNKNOWN), (31, UNKNOWN)], UNKNOWN, 31),
        ([(0, DOWN), (31, UNKNOWN), (40, DOWN)], DOWN, 40),
        ([(0, UNKNOWN), (10, UNKNOWN)], UNKNOWN, 0),
        ([(0, UP), (10, UP), (20, UP)], UP, 0),
    ],
    ids=[
        "never decided",
        "first verdict",
        "down at once",
        "unknown holds",
        "held for three intervals",
        "then undecided",
        "decides again",
        "undecided since the start",
        "since the first of many",
    ],
)
def test_the_last_decided_verdict_is_held_for_three_intervals(runs, stands, since):
    standing = Standing(interval_s=10)
    for at, verdict in runs:
        result = standing.decide(verdict, wall_s=1000 + at, monotonic_s=at)
    assert result is stands
    assert standing.verdict is stands
    assert standing.since_at == 1000 + since


def test_every_reason_has_one_verdict_and_only_ok_is_up():
    by_verdict = {verdict: {r for r in Reason if r.verdict is verdict} for verdict in Verdict}
    assert by_verdict[UP] == {Reason.OK}
    assert {Reason.INTERNAL_ERROR, Reason.RESOLVER_FAILED, Reason.RATE_LIMITED} <= by_verdict[UNKNOWN]
    assert {Reason.TIMEOUT, Reason.STATUS, Reason.CONNECT_REFUSED} <= by_verdict[DOWN]
