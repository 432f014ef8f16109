"""`rollwatch version`."""

from __future__ import annotations

import platform

import click

from rollwatch import __version__

__all__ = ["version"]


@click.command()
def version() -> None:
    """Say which rollwatch this is."""
    click.echo(f"rollwatch {__version__} (Python {platform.python_version()})")
