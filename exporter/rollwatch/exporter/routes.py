"""Every address of the exporter, and who may use it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from rollwatch.exporter.dashboard import dashboard_routes
from rollwatch.exporter.figures_route import figures_routes
from rollwatch.exporter.page_arriving import arriving_lines
from rollwatch.exporter.page_routes import page_routes
from rollwatch.exporter.routes_metrics import MetricsHandler
from rollwatch.exporter.routes_probe import ProbeHandler
from rollwatch.exporter.routes_reload import ReloadHandler
from rollwatch.ingest.browser.errors_route import errors_routes
from rollwatch.serving.route import Route

if TYPE_CHECKING:
    from rollwatch.engine.view import Monitor
    from rollwatch.exporter.routes_metrics import Render
    from rollwatch.exporter.routes_reload import Reload
    from rollwatch.figures.board import Board
    from rollwatch.ingest.browser.intake import BrowserIntake
    from rollwatch.serving.health import Health

__all__ = ["Access", "exporter_routes"]

# The longest timeout a probe may have, and a bit for everything around it.
_LONGEST_RUN_S = 310.0


class Arrived(Protocol):
    """What came by itself, as far as operators may read it."""

    @property
    def board(self) -> Board: ...

    @property
    def browser(self) -> BrowserIntake: ...


class Access(StrEnum):
    """The roles of the exporter's tokens."""

    READ = "read"
    """Metrics, pages and JSON."""
    OPERATE = "operate"
    """Also reload the configuration and run probes."""


def exporter_routes(
    *, monitor: Monitor, health: Health, render: Render, reload: Reload, arrivals: Arrived
) -> list[Route]:
    """The routes, for `build_app`.

    `render(openmetrics)` gives the exposition in pieces; `reload()` returns None when the new configuration
    is in force, else every problem as text.
    """
    readers = frozenset({Access.READ, Access.OPERATE})
    operators = frozenset({Access.OPERATE})
    return [
        *page_routes(
            monitor, readers, lambda now: arriving_lines(arrivals.board, arrivals.browser.errors(), now)
        ),
        Route("GET", "/metrics", MetricsHandler(render).answer, readers),
        *health.routes(readers),
        *dashboard_routes(monitor, readers),
        *figures_routes(arrivals.board, readers),
        *errors_routes(arrivals.browser, readers),
        Route("POST", "/-/reload", ReloadHandler(reload).answer, operators),
        Route("POST", "/debug/probe", ProbeHandler(monitor).answer, operators, request_s=_LONGEST_RUN_S),
    ]
