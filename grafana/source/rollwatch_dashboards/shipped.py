"""Every dashboard, by the file it is written to."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.bundle.settings import Settings
    from rollwatch_dashboards.board import Board

__all__ = ["dashboard_files"]

_WHOLE = frozenset((Dashboard.HOME, Dashboard.SLO, Dashboard.RELEASES, Dashboard.ALERTS))
"""What looks at production as a whole has a folder of its own."""


def dashboard_files(settings: Settings) -> dict[str, str]:
    """Their texts, by path below `grafana/dashboards`: a folder of Grafana's, then the uid's own word.

    A dashboard is made by the module of that word, by its function `board`.
    """
    files = {}
    for uid in Dashboard:
        word = uid.removeprefix("rollwatch-")
        made: Callable[[], Board] = importlib.import_module(f"rollwatch_dashboards.{word}").board
        files[f"{'rollwatch' if uid in _WHOLE else 'rollwatch-services'}/{word}.json"] = made().json(settings)
    return files
