"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rollwatch.cli.log_output import LogFormat, LogLevel

__all__ = ["config_file_option", "location_option", "log_options"]


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


def log_options(command: Any) -> Any:
    """`--log.level` and `--log.format`, of every program that runs on."""
    level = click.option(
        "--log.level",
        "log_level",
        type=click.Choice([level.value for level in LogLevel]),
        default=LogLevel.INFO.value,
        show_default=True,
        help="Show events of this weight and heavier.",
    )
    form = click.option(
        "--log.format",
        "log_format",
        type=click.Choice([log_format.value for log_format in LogFormat]),
        default=LogFormat.LOGFMT.value,
        show_default=True,
        help="How each line of the log is written.",
    )
    return level(form(command))
