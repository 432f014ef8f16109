"""What a text message says of one or many alerts: at most two segments, the most important first. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rollwatch.bridge.channels.sms_segments import fitted, plain, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.bridge.alert import Alert

__all__ = ["SEGMENTS_MAX", "sms_text"]

SEGMENTS_MAX = 2
_NAMES_MAX = 12


def sms_text(alerts: Sequence[Alert]) -> str:
    """One message for all of them: `3 P0: api, feed, web. ...` An alert that began and ended is over."""
    over = {(alert.fingerprint, alert.starts_at) for alert in alerts if not alert.is_firing}
    firing = [
        alert for alert in alerts if alert.is_firing and (alert.fingerprint, alert.starts_at) not in over
    ]
    resolved = [alert for alert in alerts if not alert.is_firing]
    parts = [*_by_priority(firing), *(_resolved(resolved) if resolved else ())]
    marks = "TEST " if all(alert.is_test for alert in alerts) else ""
    environments = {alert.environment for alert in alerts if alert.environment}
    where = f"{environments.pop()}: " if len(environments) == 1 and len(alerts) > 1 else ""
    text = plain(f"{marks}{where}{'. '.join(parts)}")
    if len(firing) > 1:
        text = _with_first_summary(text, firing)
    return fitted(text, SEGMENTS_MAX)


def _by_priority(firing: list[Alert]) -> list[str]:
    by_priority: dict[str, list[Alert]] = {}
    for alert in firing:
        by_priority.setdefault(alert.priority or "alert", []).append(alert)
    return [_firing(priority, some) for priority, some in sorted(by_priority.items())]


def _firing(priority: str, some: list[Alert]) -> str:
    escalated = _escalated(some[0])
    if len(some) == 1:
        return f"{priority}{escalated} {_name(some[0])}: {some[0].summary}"
    return f"{len(some)} {priority}: {_names(some)}"


def _escalated(alert: Alert) -> str:
    return " escalated" if alert.labels.get("escalation") else ""


def _resolved(some: list[Alert]) -> tuple[str]:
    if len(some) == 1:
        return (f"Resolved: {some[0].priority} {_name(some[0])}",)
    return (f"{len(some)} resolved: {_names(some)}",)


def _name(alert: Alert) -> str:
    return " ".join(part for part in (alert.service, alert.labels.get("escalated") or alert.name) if part)


def _names(some: list[Alert]) -> str:
    """The services, the one with most alerts first: `api (2), feed, web +3 more`."""
    counts = Counter(alert.service or alert.name for alert in some)
    named = [f"{name} ({count})" if count > 1 else name for name, count in counts.most_common(_NAMES_MAX)]
    rest = len(counts) - len(named)
    return ", ".join(named) + (f" +{rest} more" if rest > 0 else "")


def _with_first_summary(text: str, firing: list[Alert]) -> str:
    """As much as there is room for of what is wrong, beginning with the most urgent."""
    summaries = [plain(alert.summary) for alert in sorted(firing, key=lambda alert: alert.priority or "~")]
    for summary in dict.fromkeys(summaries):
        longer = f"{text}. {summary}"
        if segments(longer) > SEGMENTS_MAX:
            break
        text = longer
    return text
