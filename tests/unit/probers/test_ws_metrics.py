"""Close codes as labels, backoff, and the tally between two expositions."""

from __future__ import annotations

import pytest

from rollwatch.metrics.catalogue import catalogue
from rollwatch.model import Reason
from rollwatch.probers import _ws_metrics as m
from rollwatch.probers._ws_backoff import Backoff
from rollwatch.probers.run import Sample
from rollwatch.probers.websocket import KIND

LABELS = {1000: "1000", 1006: "1006", 1014: "1014", 1004: "1006", 1015: "1006", 2999: "1006", 3000: "3xxx"}
LABELS |= {4999: "4xxx", 5000: "1006", 65535: "1006", 0: "1006"}


@pytest.mark.parametrize("code", LABELS)
def test_every_code_counts_under_a_label_of_the_closed_set(code: int) -> None:
    assert m.close_label(code) == LABELS[code]
    assert m.close_label(code) in m.CLOSE_LABELS


@pytest.mark.parametrize("reason", Reason)
def test_own_trouble_is_no_failed_connection(reason: Reason) -> None:
    outcome = {"up": "ok", "down": "failed", "unknown": "undecided"}[reason.verdict.value]
    assert m.Outcome.of(reason) == outcome


def test_the_metrics_of_the_kind_fit_into_the_catalogue() -> None:
    assert set(m.METRICS) < set(catalogue([KIND]))
    assert KIND.phase_metric is m.PHASES


def test_pauses_double_up_to_a_ceiling_and_begin_anew_after_a_reset() -> None:
    backoff = Backoff(lambda: 0.5)
    assert [backoff.next_s() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    backoff.reset()
    assert backoff.next_s() == 0.5


def test_jitter_is_full() -> None:
    backoff = Backoff(iter([0.0, 0.999]).__next__)
    assert backoff.next_s() == 0.0
    assert backoff.next_s() == pytest.approx(1.998)


def test_counts_are_given_once_and_gauges_each_time() -> None:
    tally = m.Tally()
    tally.start_at_zero(m.CONNECTS, ("ok", "failed"))
    tally.set(m.SESSION_OPEN, 1.0)
    tally.count(m.CONNECTS, "ok")
    tally.count(m.CONNECTS, "ok")
    tally.messages, tally.received_bytes = 3, 30
    tally.observe(m.RTT, 0.25)
    assert tally.take() == [
        Sample(m.SESSION_OPEN, (), 1.0),
        Sample(m.CONNECTS, ("ok",), 2.0),
        Sample(m.CONNECTS, ("failed",), 0.0),
        Sample(m.MESSAGES, (), 3.0),
        Sample(m.RECEIVED_BYTES, (), 30.0),
        Sample(m.RTT, (), 0.25),
    ]
    assert tally.take() == [Sample(m.SESSION_OPEN, (), 1.0)]


def test_observations_are_bounded_and_counts_are_not() -> None:
    tally = m.Tally(room=2)
    for _ in range(5):
        tally.observe(m.RTT, 0.1)
        tally.count(m.RECONNECTS)
    taken = tally.take()
    assert [sample for sample in taken if sample.metric is m.RTT] == [Sample(m.RTT, (), 0.1)] * 2
    assert Sample(m.RECONNECTS, (), 5.0) in taken
    tally.observe(m.RTT, 0.2)
    assert tally.take() == [Sample(m.RTT, (), 0.2)]
