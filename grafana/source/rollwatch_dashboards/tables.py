"""Tables: one row a thing, one column a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from rollwatch_dashboards.colours import PLAIN, Steps, steps_of, words_of
from rollwatch_dashboards.query import SOURCE, Query, targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.builders.dashboard import DashboardLink

__all__ = ["Column", "listing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: of a label, or of the value of an expression."""

    heading: str
    label: str = ""
    """Whose values it has; else `expr` is set."""
    expr: str = ""
    """With the labels that are columns, and no others."""
    unit: str = "short"
    decimals: int | None = None
    words: Mapping[float, tuple[str, str]] | None = None
    steps: Steps | None = None
    """Colours the cell."""
    links: Sequence[DashboardLink] = ()
    """Labels of the row are `${__data.fields.Heading}` there."""
    width: int | None = None


def listing(
    title: str,
    description: str,
    *columns: Column,
    empty: str,
    span: int = 12,
    height: int = 8,
    sort: str = "",
    ascending: bool = False,
) -> table.Panel:
    """A table whose rows are the sets of labels its expressions have in common; `sort` names a heading."""
    asked = [column for column in columns if column.expr]
    panel = table.Panel().title(title).description(description).datasource(SOURCE)
    panel = panel.unit("short").no_value(empty)
    queries = [Query(column.expr, instant=True) for column in asked]
    panel = panel.targets([*targets(queries, PromQueryFormat.TABLE)]).thresholds(steps_of(((None, PLAIN),)))
    values = ["Value"] if len(asked) == 1 else [f"Value #{chr(ord('A') + at)}" for at in range(len(asked))]
    names = {column.heading: value for column, value in zip(asked, values, strict=True)}
    fields = [column.label or names[column.heading] for column in columns]
    panel = panel.transformations(
        [
            *([model.DataTransformerConfig(id_val="merge", options={})] if len(asked) > 1 else []),
            # Only what has a column: labels that a later version adds must not appear by themselves.
            model.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": fields}}),
            model.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {},
                    "indexByName": {field: index for index, field in enumerate(fields)},
                    "renameByName": {
                        field: column.heading for field, column in zip(fields, columns, strict=True)
                    },
                },
            ),
        ]
    )
    for column in columns:
        panel = panel.override_by_name(column.heading, _properties(column))
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(not ascending)])
    return panel.span(span).height(height)


def _properties(column: Column) -> list[model.DynamicConfigValue]:
    made = [model.DynamicConfigValue(id_val="unit", value=column.unit)] if column.expr else []
    if column.decimals is not None:
        made.append(model.DynamicConfigValue(id_val="decimals", value=column.decimals))
    if column.words:
        made.append(model.DynamicConfigValue(id_val="mappings", value=words_of(column.words)))
    if column.steps:
        made.append(model.DynamicConfigValue(id_val="thresholds", value=steps_of(column.steps).build()))
    if column.words or column.steps:
        made.append(model.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}))
    if column.links:
        made.append(model.DynamicConfigValue(id_val="links", value=[link.build() for link in column.links]))
    if column.width is not None:
        made.append(model.DynamicConfigValue(id_val="custom.width", value=column.width))
    return made
