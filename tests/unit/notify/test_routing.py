"""What is read from Alertmanager's own configuration and metrics, and what the test alerts say."""

from __future__ import annotations

from collections import Counter

import pytest

from rollwatch.config.thresholds import Priority
from rollwatch.notify.alerts import TestAlert
from rollwatch.notify.counts import read_counts
from rollwatch.notify.routing import Receiver, Routing

CONFIG = """
global: {}
route:
  receiver: chat
  group_wait: 1m30s
  routes:
    - matchers: ['priority="P0"']
      receiver: page
      group_wait: 5s
      routes:
        - matchers: ['service="api"']
    - matchers: ['priority=~"P2|P3"', 'priority!="P3"']
      group_wait: 10m
      mute_time_intervals: [night]
receivers:
  - name: page
    slack_configs: [{channel: a}, {channel: b}]
    webhook_configs: [{url: <secret>}]
  - name: chat
    email_configs: [{to: a}]
  - name: nobody
"""


@pytest.mark.parametrize(
    ("name", "priority", "expected"),
    [
        ("page", "P0", Receiver("page", ("slack", "slack", "webhook"), 5, has_quiet_hours=False)),
        ("chat", "P1", Receiver("chat", ("email",), 90, has_quiet_hours=False)),
        ("chat", "P2", Receiver("chat", ("email",), 600, has_quiet_hours=True)),
        ("nobody", "P3", Receiver("nobody", (), 0, has_quiet_hours=False)),
    ],
)
def test_receivers_have_their_ways_out_and_their_longest_wait(
    name: str, priority: str, expected: Receiver
) -> None:
    assert Routing(CONFIG).receiver(name, priority) == expected


@pytest.mark.parametrize("text", ["", "route: 1", "receivers: []", "[", "route: {}\nreceivers: [1]"])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        Routing(text)


def test_counts_are_by_integration_whatever_else_they_are_split_by() -> None:
    counts = read_counts(
        "# TYPE alertmanager_notification_requests_total counter\n"
        'alertmanager_notification_requests_total{integration="slack",receiver_name="a"} 3\n'
        'alertmanager_notification_requests_total{integration="slack",receiver_name="b"} 1\n'
        "# TYPE alertmanager_notification_requests_failed_total counter\n"
        'alertmanager_notification_requests_failed_total{integration="slack"} 1\n'
        "# TYPE other_total counter\nother_total 5\n"
    )
    assert counts.taken("slack") == 3
    assert counts.taken("email") == 0
    before = read_counts(
        "# TYPE alertmanager_notification_requests_total counter\n"
        'alertmanager_notification_requests_total{integration="slack"} 2\n'
    )
    assert counts.since(before).tried == Counter(slack=2)


def test_a_test_alert_touches_no_other() -> None:
    alert = TestAlert("api", Priority.P0, "ab12")
    # Inhibition asks for an environment on both sides.
    assert "environment" not in alert.labels
    assert alert.labels["test"] == "true"
    posted = alert.posted(1_000_000_000, ends_in_s=300)
    assert posted["startsAt"] == "2001-09-09T01:46:40.000+00:00"
    assert posted["endsAt"] == "2001-09-09T01:51:40.000+00:00"
    assert "TEST" in posted["annotations"]["summary"]
