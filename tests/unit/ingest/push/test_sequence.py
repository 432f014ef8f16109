"""Whether a push is new: ids, order, and times that can't be."""

from __future__ import annotations

import pytest

from rollwatch.ingest.push.delivery import Stamp
from rollwatch.ingest.push.sequence import PushSequence
from rollwatch.serving.refusal import Refusal
from support.manual_clock import ManualClock

HOUR_S = 3600.0


class Line:
    """A sequence on a clock of the test's."""

    def __init__(self, *, is_ordered: bool = True) -> None:
        self.clock = ManualClock()
        self.sequence = PushSequence(is_ordered=is_ordered)

    def at(self, seconds: float = 0.0) -> float:
        return self.clock.wall() + seconds

    def offer(self, stamp: Stamp, *, accept: bool = True) -> str:
        try:
            self.sequence.check(stamp, wall=self.clock.wall(), monotonic=self.clock.monotonic())
        except Refusal as refusal:
            return f"{refusal.status} {refusal.error}"
        if accept:
            self.sequence.remember(stamp, monotonic=self.clock.monotonic())
        return "ok"


def test_an_id_is_accepted_once_within_an_hour() -> None:
    line = Line()
    assert line.offer(Stamp("a")) == "ok"
    assert line.offer(Stamp("a")) == "409 duplicate"
    assert line.offer(Stamp("b")) == "ok"
    line.clock.advance(HOUR_S - 1)
    assert line.offer(Stamp("a", "elsewhere")) == "409 duplicate"
    line.clock.advance(HOUR_S)
    assert line.offer(Stamp("a")) == "ok"


def test_a_push_that_was_refused_may_be_corrected_and_sent_again() -> None:
    line = Line()
    assert line.offer(Stamp("a", sent_at=line.at()), accept=False) == "ok"
    assert line.offer(Stamp("a", sent_at=line.at(-10))) == "ok"


def test_without_id_and_time_everything_is_new() -> None:
    line = Line()
    assert [line.offer(Stamp()) for _ in range(3)] == ["ok"] * 3


@pytest.mark.parametrize(
    ("seconds", "result"),
    [
        (0, "ok"),
        (300, "ok"),
        (301, "422 in_future"),
        (1e9, "422 in_future"),
        (-HOUR_S, "ok"),
        (-HOUR_S - 1, "422 too_old"),
    ],
)
def test_sent_at_must_be_about_now(seconds: float, result: str) -> None:
    line = Line()
    assert line.offer(Stamp(sent_at=line.at(seconds))) == result


def test_a_source_that_began_in_the_future_is_not_believed() -> None:
    line = Line()
    assert line.offer(Stamp(started_at=line.at(301))) == "422 in_future"
    assert line.offer(Stamp(started_at=line.at(-1e8))) == "ok"


def test_an_older_push_of_the_same_source_comes_too_late() -> None:
    line = Line()
    assert line.offer(Stamp(None, "one", line.at(-60))) == "ok"
    assert line.offer(Stamp(None, "one", line.at(-61))) == "409 out_of_order"
    assert line.offer(Stamp(None, "two", line.at(-61))) == "ok"
    assert line.offer(Stamp(None, "one", line.at(-60))) == "ok", "the same moment, another push"
    assert line.offer(Stamp(None, "one")) == "ok", "says nothing"
    assert line.offer(Stamp(None, "one", line.at(-59))) == "ok"


def test_where_senders_can_not_be_told_apart_there_is_no_order() -> None:
    line = Line(is_ordered=False)
    assert line.offer(Stamp("a", sent_at=line.at())) == "ok"
    assert line.offer(Stamp("b", sent_at=line.at(-60))) == "ok"
    assert line.offer(Stamp("b", sent_at=line.at())) == "409 duplicate"


def test_what_says_id_and_time_can_never_be_replayed() -> None:
    line = Line()
    stamp = Stamp("a", sent_at=line.at(300))
    assert line.offer(stamp) == "ok"
    results = set()
    for _ in range(200):
        results.add(line.offer(stamp))
        line.clock.advance(60)
    assert results == {"409 duplicate", "422 too_old"}


def test_memory_is_bounded() -> None:
    line = Line()
    for number in range(12_000):
        assert line.offer(Stamp(f"id{number}", f"source{number}", line.at())) == "ok"
    assert len(line.sequence._ids) == 10_000
    assert len(line.sequence._sent_at) == 1000
    assert line.offer(Stamp("id11999")) == "409 duplicate"
    assert line.offer(Stamp(None, "source11999", line.at(-1))) == "409 out_of_order"
    assert line.offer(Stamp("id0", "source0", line.at(-1))) == "ok"
