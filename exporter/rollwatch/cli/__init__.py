"""The `rollwatch` command."""

from __future__ import annotations

import os
import sys
import traceback

import click

from rollwatch.cli.exits import Exit
from rollwatch.cli.lazy import LazyGroup
from rollwatch.errors import ConfigError, RollwatchError, UsageError

__all__ = ["cli", "main"]


_COMMANDS = {
    "bridge": "rollwatch.cli.bridge:bridge",
    "bundle": "rollwatch.cli.bundle:bundle",
    "check-config": "rollwatch.cli.check_config:check_config",
    "demo": "rollwatch.demo.commands:demo",
    "exporter": "rollwatch.cli.exporter:exporter",
    "notify": "rollwatch.cli.notify:notify",
    "probe": "rollwatch.cli.probe:probe",
    "rollback": "rollwatch.cli.rollback:rollback",
    "version": "rollwatch.cli.version:version",
}


@click.group(cls=LazyGroup, places=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Watch a production from outside and expose what is seen to Prometheus."""


def main() -> None:
    """Run the command line; the one place that turns errors into exit codes."""
    _fill_standard_descriptors()
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        code = Exit.USAGE
    except UsageError as error:
        click.echo(f"Error: {error}", err=True)
        code = Exit.USAGE
    except (RollwatchError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        code = Exit.CANT_START
    except Exception:  # noqa: BLE001  the outermost frame
        traceback.print_exc()
        click.echo("This is a bug of rollwatch. Please report it with the lines above.", err=True)
        code = Exit.INTERNAL
    sys.exit(code if isinstance(code, int) else Exit.OK)


def _fill_standard_descriptors() -> None:
    """Where we were started without standard streams, a socket of ours must not take their place.

    What a library prints would go into it, and libuv aborts the process when it closes one of the three.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
