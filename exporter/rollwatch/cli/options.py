"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["config_file_option", "location_option"]


def config_file_option(command: Any) -> Any:
    """`--config.file`, as every program of the ecosystem spells it."""
    return click.option(
        "--config.file",
        "config_file",
        type=click.Path(path_type=Path),
        default=Path("rollwatch.yml"),
        show_default=True,
        envvar="ROLLWATCH_CONFIG_FILE",
        show_envvar=True,
        help="The file that describes the production.",
    )(command)


def location_option(command: Any) -> Any:
    """`--location`: where this process stands; it wins over the file's."""
    return click.option(
        "--location",
        envvar="ROLLWATCH_LOCATION",
        show_envvar=True,
        help="Where this process stands (the label 'location'); wins over the file's.",
    )(command)
