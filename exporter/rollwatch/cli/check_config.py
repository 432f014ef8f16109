"""`rollwatch check-config`: is the file good, and what does it say?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from rollwatch.cli.options import location_option
from rollwatch.config.describe import describe
from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.probers import discover

__all__ = ["check_config"]


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
@location_option
def check_config(file: Path, location: str | None) -> None:
    """Check FILE whole, without probing anything.

    Every problem is said with its line and what to write instead, and the exit code is 2. Secrets are
    read, so run it as the user the exporter runs as.
    """
    kinds = {name: kind.spec for name, kind in discover().items()}
    secrets = SecretStore(file.parent, os.environ)
    config = load_config(file, kinds, secrets=secrets, location=location)
    for line in describe(config):
        click.echo(line)
