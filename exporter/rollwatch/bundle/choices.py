"""What people choose of the bundle on the command line: `--set window=10m --set for.HttpP95High=5m`."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from rollwatch.bundle.durations import seconds
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics
from rollwatch.config.mistake import did_you_mean
from rollwatch.config.urls import HttpUrl
from rollwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

__all__ = ["parse_choices"]

_JOB = re.compile(r"[A-Za-z0-9_./:-]{1,64}")
_HOURS_OF_A_DAY = 24
_SAMPLES_MIN = 4
_SCRAPE_MAX_S = 30
_EVALUATION_MAX_S = 60


def parse_choices(said: Iterable[str]) -> Settings:
    """The settings that `key=value` items ask for. Raises UsageError that says what to write."""
    chosen: dict[str, Any] = {}
    holds: dict[str, Any] = {}
    alerts = {alert.name for topic in topics(Settings()) for alert in topic.alerts}
    for item in said:
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item}: write it like --set window=10m")
        kind, dot, name = key.partition(".")
        read: Callable[[str, str], object]
        if dot and kind == "for":
            if name not in alerts:
                raise UsageError(f"--set {item}: there is no alert '{name}'. {_nearest(name, alerts)}")
            target, word, read = holds, name, _hold
        elif key in _READERS:
            target, word, read = chosen, key, _READERS[key]
        else:
            raise UsageError(
                f"--set {item}: '{key}' can't be set. {did_you_mean(key, [*_READERS, 'for.<Alert>'])}"
            )
        if word in target:
            raise UsageError(f"--set {item}: '{key}' is given twice; remove one")
        target[word] = read(item, value)
    settings = replace(Settings(), **chosen, holds=MappingProxyType(holds))
    _check(settings)
    return settings


def _nearest(name: str, alerts: Iterable[str]) -> str:
    lower = {alert.lower(): alert for alert in alerts}
    hint = did_you_mean(name, lower)
    near = [alert for word, alert in lower.items() if hint == f"Did you mean '{word}'?"]
    return f"Did you mean '{near[0]}'?" if near else "docs/alerts.md lists all."


def _check(settings: Settings) -> None:
    """What fits by itself and not together. Raises UsageError."""
    scrape_s, evaluation_s = (
        seconds(settings.scrape_interval) or 0,
        seconds(settings.evaluation_interval) or 0,
    )
    if scrape_s > _SCRAPE_MAX_S:
        raise UsageError(
            f"--set scrape_interval={settings.scrape_interval}: some rules look at single minutes, and two "
            f"samples must be in one. Write at most {_SCRAPE_MAX_S}s; your other jobs may be slower"
        )
    if evaluation_s > _EVALUATION_MAX_S:
        raise UsageError(
            f"--set evaluation_interval={settings.evaluation_interval}: alerts would come too late. "
            f"Write at most {_EVALUATION_MAX_S}s"
        )
    least_s = _SAMPLES_MIN * scrape_s
    if (seconds(settings.window) or 0) < least_s:
        raise UsageError(
            f"--set window={settings.window}: {_SAMPLES_MIN} scrapes, {settings.scrape_interval} apart, must "
            f"be in it, so that one that is missed empties no rate. Write at least {least_s:g}s"
        )
    if settings.business_hours_from >= settings.business_hours_to:
        raise UsageError(
            f"business hours from {settings.business_hours_from} to {settings.business_hours_to} are none. "
            "Write the earlier hour first; both are in UTC"
        )


def _hold(item: str, value: str) -> str:
    if seconds(value) is None:
        raise UsageError(f"--set {item}: '{value}' is no duration. Write it like 0s, 90s, 5m or 1h30m")
    return value


def _duration(item: str, value: str) -> str:
    if not seconds(value):
        raise UsageError(f"--set {item}: '{value}' is no duration above 0. Write it like 15s, 5m or 1h30m")
    return value


def _job(item: str, value: str) -> str:
    if not _JOB.fullmatch(value):
        raise UsageError(f"--set {item}: '{value}' is no name of a job. Use letters, digits and _ - . / :")
    return value


def _url(item: str, value: str) -> str:
    try:
        url = HttpUrl((value,))
        is_plain = url.masked == url.render() and not set("?{}") & set(value)
    except PydanticCustomError:
        is_plain = False
    if not is_plain:
        raise UsageError(f"--set {item}: that is no address. Write it like https://grafana.example.com")
    return value.rstrip("/")


def _hour(item: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", value) or int(value) > _HOURS_OF_A_DAY:
        raise UsageError(
            f"--set {item}: '{value}' is no hour of the day. Write 0 to {_HOURS_OF_A_DAY}, in UTC"
        )
    return int(value)


_READERS: Mapping[str, Callable[[str, str], object]] = {
    "window": _duration,
    "scrape_interval": _duration,
    "evaluation_interval": _duration,
    "exporter_job": _job,
    "grafana_url": _url,
    "runbooks_url": _url,
    "exporter_url": _url,
    "rollback_url": _url,
    "business_hours_from": _hour,
    "business_hours_to": _hour,
}
