"""`rollwatch bridge`: the process Alertmanager calls for what it can't send itself."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import uvloop

from rollwatch.bridge.app import run_bridge
from rollwatch.bridge.settings import BridgeSettings
from rollwatch.cli.ending import end_within
from rollwatch.cli.log_output import LogFormat, LogLevel, set_up_logging
from rollwatch.cli.options import config_file_option, log_options

__all__ = ["bridge"]

_THREADS_END_S = 2.0


@click.command()
@config_file_option
@click.option(
    "--web.listen-address",
    "listen_address",
    default="127.0.0.1:9719",
    show_default=True,
    help="Where Alertmanager finds it; ':9719' is every interface, port 0 any free one.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=click.Path(path_type=Path),
    help="TLS, and who may read /metrics, in the format of the exporter toolkit.",
)
@click.option(
    "--storage.path",
    "storage_path",
    type=click.Path(path_type=Path),
    default=Path("data/bridge"),
    show_default=True,
    help="The directory that keeps what is not sent yet; it must outlive the process.",
)
@log_options
def bridge(  # noqa: PLR0917  click passes them by name
    config_file: Path,
    listen_address: str,
    web_config_file: Path | None,
    storage_path: Path,
    log_level: str,
    log_format: str,
) -> None:
    """Send what Alertmanager can't: SMS, the daily summary, webhooks, events to Sentry and Datadog.

    SIGHUP reads the file again; SIGTERM or Ctrl-C ends the process.
    """
    set_up_logging(LogLevel(log_level), LogFormat(log_format))
    settings = BridgeSettings(
        config_file=config_file,
        listen_address=listen_address,
        web_config_file=web_config_file,
        storage_path=storage_path,
        environ=os.environ,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_bridge(settings))
        end_within(_THREADS_END_S)
