"""docs/alerts.md, and the facts at the head of each runbook: drawn from the rules, so they can't differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.audience import audience, audience_of
from rollwatch.bundle.durations import spoken
from rollwatch.bundle.posted import POSTED
from rollwatch.bundle.rule_files import alert_file
from rollwatch.config.thresholds import THRESHOLDS, Direction, Priority, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.bundle.posted import PostedAlert
    from rollwatch.bundle.rules import Alert, Topic
    from rollwatch.bundle.settings import Settings

__all__ = ["alerts_page", "facts", "posted_facts", "with_facts"]

_PAGE = """\
# Alerts

Every alert that rollwatch ships. This page is written from the code by `make docs`.

- A **threshold** with a name can be changed for a service, or switched off, in `rollwatch.yml`, without
  touching a rule: `thresholds: {http_p95_seconds: {P1: 0.8, P2: off}}`. The name stands below the value.
- **for** is how long the condition must have held. Windows are WINDOW where a condition names none. Both are
  changed per installation: `rollwatch bundle export DIR --set window=10m --set for.HttpP95High=5m`
  ([existing-stacks.md](existing-stacks.md)).
- Who hears is what the route gives where a service names every channel; channels nobody names are left out
  ([notifications.md](notifications.md)). `severity` is `critical` for P0, `warning` for P1 and P2, `info`
  for P3.
- While a P0 of a service lasts, its P1 to P3 are not sent. Alerts marked rollback go to the rollback handler
  only; nothing inhibits or mutes them. Nothing inhibits what the handler itself says (end of this page).
- Every alert links to its runbook, its dashboard and, where the service names them, its logs (`links` in
  `rollwatch.yml`).
"""
_BEGIN, _END = "<!-- facts -->", "<!-- /facts -->"
_HOUR, _DAY = 3600.0, 86_400.0


def alerts_page(topics: Sequence[Topic], settings: Settings) -> str:
    """The whole page."""
    parts = [_PAGE.replace("WINDOW", spoken(settings.window))]
    for topic in topics:
        if not topic.alerts:
            continue
        rows = [
            "| alert | condition | threshold | for | priority | who hears | runbook |",
            "|---|---|---|---|---|---|---|",
            *(_row(alert, settings) for alert in topic.alerts),
        ]
        parts.append(
            f"## {topic.title}\n\n`prometheus/rules/{alert_file(topic)}`\n\n" + "\n".join(rows) + "\n"
        )
    parts.append(_posted_section())
    return "\n".join(parts)


def _posted_section() -> str:
    rows = [
        "| alert | when | lasts | priority | who hears | runbook |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{alert.name}` | {alert.condition} | {_lasts(alert)} | {alert.priority} "
            f"| {audience_of(alert.priority)} | [runbook](runbooks/{alert.name}.md) |"
            for alert in POSTED.values()
        ),
    ]
    head = (
        "## What the rollback handler says\n\n"
        "No rule raises these: the handler posts them to Alertmanager, and they take the routes of all "
        "others.\n"
        'They carry `rollback="event"`, so that no P0 keeps them quiet. They don\'t escalate.'
    )
    return head + "\n\n" + "\n".join(rows) + "\n"


def posted_facts(alert: PostedAlert) -> str:
    """What the head of the runbook of a posted alert says."""
    rows = [
        ("fires when", alert.condition),
        ("lasts", _lasts(alert)),
        ("priority", alert.priority.value),
        ("who hears", audience_of(alert.priority)),
        ("posted by", "the rollback handler; no rule raises it"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])


def _lasts(alert: PostedAlert) -> str:
    return f"{alert.lasts_s / 60:g} min" if alert.lasts_s else "while the state lasts"


def facts(alert: Alert, topic: Topic, settings: Settings, rollback: Alert | None) -> str:
    """What the head of the alert's runbook says. `rollback` is the handler's alert for the same trouble."""
    rows = [
        ("fires when", f"{alert.condition}{_hold_words(alert, settings)}"),
        ("threshold", _threshold(alert, "; ")),
        ("priority", _priority(alert)),
        ("who hears", audience(alert)),
        ("looks at", f"`{alert.metric}`"),
        ("rule", f"`prometheus/rules/{alert_file(topic)}`"),
        ("dashboard", f"`{alert.dashboard}`"),
        ("the rollback handler", _handler(alert, rollback)),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in rows)])


def with_facts(runbook: str, told: str) -> str:
    """The runbook with new facts. Raises ValueError if it has no place for them."""
    head, begin, rest = runbook.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"has no place for the facts: write {_BEGIN} and {_END} below the title")
    return f"{head}{_BEGIN}\n\n{told}\n\n{_END}{tail}"


def _row(alert: Alert, settings: Settings) -> str:
    hold = settings.hold(alert.name, alert.hold)
    cells = (
        f"`{alert.name}`",
        alert.condition,
        _threshold(alert, "<br>"),
        spoken(hold),
        _priority(alert),
        audience(alert),
        f"[runbook](runbooks/{alert.name}.md)",
    )
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _priority(alert: Alert) -> str:
    if alert.priority is not None:
        return alert.priority.value
    return "none" if alert.labels.get("severity") == "none" else "its own"


def _threshold(alert: Alert, separator: str) -> str:
    if alert.threshold is None:
        return alert.limit
    row = THRESHOLDS[alert.threshold]
    priority = alert.priority
    if priority is None:
        return f"`{row.id}`"
    sign = "above" if row.direction is Direction.ABOVE else "below"
    return f"{sign} {_number(row.defaults[priority], row.unit)}{separator}`{row.id}`"


def _number(value: float, unit: Unit) -> str:
    match unit:
        case Unit.RATIO:
            return f"{value * 100:g} %"
        case Unit.SECONDS if value > _DAY:
            return f"{value / _DAY:g} days"
        case Unit.SECONDS if value >= _HOUR:
            return f"{value / _HOUR:g} h"
        case Unit.SECONDS:
            return f"{value:g} s"
        case Unit.BYTES:
            return f"{value / 1e6:g} MB"
        case Unit.FACTOR:
            return f"{value:g} times"
        case Unit.SCORE:
            return f"{value:g}"
        case _:
            return f"{value:g} {unit}"


def _hold_words(alert: Alert, settings: Settings) -> str:
    hold = settings.hold(alert.name, alert.hold)
    return f", for {spoken(hold)}" if hold else ""


def _handler(alert: Alert, rollback: Alert | None) -> str:
    if alert.priority is Priority.ROLLBACK:
        return f"gets this alert and judges it; people get `{alert.twin}`"
    if rollback is None:
        return "does nothing about this by itself"
    return f"gets `{rollback.name}` for the same trouble, and may take back a release that just went out"
