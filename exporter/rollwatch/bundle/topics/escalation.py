"""Escalations: a P1 that lasts an hour is paged, a P2 that lasts into a new business day goes to more people.

They look at what Prometheus itself wrote of its alerts (`ALERTS`), not at a `for`: that would begin anew when
Prometheus restarts. While Prometheus is down nothing is written, neither of an alert nor of
`rollwatch:evaluations`; so an alert has lasted if it is nearly as often in the past as evaluations are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Alert, Dashboard, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SHARE = "0.9"
"""An alert that flaps for a tenth of the time lasts all the same, and a restart may keep it waiting for "
"its `for`."""

_PLACE = "{{ with $labels.environment }} ({{ . }}){{ end }}"
"""Alerts about the monitoring itself have no environment."""


def topic(settings: Settings) -> Topic:
    """The rules that escalate; never escalations, rollback alerts or tests themselves."""
    night = f"{24 - (settings.business_hours_to - settings.business_hours_from)}h"
    return Topic(
        name="escalation",
        title="Escalation",
        recordings=(
            Recording("rollwatch:evaluations", "vector(1)"),
            Recording("alerts:lasting_p1", _lasting(Priority.P1, "1h", "1h")),
            Recording("alerts:lasting_p2", _lasting(Priority.P2, night, "3h")),
        ),
        alerts=(_escalated_p1(settings), _escalated_p2(settings)),
        file="alerts-escalation.yml",
    )


def _lasting(priority: Priority, span: str, before: str) -> str:
    """Alerts that fire, did so before the last `span`, and have been up most of it, be it only pending.

    Prometheus may have been down as long as `before`.
    """
    firing = f'ALERTS{{alertstate="firing",priority="{priority}",escalation="",rollback="",test!="true"}}'
    return (
        "max without (alertname, alertstate) (label_replace(\n"
        f"  {firing}\n"
        f"    and present_over_time(ALERTS[{before}] offset {span})\n"
        f"    and ignoring (alertstate) sum without (alertstate) (count_over_time(ALERTS[{span}]))\n"
        f"      >= on () group_left () {_SHARE} * count_over_time(rollwatch:evaluations[{span}]),\n"
        '  "escalated", "$1", "alertname", "(.+)"\n'
        "))"
    )


def _escalated_p1(settings: Settings) -> Alert:
    return Alert(
        name="EscalatedP1",
        priority=Priority.P1,
        expr="alerts:lasting_p1 > 0",
        metric="ALERTS",
        condition="a P1 alert has been firing for an hour",
        limit="resolved within an hour",
        shows="firing for over an hour",
        summary=f"[escalated] of [service] has lasted an hour{_PLACE}",
        description=(
            f"[escalated] of [service] is a P1 and has not been resolved for an hour. {_where(settings)} "
            "If somebody works on it, silence this alert for as long as it takes."
        ),
        dashboard=Dashboard.ALERTS,
        labels={"severity": "critical", "escalation": "P1"},
    )


def _escalated_p2(settings: Settings) -> Alert:
    start, end = settings.business_hours_from, settings.business_hours_to
    hours = f"Mon-Fri {start:02}-{end:02} UTC"
    return Alert(
        name="EscalatedP2",
        priority=Priority.P2,
        # Once it fires it goes on over the next night, until the P2 is over: it is not resolved before.
        expr=(
            "alerts:lasting_p2\n"
            "  and on () (\n"
            f"    hour() >= {start} and hour() < {end} and day_of_week() > 0 and day_of_week() < 6\n"
            "  )\n"
            "or\n"
            "alerts:lasting_p2\n"
            "  and ignoring (alertname, alertstate, escalation, severity)\n"
            '  last_over_time(ALERTS{alertname="EscalatedP2"}[1h])'
        ),
        metric="ALERTS",
        condition=f"a P2 alert has lasted over a night into a business day ({hours})",
        limit="resolved by the next business day",
        shows="firing since before the business day",
        summary=f"[escalated] of [service] has lasted into a new day{_PLACE}",
        description=(
            f"[escalated] of [service] is a P2 and has lasted into the next business day ({hours}). "
            f"{_where(settings)} Mend it today, or change its threshold if it is no trouble."
        ),
        dashboard=Dashboard.ALERTS,
        labels={"escalation": "P2"},
    )


def _where(settings: Settings) -> str:
    return f"What to do is in its own runbook: {settings.runbooks_url}/[escalated].md."
