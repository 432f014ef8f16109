"""A whole dashboard, as classic JSON that Grafana 10 to 13 loads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.events import marks
from rollwatch_dashboards.links import TAG, all_dashboards, home
from rollwatch_dashboards.variables import addresses, standard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as model

    from rollwatch.bundle.settings import Settings

    Panel: TypeAlias = Builder[model.Panel]

__all__ = ["Board", "Row"]

_HIDDEN = 2
_REFRESH = ["5s", "10s", "30s", "1m", "5m", "15m", "1h"]


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, and what stands below it."""

    title: str
    panels: Sequence[Panel]
    collapsed: bool = False
    """Opened by a click; until then nothing of it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard: what it answers, and with which panels."""

    uid: Dashboard
    title: str
    description: str
    """One or two sentences: the question it answers, and for whom."""
    rows: Sequence[Row]
    located: bool = False
    """Whether a location can be chosen."""
    variables: Sequence[Builder[model.VariableModel]] = ()
    """Beside the standard ones."""
    span: str = "now-6h"
    refresh: str = "30s"

    def json(self, settings: Settings) -> str:
        """Its file; the same text each time."""
        made = build.Dashboard(self.title).uid(self.uid).description(self.description)
        made = made.tags([TAG]).readonly().refresh(self.refresh).time(self.span, "now").timezone("browser")
        made = made.timepicker(build.TimePicker().refresh_intervals(_REFRESH))
        made = made.tooltip(DashboardCursorSync.CROSSHAIR).annotations([*marks()])
        made = made.variables([*standard(located=self.located), *self.variables, *addresses(settings)])
        if self.uid is not Dashboard.HOME:
            made = made.link(home(Dashboard.HOME))
        made = made.link(all_dashboards())
        for row in self.rows:
            heading = build.Row(row.title)
            if row.collapsed:
                for panel in row.panels:
                    heading = heading.with_panel(panel)
                made = made.with_row(heading.collapsed(True))
            else:
                made = made.with_row(heading)
                for panel in row.panels:
                    made = made.with_panel(panel)
        document = _placed(json.loads(JSONEncoder().encode(made.build())))
        _number(document["panels"])
        for variable in document["templating"]["list"]:
            if variable["type"] == "constant":
                variable["hide"] = _HIDDEN
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _placed(node: Any) -> Any:
    """Without the library's wish to hide links and annotations in a menu."""
    if isinstance(node, dict):
        kept = (item for item in node.items() if item != ("placement", "inControlsMenu"))
        return {key: _placed(value) for key, value in kept}
    return [_placed(value) for value in node] if isinstance(node, list) else node


def _number(panels: list[dict[str, Any]], first: int = 1) -> int:
    for panel in panels:
        panel["id"] = first
        first = _number(panel.get("panels") or [], first + 1)
    return first
