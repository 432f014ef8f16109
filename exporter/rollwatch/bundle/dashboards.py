"""Grafana's dashboards as shipped, with the addresses of one installation."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from rollwatch.errors import CantStart

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from rollwatch.bundle.settings import Settings

__all__ = ["dashboard_files"]

_CHECKOUT = Path(__file__).parents[3] / "grafana" / "dashboards"
"""Where they are in the repository; a wheel has them beside this module."""


def dashboard_files(settings: Settings) -> dict[str, str]:
    """Their texts, by path below `grafana/dashboards`. Raises CantStart where an installation lacks them."""
    packed = resources.files("rollwatch.bundle").joinpath("grafana")
    shipped: Traversable = packed if packed.is_dir() else _CHECKOUT
    if not shipped.is_dir():
        raise CantStart(
            f"this installation is incomplete: there are no dashboards in {packed}. Install it anew"
        )
    return {
        f"{folder.name}/{file.name}": _addressed(file.read_text("utf-8"), settings)
        for folder in shipped.iterdir()
        if folder.is_dir()
        for file in folder.iterdir()
        if file.name.endswith(".json")
    }


def _addressed(text: str, settings: Settings) -> str:
    """With the constants that links begin with as `settings` have them."""
    board = json.loads(text)
    for variable in board["templating"]["list"]:
        if variable["type"] == "constant":
            variable["query"] = getattr(settings, variable["name"])
    return json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
