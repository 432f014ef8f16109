"""The page of commands names every command, flag, URL scheme and exit code there is."""

from pathlib import Path

import click
import pytest

from rollwatch.cli.exits import Exit
from support.commands import COMMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


OPTIONS = [
    pytest.param(parameter, id=f"{name} {parameter.opts[0]}")
    for name, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter, click.Option)
]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_section(name):
    assert f"\n## rollwatch {name}" in PAGE


@pytest.mark.parametrize("option", OPTIONS)
def test_every_flag_is_there_with_its_default_and_variable(option):
    assert f"`{option.opts[0]}`" in PAGE
    if isinstance(option.default, str):
        assert f"`{option.default}`" in PAGE
    if option.envvar:
        assert f"`{option.envvar}`" in PAGE


@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_there(code):
    assert f"| {code.value} | {code.name.lower()} |" in PAGE
