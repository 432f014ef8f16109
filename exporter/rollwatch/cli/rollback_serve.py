"""`rollwatch rollback serve`: the process that takes releases back."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import uvloop

from rollwatch.cli.ending import end_within
from rollwatch.cli.exits import Exit
from rollwatch.cli.log_output import LogFormat, LogLevel, set_up_logging
from rollwatch.cli.options import config_file_option, log_options
from rollwatch.rollback.app import run_handler
from rollwatch.rollback.settings import HandlerSettings

__all__ = ["serve"]

_THREADS_END_S = 2.0


@click.command()
@config_file_option
@click.option(
    "--web.listen-address",
    "listen_address",
    default="127.0.0.1:9718",
    show_default=True,
    help="Where Alertmanager and people find it; ':9718' is every interface, port 0 any free one.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=click.Path(path_type=Path),
    help="TLS, and the tokens with their roles, in the format of the exporter toolkit. Without it nothing "
    "can be delivered, read or triggered.",
)
@click.option(
    "--storage.path",
    "storage_path",
    type=click.Path(path_type=Path),
    default=Path("data/rollback"),
    show_default=True,
    help="The directory of the journal and of what strategies leave while they work; it must outlive the "
    "process.",
)
@log_options
def serve(  # noqa: PLR0917  click passes them by name
    config_file: Path,
    listen_address: str,
    web_config_file: Path | None,
    storage_path: Path,
    log_level: str,
    log_format: str,
) -> None:
    """Judge rollback alerts, and take back the release that broke production.

    SIGHUP reads the file again; SIGTERM or Ctrl-C ends the process in bounded time.
    """
    sink = set_up_logging(LogLevel(log_level), LogFormat(log_format))
    settings = HandlerSettings(
        config_file=config_file,
        listen_address=listen_address,
        web_config_file=web_config_file,
        # Programs run elsewhere, and are told where things are.
        storage_path=storage_path.absolute(),
        environ=os.environ,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        left = runner.run(run_handler(settings))
        if left:
            # Not by way of the runner: it would cancel what is under way, and end a deployment in its middle.
            sink.close()
            os._exit(Exit.OK)
        end_within(_THREADS_END_S)
