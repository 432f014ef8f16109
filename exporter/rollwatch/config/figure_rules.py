"""From what a service says of a figure to its whole definition, or to what is wrong with it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from rollwatch.config.fields import format_seconds
from rollwatch.config.figures import FigureDef, FigureSpec
from rollwatch.config.thresholds import LATENCY_BUCKETS, required_buckets
from rollwatch.metrics.definition import MetricDef, MetricType, Scope
from rollwatch.metrics.labels import LabelKind
from rollwatch.metrics.normal import NORMAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rollwatch.metrics.labels import LabelDef

__all__ = ["complete", "metric_of", "nearest"]

Problem = tuple[tuple[str, ...], str, str]

_FIRST_SEEN = frozenset({"rollwatch_system_errors_total"})
"""Normal figures whose new series are news."""
_JUDGED = "rollwatch_http_request_duration_seconds"
"""The normal histogram that thresholds of latency are about."""
_EXPIRE_FACTOR = 4
_COUNTS_EXPIRE_S = 86_400.0
_PREFIX = "rollwatch_"
_NEAR = 0.75
_OURS = ("rollwatch_", "probe_", "process_", "python_", "scrape_")
_SUFFIXES = ("_bucket", "_sum", "_count", "_created", "_info")


def metric_of(definition: FigureDef) -> MetricDef:
    """The metric a figure is exported as: the normal one, or one made for it."""
    normal = NORMAL.get(definition.name)
    if normal is not None:
        return normal.metric
    return MetricDef(
        definition.name,
        definition.type,
        definition.help,
        scope=Scope.SERVICE,
        labels=tuple(label.name for label in definition.labels),
        buckets=definition.buckets,
    )


def complete(
    name: str, spec: FigureSpec | None, thresholds: Mapping[str, Mapping[str, float]], stale_s: float | None
) -> tuple[FigureDef | None, list[Problem]]:
    """The figure `name` of a service that says `spec` of it; None with the problems if it can't be.

    `stale_s` is when it is stale if it says nothing itself.
    """
    spec = spec or FigureSpec()
    normal = NORMAL.get(name)
    if normal is not None:
        kind: MetricType | None = normal.metric.type
        problems = list(_problems_of_normal(spec))
    else:
        kind = None if spec.type is None else MetricType(spec.type)
        problems = list(_problems_of_own(name, spec))
    stale_s = spec.stale_after if spec.stale_after is not None else stale_s
    if kind is not None:
        problems += _problems_of_kind(spec, kind)
    problems += _problems_of_times(spec, stale_s)
    if problems or kind is None:
        return None, problems
    labels = spec.labels_defined() if normal is None else normal.labels
    buckets = LATENCY_BUCKETS if normal is None else normal.metric.buckets
    if spec.buckets is not None:
        buckets = spec.buckets
    if name == _JUDGED:
        buckets = tuple(sorted({*buckets, *required_buckets(thresholds)}))
    definition = FigureDef(
        name,
        kind,
        (spec.help or "") if normal is None else normal.metric.help,
        labels,
        buckets if kind is MetricType.HISTOGRAM else (),
        spec.limits_defined(),
        stale_s,
        spec.expire_after if spec.expire_after is not None else _expire_s(kind, labels, stale_s),
        name in _FIRST_SEEN if spec.first_seen is None else spec.first_seen,
    )
    return definition, []


def _expire_s(kind: MetricType, labels: Iterable[LabelDef], stale_s: float | None) -> float | None:
    if kind is MetricType.GAUGE:
        return None if stale_s is None else stale_s * _EXPIRE_FACTOR
    # What happens once an hour would never be seen to increase if its series went in between; but the places
    # of open labels must not be taken for ever by what came once.
    is_open = any(label.kind in {LabelKind.ANY, LabelKind.ROUTE} for label in labels)
    return max(_COUNTS_EXPIRE_S, (stale_s or 0.0) * _EXPIRE_FACTOR) if is_open else None


def _problems_of_own(name: str, spec: FigureSpec) -> Iterator[Problem]:
    if name.startswith(_OURS):
        yield (), "is a name of rollwatch's or of Prometheus' own", _another_name(name)
        return
    if spec.type is None:
        yield ("type",), "is required", "Write gauge, counter or histogram."
    if spec.help is None:
        yield ("help",), "is required", "Say in one line what the figure is."
    is_counter = spec.type == "counter"
    if spec.type is not None and is_counter != name.endswith("_total"):
        remedy = "Add _total to the name." if is_counter else "Rename it, or make it a counter."
        yield (), "is not named as its type asks: counters, and nothing else, end in _total", remedy
    if name.endswith(_SUFFIXES):
        yield (), "ends in what Prometheus adds to names itself", "Rename it."
    if spec.type == "histogram" and spec.buckets is None and not name.endswith("_seconds"):
        yield ("buckets",), "is required", "Write upper bounds in the figure's unit, like [1, 10, 100]."


def _problems_of_normal(spec: FigureSpec) -> Iterator[Problem]:
    for key in ("type", "help", "labels"):
        if getattr(spec, key):
            yield (key,), "is known for this normal name", "Remove it."


def _problems_of_kind(spec: FigureSpec, kind: MetricType) -> Iterator[Problem]:
    if spec.buckets is not None and kind is not MetricType.HISTOGRAM:
        yield ("buckets",), "belong to a histogram", "Remove them."
    if spec.buckets == ():
        yield ("buckets",), "is an empty list", "Write upper bounds, or remove the key."
    for priority, limit in spec.limits.items():
        place = ("limits", priority)
        if kind is MetricType.HISTOGRAM:
            remedy = "Give limits to a gauge or a counter."
            yield place, "can't be judged by limits: it is a distribution", remedy
        elif kind is MetricType.COUNTER and limit.per is None:
            yield place, "says no window, and a counter only grows", "Add per: 1m, 5m, 1h or 1d."
        elif kind is MetricType.GAUGE and limit.per is not None:
            yield (*place, "per"), "belongs to counters", "Remove it."


def _problems_of_times(spec: FigureSpec, stale_s: float | None) -> Iterator[Problem]:
    if spec.expire_after is not None and stale_s is not None and spec.expire_after < stale_s:
        stale_after = format_seconds(stale_s)
        message = f"is shorter than stale_after, which is {stale_after} here"
        yield ("expire_after",), message, f"Write {stale_after} or more, or a shorter stale_after."


def _another_name(name: str) -> str:
    near = nearest(name)
    if near is not None:
        return f"Did you mean '{near}'?"
    return "Give it a name of your own; the normal names are listed in docs/signals.md."


def nearest(name: str, known: Iterable[str] = ()) -> str | None:
    """The normal or `known` name that was meant, if one is near."""
    # What all normal names begin with would make any two of them alike.
    by_rest = {word.removeprefix(_PREFIX): word for word in (*NORMAL, *known)}
    near = difflib.get_close_matches(name.removeprefix(_PREFIX), by_rest, n=1, cutoff=_NEAR)
    return by_rest[near[0]] if near else None
