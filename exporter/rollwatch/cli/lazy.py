"""A command group that imports a command when it is asked for: `version` need not load the exporter."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rollwatch.cli.suggest import SuggestingGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

__all__ = ["LazyGroup"]


class LazyGroup(SuggestingGroup):
    """`places` names where each command is: `check-config` -> `rollwatch.cli.check_config:check_config`."""

    def __init__(self, *args: Any, places: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in self._places:
            module, _, name = self._places[cmd_name].partition(":")
            self.add_command(getattr(importlib.import_module(module), name), cmd_name)
        return super().get_command(ctx, cmd_name)
