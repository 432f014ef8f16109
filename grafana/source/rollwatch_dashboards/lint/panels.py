"""Rules on panels: what they say, in which unit, where they lead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rollwatch_dashboards.lint.finding import Document, Finding, Known, Rule, panels_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RULES"]

_UNITS = {
    *(
        "short",
        "none",
        "percentunit",
        "percent",
        "s",
        "ms",
        "bytes",
        "decbytes",
        "Bps",
        "binBps",
        "bps",
        "pps",
    ),
    *(
        "reqps",
        "ops",
        "opm",
        "cpm",
        "rps",
        "dateTimeFromNow",
        "dateTimeAsIso",
        "currencyUSD",
        "hertz",
        "bool",
    ),
}
_INNER = re.compile(r"/d/([\w-]+)")
_RUNBOOK = re.compile(r"\$\{runbooks_url\}/(\w+)\.md")
_KEPT = ("${__url_time_range}", "${datasource:queryparam}", "${environment:queryparam}")


def panel_title_description(board: Document, _: Known) -> Iterator[Finding]:
    """People who are paged at night must not guess what a graph means."""
    for panel in panels_of(board):
        if not panel.get("title") or not panel.get("description"):
            yield Finding("panel-title-description", _at(panel), "give it a title and a description")


def panel_units(board: Document, _: Known) -> Iterator[Finding]:
    """Every value has a unit that Grafana knows."""
    for panel in panels_of(board):
        units = [value for key, value in _pairs(panel) if key == "unit"]
        if panel["type"] != "text" and not units:
            yield Finding("panel-units", _at(panel), "give it a unit")
        for unit in units:
            if unit not in _UNITS:
                yield Finding("panel-units", _at(panel), f"{unit} is no unit that we use: see lint/panels.py")


def panel_no_value(board: Document, _: Known) -> Iterator[Finding]:
    """Where there is no data the panel says why, in words."""
    for panel in panels_of(board):
        if panel["type"] != "text" and not panel["fieldConfig"]["defaults"].get("noValue"):
            yield Finding("panel-no-value", _at(panel), "say what it means when there is nothing")


def panel_no_targets(board: Document, _: Known) -> Iterator[Finding]:
    """A panel without a query shows nothing, ever."""
    for panel in panels_of(board):
        if panel["type"] != "text" and not panel.get("targets"):
            yield Finding("panel-no-targets", _at(panel), "give it a query, or remove it")
        letters = [target["refId"] for target in panel.get("targets", ())]
        if len(set(letters)) < len(letters):
            yield Finding("panel-no-targets", _at(panel), "give each query a letter of its own")


def panel_links(board: Document, known: Known) -> Iterator[Finding]:
    """A link leads to something there is, and takes time and choice with it."""
    for panel in panels_of(board):
        for key, url in _pairs(panel):
            if key != "url" or not isinstance(url, str):
                continue
            inner = _INNER.match(url)
            if inner and inner[1] not in known.uids:
                yield Finding("panel-links", _at(panel), f"there is no dashboard {inner[1]}")
            if inner and not all(part in url for part in _KEPT):
                yield Finding("panel-links", _at(panel), f"take along {', '.join(_KEPT)}")
            runbook = _RUNBOOK.match(url)
            if runbook and runbook[1] not in known.runbooks:
                yield Finding("panel-links", _at(panel), f"there is no runbook {runbook[1]}")


def dashboard_links(board: Document, _: Known) -> Iterator[Finding]:
    """From each dashboard one gets to the others, with time and choice."""
    lists = [link for link in board["links"] if link["type"] == "dashboards"]
    if not lists:
        yield Finding("dashboard-links", "links", "link to the other dashboards")
    for link in board["links"]:
        if not link["includeVars"] or not link["keepTime"] or link.get("placement"):
            yield Finding("dashboard-links", f"link {link['title']}", "keep time and variables, and show it")


def _pairs(node: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, below a node; an override's id counts as the key of its value."""
    if isinstance(node, dict):
        if "id" in node and "value" in node:
            yield str(node["id"]), node["value"]
        for key, value in node.items():
            yield key, value
            yield from _pairs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _pairs(value)


def _at(panel: Document) -> str:
    return f"{panel.get('title', '')} ({panel['id']})"


RULES: tuple[Rule, ...] = (
    panel_title_description,
    panel_units,
    panel_no_value,
    panel_no_targets,
    panel_links,
    dashboard_links,
)
