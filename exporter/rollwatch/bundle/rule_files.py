"""The rule files: topics as YAML that Prometheus 2.42 and later load."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rollwatch.bundle.limits import limits
from rollwatch.bundle.rules import Severity
from rollwatch.bundle.wording import told
from rollwatch.bundle.yaml_text import yaml_text
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.bundle.rules import Alert, Recording, Topic
    from rollwatch.bundle.settings import Settings

__all__ = ["alert_file", "rule_files"]

_HEAD = (
    "# Written by rollwatch. Don't edit: thresholds are changed per service in rollwatch.yml,\n"
    "# windows and durations with `rollwatch bundle export --set`.\n"
)


def alert_file(topic: Topic) -> str:
    """The name of the file with the topic's alerts."""
    return topic.file or f"alerts-{topic.name}.yml"


def rule_files(topics: Iterable[Topic], settings: Settings) -> dict[str, str]:
    """By file name, the text. Recordings of all topics are in `sli.yml`, limits in `thresholds.yml`."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for topic in topics:
        own = alert_file(topic)
        slis = "sli.yml" if not topic.file else own
        if topic.recordings:
            rules = [_recording(each) for each in topic.recordings]
            groups.setdefault(slis, []).append({"name": f"{topic.name}-sli", "rules": rules})
        if topic.judged:
            rules = [_recording(each) for each in limits(topic.judged)]
            groups.setdefault("thresholds.yml", []).append(
                {"name": f"{topic.name}-thresholds", "rules": rules}
            )
        if topic.alerts:
            rules = [_alert(each, settings) for each in topic.alerts]
            groups.setdefault(own, []).append({"name": topic.name, "rules": rules})
    return {name: _HEAD + yaml_text({"groups": found}) for name, found in groups.items()}


def _labels(alert: Alert) -> dict[str, str]:
    """What a rule adds to the labels of what it found."""
    labels: dict[str, str] = {}
    if alert.priority is not None:
        labels["priority"] = alert.priority.value
        labels["severity"] = Severity.of(alert.priority).value
    if alert.priority is Priority.ROLLBACK:
        labels["rollback"] = "auto"
    return labels | dict(alert.labels)


def _recording(recording: Recording) -> dict[str, Any]:
    rule: dict[str, Any] = {"record": recording.record, "expr": _expr(recording.expr)}
    if recording.labels:
        rule["labels"] = dict(recording.labels)
    return rule


def _alert(alert: Alert, settings: Settings) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": alert.name, "expr": _expr(alert.expr)}
    hold = settings.hold(alert.name, alert.hold)
    if hold:
        rule["for"] = hold
    rule["labels"] = _labels(alert)
    rule["annotations"] = told(alert, settings)
    return rule


def _expr(text: str) -> str:
    return re.sub(r"[ \t]+$", "", text.strip(), flags=re.MULTILINE)
