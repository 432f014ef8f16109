"""The names of rollback alerts that a configuration is checked by are those that the bundle ships."""

from __future__ import annotations

from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics
from rollwatch.config.rollback_words import RollbackTrigger
from rollwatch.config.thresholds import Priority


def test_every_rollback_alert_of_the_bundle_is_a_known_trigger_and_no_other() -> None:
    alerts = [alert for topic in topics(Settings()) for alert in topic.alerts]

    shipped = {alert.name for alert in alerts if alert.priority is Priority.ROLLBACK}

    assert shipped == set(RollbackTrigger)
