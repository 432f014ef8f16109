"""Rules on expressions: what they name exists, and is asked for as it should be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollwatch.config.thresholds import THRESHOLDS
from rollwatch_dashboards.lint.expressions import Selected, labels_left, parsed, selected
from rollwatch_dashboards.lint.finding import Document, Finding, Known, Rule, panels_of, targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RULES"]

_OVER_TIME = {"rate", "irate", "increase"}
_SHORT = re.compile(r"(?:rate|irate|increase)\([^[]*\[(\d+)([sm])\]")
_OWN = {"instance", "job", "le", "__name__"}
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_QUERY = re.compile(r"label_values\((?:(.*),\s*)?(\w+)\)")
_SHORTEST_S = 300
_FEW = {"rollwatch_rollbacks_total", "rollwatch_rollback_denials_total"}
"""Counters that begin with their first event, which is no increase: they are shown as they are."""


def target_promql(board: Document, _: Known) -> Iterator[Finding]:
    """Prometheus can read it."""
    for where, expr in _expressions(board):
        try:
            parsed(expr)
        except ValueError as error:
            yield Finding("target-promql", where, f"{error}")
    for one in board["templating"]["list"]:
        if one["type"] == "query" and not _QUERY.fullmatch(one["query"]):
            yield Finding(
                "template-label-promql", f"variable {one['name']}", "write label_values(selector, label)"
            )


def target_rate_interval(board: Document, _: Known) -> Iterator[Finding]:
    """A short window of a rate is `$__rate_interval`, or it is empty when one zooms."""
    for where, expr in _expressions(board):
        for number, unit in _SHORT.findall(expr):
            if int(number) * {"s": 1, "m": 60}[unit] < _SHORTEST_S:
                yield Finding("target-rate-interval", where, f"[{number}{unit}] is short: [$__rate_interval]")


def target_counter_agg(board: Document, _: Known) -> Iterator[Finding]:
    """A counter says something only over time: it begins anew with each process."""
    for where, one in _selectors(board):
        is_counter = one.name.endswith(("_total", "_bucket")) and ":" not in one.name
        if is_counter and one.function not in _OVER_TIME and one.name not in _FEW:
            yield Finding("target-counter-agg", where, f"put {one.name} into rate or increase")


def target_chosen(board: Document, known: Known) -> Iterator[Finding]:
    """What has a service and an environment is asked for those that are chosen."""
    for where, one in _selectors(board):
        if where.startswith("variable "):
            continue  # it is what the choice is made from
        if "alertname" in one.labels or ("service", "rollwatch") in one.values:
            continue  # the monitoring itself, whatever is chosen
        labels = known.labels(one.name) or frozenset()
        for label in ("environment", "service"):
            if label in labels and label not in one.labels:
                yield Finding("target-chosen", where, f'{one.name} is asked without {label}=~"${label}"')


def target_known(board: Document, known: Known) -> Iterator[Finding]:
    """Every metric and every label of a matcher exists."""
    for where, one in _selectors(board):
        if not one.name:
            continue
        labels = known.labels(one.name)
        if labels is None:
            if one.name not in known.foreign:
                yield Finding("target-known", where, f"nothing exposes or records {one.name}")
            continue
        for label in sorted(one.labels - labels - _OWN):
            yield Finding("target-known", where, f"{one.name} has no label {label}")


def target_threshold(board: Document, _: Known) -> Iterator[Finding]:
    """A limit that is drawn is a row of the table of thresholds."""
    for where, one in _selectors(board):
        for label, value in one.values:
            if one.name == "rollwatch:threshold" and label == "threshold" and value not in THRESHOLDS:
                yield Finding("target-threshold", where, f"there is no threshold {value}")


def target_legend(board: Document, known: Known) -> Iterator[Finding]:
    """A legend names labels that the series still have."""
    for where, target in targets_of(board):
        kept = _left(target["expr"], known)
        wanted = set(_LEGEND.findall(target.get("legendFormat", ""))) if kept is not None else set()
        for label in sorted(wanted - (kept or frozenset()) - _OWN):
            yield Finding("target-legend", where, f"its series have no label {label}")


def panel_column(board: Document, known: Known) -> Iterator[Finding]:
    """Every column of a table is a label that its queries keep, or a value."""
    for panel in panels_of(board):
        for step in panel.get("transformations", ()):
            names = step["options"].get("include", {}).get("names", ())
            left = [_left(target["expr"], known) for target in panel["targets"]]
            for name in names:
                if not name.startswith("Value") and any(one is not None and name not in one for one in left):
                    yield Finding(
                        "panel-column", f"{panel['title']} ({panel['id']})", f"no query keeps {name}"
                    )


def _left(expr: str, known: Known) -> frozenset[str] | None:
    """The labels that the result of an expression may have; None: not known."""
    try:
        tree = parsed(expr)
    except ValueError:
        return None
    return labels_left(tree, known.labels)


def _expressions(board: Document) -> Iterator[tuple[str, str]]:
    for where, target in targets_of(board):
        yield where, target["expr"]
    for one in board["annotations"]["list"]:
        yield f"annotation {one['name']}", one["expr"]
    for one in board["templating"]["list"]:
        found = _QUERY.fullmatch(str(one.get("query", ""))) if one["type"] == "query" else None
        if found and found[1]:
            yield f"variable {one['name']}", found[1]


def _selectors(board: Document) -> Iterator[tuple[str, Selected]]:
    for where, expr in _expressions(board):
        try:
            tree = parsed(expr)
        except ValueError:
            continue
        for one in selected(tree):
            yield where, one


RULES: tuple[Rule, ...] = (
    target_promql,
    target_rate_interval,
    target_counter_agg,
    target_chosen,
    target_known,
    target_threshold,
    target_legend,
    panel_column,
)
