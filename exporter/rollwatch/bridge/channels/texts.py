"""One alert for people and programs: the words that several channels use. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.bridge.alert import Alert

__all__ = ["LINKS", "body", "headline"]

LINKS = ("dashboard_url", "logs_url", "runbook_url")
"""Annotations that lead somewhere."""
_SAID = (("value", "Value"), ("threshold", "Limit"), ("metric", "Metric"))
_LINK_WORDS = {"dashboard_url": "Dashboard", "logs_url": "Logs", "runbook_url": "Runbook"}


def headline(alert: Alert) -> str:
    """`P0 firing: api is down: probe health (production)` on one line."""
    test = "TEST " if alert.is_test else ""
    return clean(f"{test}{alert.priority or 'alert'} {alert.status.value}: {alert.summary}", 300)


def body(alert: Alert) -> str:
    """What is known of it, a line each; empty lines are left out."""
    notes = alert.annotations
    lines = [clean(notes.get("description", ""), 2000)]
    lines += [f"{word}: {clean(notes[name], 300)}" for name, word in _SAID if notes.get(name)]
    lines += [f"{_LINK_WORDS[name]}: {clean(notes[name], 1000)}" for name in LINKS if notes.get(name)]
    return "\n".join(line for line in lines if line)
