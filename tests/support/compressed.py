"""Shipped rules, routes and scrape configuration with every duration divided by one factor, and nothing else.

What is divided: `for`, intervals of groups, ranges, subqueries and offsets in expressions; the waits and
intervals of routes; scrape and evaluation intervals. What is compared with (thresholds, also those in
seconds) and the numbers in expressions are as shipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

__all__ = ["divided", "durations_in", "expression", "prometheus_config", "routes", "rule_file"]

_UNITS_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_DURATION = r"(?:\d+(?:ms|[smhdwy]))+"
_TOKEN = re.compile(
    r"""
    (?P<text> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | \#[^\n]* )  # strings, comments: as they are
    | (?P<range> \[ [^\]]* \] )
    | (?P<offset> \boffset\s+-?\s* ) (?P<by> """
    + _DURATION
    + r""" )
    """,
    re.VERBOSE,
)
_OF_ROUTES = ("group_wait", "group_interval", "repeat_interval")
_OF_SCRAPES = ("scrape_interval", "scrape_timeout", "evaluation_interval")


def _ms(text: str) -> int:
    if re.fullmatch(_DURATION, text) is None:
        raise ValueError(f"{text!r} is no duration")
    return sum(int(count) * _UNITS_MS[unit] for count, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))


def divided(text: str, factor: float) -> str:
    """A duration as Prometheus writes it, divided; 0 stays 0, everything else is at least 1 ms."""
    whole = 0 if text == "0" else _ms(text)
    return f"{max(1, round(whole / factor))}ms" if whole else "0s"


def expression(text: str, factor: float) -> str:
    """A PromQL expression with its ranges, subqueries and offsets divided."""
    return _in_durations(text, lambda found: divided(found, factor))


def durations_in(text: str) -> list[str]:
    """Every duration of an expression, in order."""
    found: list[str] = []

    def keep(duration: str) -> str:
        found.append(duration)
        return duration

    _in_durations(text, keep)
    return found


def _in_durations(text: str, change: Callable[[str], str]) -> str:
    def token(match: re.Match[str]) -> str:
        if match["range"]:
            return re.sub(_DURATION, lambda found: change(found[0]), match["range"])
        if match["offset"]:
            return match["offset"] + change(match["by"])
        return match[0]

    return _TOKEN.sub(token, text)


def rule_file(text: str, factor: float) -> str:
    """A rule file."""
    document = yaml.safe_load(text)
    for group in document["groups"]:
        if "interval" in group:
            group["interval"] = divided(group["interval"], factor)
        for rule in group["rules"]:
            rule["expr"] = expression(rule["expr"], factor)
            if "for" in rule:
                rule["for"] = divided(rule["for"], factor)
    return _yaml(document)


def routes(text: str, factor: float, more: Callable[[str], Mapping[str, Any]] = lambda _: {}) -> str:
    """alertmanager.yml. `more` gives what is added to the receiver of a name, to look over its shoulder."""
    document = yaml.safe_load(text)
    for route in _routes(document["route"]):
        for key in _OF_ROUTES:
            if key in route:
                route[key] = divided(route[key], factor)
    for receiver in document["receivers"]:
        for key, entries in more(receiver["name"]).items():
            receiver[key] = [*receiver.get(key, []), *entries]
    return _yaml(document)


def _routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for child in route.get("routes", ()):
        yield from _routes(child)


def prometheus_config(text: str, factor: float) -> str:
    """prometheus.yml."""
    document = yaml.safe_load(text)
    for part in (document["global"], *document["scrape_configs"]):
        for key in _OF_SCRAPES:
            if key in part:
                part[key] = divided(part[key], factor)
    return _yaml(document)


def _yaml(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
