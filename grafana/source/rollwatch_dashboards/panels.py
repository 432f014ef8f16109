"""The few kinds of panel that dashboards are made of, each with a text, a unit, and words for no data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    stat,
    statetimeline,
    text,
    timeseries,
)
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from rollwatch.config.thresholds import THRESHOLDS, Priority
from rollwatch_dashboards.colours import PLAIN, Steps, steps_of, words_of
from rollwatch_dashboards.query import SOURCE, Query, limits, targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.builders.dashboard import DashboardLink

__all__ = ["bars", "figure", "heat", "lines", "note", "states"]

_NONE: Steps = ((None, PLAIN),)
_LIMITS = {
    Priority.P0: "red",
    Priority.P1: "orange",
    Priority.P2: "yellow",
    Priority.P3: "blue",
    Priority.ROLLBACK: "purple",
}


def figure(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    empty: str,
    steps: Steps = _NONE,
    words: Mapping[float, tuple[str, str]] | None = None,
    span: int = 4,
    height: int = 4,
    decimals: int | None = None,
    named: bool = False,
    trend: bool = False,
    links: Sequence[DashboardLink] = (),
) -> stat.Panel:
    """One number, or one a series: how it stands now. `named` writes the series' names beside.

    `trend` draws the time before below it; its queries must not be instant then.
    """
    panel = stat.Panel().title(title).description(description).datasource(SOURCE)
    panel = (
        panel.targets([*targets(queries)])
        .unit(unit)
        .no_value(empty)
        .thresholds(steps_of(steps))
        .mappings(words_of(words or {}))
    )
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    plain = steps == _NONE and not words
    panel = panel.color_mode(model.BigValueColorMode.VALUE if plain else model.BigValueColorMode.BACKGROUND)
    panel = panel.graph_mode(model.BigValueGraphMode.AREA if trend else model.BigValueGraphMode.NONE)
    panel = panel.text_mode(model.BigValueTextMode.VALUE_AND_NAME if named else model.BigValueTextMode.VALUE)
    panel = panel.orientation(model.VizOrientation.AUTO).justify_mode(model.BigValueJustifyMode.AUTO)
    if decimals is not None:
        panel = panel.decimals(decimals)
    return panel.data_links([*links]).span(span).height(height)


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    empty: str,
    limit: str | Sequence[str] = (),
    span: int = 12,
    height: int = 8,
    least: float | None = 0,
    most: float | None = None,
    stacked: bool = False,
    bars: bool = False,
    colours: Mapping[str, str] | None = None,
    dashed: Sequence[str] = (),
    links: Sequence[DashboardLink] = (),
) -> timeseries.Panel:
    """Values over time. `limit` names rows of the table of thresholds: dashed lines, as they are in force.

    `colours` by a regular expression over the series' names; `dashed` names priorities whose limits are among
    the queries, where no row of the table has them.
    """
    rows = (limit,) if isinstance(limit, str) else tuple(limit)
    asked = (*queries, *(limits(row) for row in rows))
    panel = timeseries.Panel().title(title).description(description).datasource(SOURCE)
    panel = panel.targets([*targets(asked)])
    panel = panel.unit(unit).no_value(empty).thresholds(steps_of(_NONE))
    panel = panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    panel = panel.legend(
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(model.LegendDisplayMode.TABLE if span >= 12 else model.LegendDisplayMode.LIST)
        .placement(model.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"] if span >= 12 else [])
    )
    panel = panel.tooltip(
        common.VizTooltipOptions().mode(model.TooltipDisplayMode.MULTI).sort(model.SortOrder.DESCENDING)
    )
    style = model.GraphDrawStyle.BARS if bars else model.GraphDrawStyle.LINE
    panel = panel.draw_style(style).line_width(1).fill_opacity(40 if stacked or bars else 8)
    panel = panel.show_points(model.VisibilityMode.NEVER)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    for pattern, colour in (colours or {}).items():
        panel = panel.override_by_regexp(pattern, [_fixed(colour)])
    drawn = {priority: None for row in rows for priority in THRESHOLDS[row].defaults}
    for priority in (*drawn, *map(Priority, dashed)):
        panel = panel.override_by_regexp(f"/: limit {priority}$/", _dashed(_LIMITS[priority]))
    return panel.data_links([*links]).span(span).height(height)


def states(
    title: str,
    description: str,
    *queries: Query,
    words: Mapping[float, tuple[str, str]],
    empty: str,
    span: int = 24,
    height: int = 8,
    links: Sequence[DashboardLink] = (),
) -> statetimeline.Panel:
    """What each thing was over time, as coloured bars; a gap is a time without an answer."""
    panel = statetimeline.Panel().title(title).description(description).datasource(SOURCE)
    panel = panel.targets([*targets(queries)]).unit("short").no_value(empty).mappings(words_of(words))
    panel = panel.thresholds(steps_of(_NONE)).show_value(model.VisibilityMode.NEVER).merge_values(True)
    panel = panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel = panel.row_height(0.8).line_width(0).fill_opacity(80).per_page(30)
    panel = panel.legend(
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(model.LegendDisplayMode.LIST)
        .placement(model.LegendPlacement.BOTTOM)
    )
    panel = panel.tooltip(common.VizTooltipOptions().mode(model.TooltipDisplayMode.SINGLE))
    return panel.data_links([*links]).span(span).height(height)


def heat(
    title: str, description: str, expr: str, *, unit: str, empty: str, span: int = 12, height: int = 8
) -> heatmap.Panel:
    """How many were how large over time. `expr` has one series per `le`."""
    panel = heatmap.Panel().title(title).description(description).datasource(SOURCE)
    panel = panel.targets([*targets([Query(expr, "{{le}}")], PromQueryFormat.HEATMAP)])
    panel = panel.unit("short").no_value(empty).calculate(False).cell_gap(1).hide_legend()
    panel = panel.color(
        heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(32)
    )
    panel = panel.y_axis(heatmap.YAxisConfig().unit(unit))
    panel = panel.filter_values(heatmap.FilterValueRange().le(1e-9))
    return panel.span(span).height(height)


def bars(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    empty: str,
    steps: Steps = ((None, "blue"),),
    span: int = 12,
    height: int = 8,
    most: float | None = None,
    colours: Mapping[str, str] | None = None,
    links: Sequence[DashboardLink] = (),
) -> bargauge.Panel:
    """The same of several things as it stands now, as bars that can be compared; `colours` by their names."""
    panel = bargauge.Panel().title(title).description(description).datasource(SOURCE)
    panel = panel.targets([*targets(queries)]).unit(unit).no_value(empty).thresholds(steps_of(steps))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    panel = panel.orientation(model.VizOrientation.HORIZONTAL).display_mode(model.BarGaugeDisplayMode.BASIC)
    panel = panel.value_mode(model.BarGaugeValueMode.TEXT).show_unfilled(True).min(0)
    if most is not None:
        panel = panel.max(most)
    for name, colour in (colours or {}).items():
        panel = panel.override_by_name(name, [_fixed(colour)])
    return panel.data_links([*links]).span(span).height(height)


def note(title: str, markdown: str, *, span: int = 24, height: int = 3) -> text.Panel:
    """A text, in Markdown."""
    panel = text.Panel().title(title).description(title).mode(TextMode.MARKDOWN).content(markdown)
    return panel.span(span).height(height)


def _fixed(colour: str) -> DynamicConfigValue:
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def _dashed(colour: str) -> list[DynamicConfigValue]:
    return [
        _fixed(colour),
        DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}),
        DynamicConfigValue(id_val="custom.fillOpacity", value=0),
        DynamicConfigValue(id_val="custom.lineWidth", value=1),
        # A stacked limit would be drawn on top of what it limits.
        DynamicConfigValue(id_val="custom.stacking", value={"mode": "none", "group": "limits"}),
        DynamicConfigValue(id_val="custom.hideFrom", value={"legend": True, "tooltip": False, "viz": False}),
    ]
