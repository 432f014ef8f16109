"""What dashboards ask Prometheus, as Grafana would ask it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["DASHBOARDS", "Asked", "asked_by", "filled", "load", "panels_of"]

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana/dashboards").glob("*/*.json"))
_VALUES = re.compile(r"label_values\((?:(.*),\s*)?(\w+)\)")
_EVERYTHING = ".+"


@dataclass(frozen=True, slots=True)
class Asked:
    """One expression of a dashboard, and where it stands."""

    uid: str
    where: str
    """The panel's title and id with the query's letter, or the annotation's or variable's name."""
    expr: str
    """As it is written, with variables."""
    legend: str = ""
    is_instant: bool = False
    label: str = ""
    """Of a variable: whose values are asked for; `expr` is a selector then."""


def panels_of(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those of closed rows too; rows themselves are none."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def asked_by(board: dict[str, Any]) -> Iterator[Asked]:
    """Every expression of panels, annotations and variables."""
    uid = board["uid"]
    for panel in panels_of(board):
        for target in panel.get("targets", []):
            place = f"{panel['title']} ({panel['id']}{target['refId']})"
            yield Asked(uid, place, target["expr"], target.get("legendFormat", ""), target["instant"])
    for one in board["annotations"]["list"]:
        if one.get("builtIn") != 1:
            yield Asked(uid, f"annotation {one['name']}", one["expr"], one["titleFormat"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            found = _VALUES.fullmatch(variable["query"])
            assert found, variable["query"]
            yield Asked(uid, f"variable {variable['name']}", found[1] or "", is_instant=True, label=found[2])


def filled(expr: str, *, step_s: float, range_s: float, scrape_s: float, chosen: str = _EVERYTHING) -> str:
    """The expression with variables as Grafana puts them in; `chosen` for what people choose, All "
    "at first."""
    values = {
        "__rate_interval": f"{max(step_s + scrape_s, 4 * scrape_s):.0f}s",
        "__interval": f"{step_s:.0f}s",
        "__range": f"{range_s:.0f}s",
    }

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[2], chosen)

    return re.sub(r"\$(\w+)|\$\{(\w+)[^}]*\}", value, expr)


def load(path: Path) -> dict[str, Any]:
    """A dashboard's document."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document
