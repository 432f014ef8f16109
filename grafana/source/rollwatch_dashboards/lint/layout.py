"""Rules on the whole of a dashboard: identity, variables, annotations, layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch_dashboards.lint.finding import Document, Finding, Known, Rule, panels_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RULES"]

_SOURCE = "${datasource}"
_SCHEMAS = range(36, 43)
_WIDTH = 24
_CHOICES = {"environment", "service", "location"}
_MARKS = ("Deployments", "Rollbacks")
_KINDS = {
    *("row", "stat", "timeseries", "table", "heatmap", "state-timeline", "bargauge", "text"),
    *(
        "gauge",
        "barchart",
        "status-history",
        "piechart",
        "histogram",
        "logs",
        "dashlist",
        "alertlist",
        "annolist",
    ),
}
"""Panels that every Grafana from 10 on has by itself."""


def uneditable_dashboard(board: Document, _: Known) -> Iterator[Finding]:
    """A change in the browser would be lost with the next update of the file."""
    if board.get("editable") is not False:
        yield Finding("uneditable-dashboard", "dashboard", "set editable to false")


def template_datasource(board: Document, _: Known) -> Iterator[Finding]:
    """The data source is a variable `datasource`, labelled `Data source`."""
    found = [one for one in board["templating"]["list"] if one["type"] == "datasource"]
    if [(one["name"], one.get("label"), one["query"]) for one in found] != [
        ("datasource", "Data source", "prometheus")
    ]:
        yield Finding("template-datasource", "variables", "have one data source variable named datasource")


def template_on_time_change_reload(board: Document, _: Known) -> Iterator[Finding]:
    """Choices are read again when the time changes: a service of last week can be chosen."""
    for one in board["templating"]["list"]:
        if one["type"] == "query" and one.get("refresh") != 2:
            yield Finding("template-on-time-change-reload", f"variable {one['name']}", "set refresh to 2")


def template_choice(board: Document, _: Known) -> Iterator[Finding]:
    """Environment, service and location allow several values, and All of them is `.+`."""
    names = {one["name"] for one in board["templating"]["list"]}
    for missing in sorted({"environment", "service"} - names):
        yield Finding("template-choice", "variables", f"add the variable {missing}")
    for one in board["templating"]["list"]:
        if one["name"] in _CHOICES and not (one["multi"] and one["includeAll"] and one["allValue"] == ".+"):
            yield Finding(
                "template-choice", f"variable {one['name']}", "let several be chosen, and All be .+"
            )


def dashboard_identity(board: Document, known: Known) -> Iterator[Finding]:
    """The uid is one that alerts link to; nothing asks questions at import; the schema is known to "
    "Grafana 10."""
    if board["uid"] not in known.uids:
        yield Finding(
            "dashboard-identity", "dashboard", f"{board['uid']} is no uid of rollwatch.bundle.rules"
        )
    for key in ("__inputs", "__requires", "id"):
        if board.get(key) is not None:
            yield Finding("dashboard-identity", "dashboard", f"remove {key}: it belongs to one Grafana only")
    if board["schemaVersion"] not in _SCHEMAS:
        yield Finding("dashboard-identity", "dashboard", f"schema {board['schemaVersion']} is not 36 to 42")
    if "5s" not in board["timepicker"]["refresh_intervals"]:
        yield Finding("dashboard-identity", "dashboard", "let 5s be chosen for the refresh")


def dashboard_annotations(board: Document, _: Known) -> Iterator[Finding]:
    """Deployments and rollbacks are marked on every graph."""
    found = {one["name"]: one for one in board["annotations"]["list"]}
    for name in _MARKS:
        if name not in found or not found[name]["enable"]:
            yield Finding("dashboard-annotations", "annotations", f"mark {name}")


def panel_datasource(board: Document, _: Known) -> Iterator[Finding]:
    """Whatever asks, asks the data source that is chosen."""
    places = [
        (f"{panel['title']} ({panel['id']})", panel) for panel in panels_of(board) if panel["type"] != "text"
    ]
    places += [
        (f"{panel['title']} ({panel['id']}{target['refId']})", target)
        for panel in panels_of(board)
        for target in panel.get("targets", ())
    ]
    places += [(f"annotation {one['name']}", one) for one in board["annotations"]["list"]]
    places += [
        (f"variable {one['name']}", one) for one in board["templating"]["list"] if one["type"] == "query"
    ]
    for where, place in places:
        if (place.get("datasource") or {}).get("uid") != _SOURCE:
            yield Finding("panel-datasource", where, f"ask {_SOURCE}")


def panel_kind(board: Document, _: Known) -> Iterator[Finding]:
    """No plugin has to be installed."""
    for panel in (*board["panels"], *panels_of(board)):
        if panel["type"] not in _KINDS:
            yield Finding(
                "panel-kind", f"{panel.get('title')}", f"{panel['type']} is no panel of Grafana's own"
            )


def panel_place(board: Document, _: Known) -> Iterator[Finding]:
    """Ids are unique; nothing is wider than the page, and nothing lies on something else."""
    every = [*board["panels"], *(below for one in board["panels"] for below in one.get("panels", ()))]
    ids = [panel["id"] for panel in every]
    if len(set(ids)) < len(ids) or any(not one for one in ids):
        yield Finding("panel-place", "dashboard", "give each panel an id of its own, above 0")
    taken: dict[tuple[int, int], int] = {}
    for panel in every:
        at = panel["gridPos"]
        if at["x"] + at["w"] > _WIDTH:
            yield Finding("panel-place", f"{panel['title']} ({panel['id']})", "it is wider than the page")
        cells = [
            (column, line)
            for column in range(at["x"], at["x"] + at["w"])
            for line in range(at["y"], at["y"] + at["h"])
        ]
        on = {taken[cell] for cell in cells if cell in taken}
        if on:
            yield Finding("panel-place", f"{panel['title']} ({panel['id']})", f"it lies on panel {min(on)}")
        taken |= dict.fromkeys(cells, panel["id"])


RULES: tuple[Rule, ...] = (
    uneditable_dashboard,
    template_datasource,
    template_on_time_change_reload,
    template_choice,
    dashboard_identity,
    dashboard_annotations,
    panel_datasource,
    panel_kind,
    panel_place,
)
