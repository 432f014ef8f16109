"""`rollwatch exporter`: the process Prometheus scrapes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import uvloop

from rollwatch.cli.ending import end_within
from rollwatch.cli.log_output import LogFormat, LogLevel, set_up_logging
from rollwatch.cli.options import config_file_option, location_option, log_options
from rollwatch.exporter.app import run_exporter
from rollwatch.exporter.settings import ExporterSettings

__all__ = ["exporter"]

_THREADS_END_S = 2.0


@click.command()
@config_file_option
@click.option(
    "--web.listen-address",
    "listen_address",
    default="127.0.0.1:9717",
    show_default=True,
    help="Where to serve metrics and the status page; ':9717' is every interface, port 0 any free one.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=click.Path(path_type=Path),
    help="TLS, basic auth and tokens, in the format of the exporter toolkit.",
)
@click.option(
    "--web.ingest-address",
    "ingest_address",
    help="Where browsers and applications send to, usually 127.0.0.1:9720 behind your proxy; off by default.",
)
@click.option(
    "--web.ingest-config.file",
    "ingest_config_file",
    type=click.Path(path_type=Path),
    help="TLS and headers of the ingest address, in the format of the exporter toolkit.",
)
@location_option
@log_options
def exporter(  # noqa: PLR0917  click passes them by name
    config_file: Path,
    listen_address: str,
    web_config_file: Path | None,
    ingest_address: str | None,
    ingest_config_file: Path | None,
    location: str | None,
    log_level: str,
    log_format: str,
) -> None:
    """Probe what --config.file describes and serve the metrics.

    SIGHUP or POST /-/reload reads the file again; SIGTERM or Ctrl-C ends the process.
    """
    sink = set_up_logging(LogLevel(log_level), LogFormat(log_format))
    if ingest_config_file is not None and ingest_address is None:
        raise click.UsageError("--web.ingest-config.file needs --web.ingest-address.")
    settings = ExporterSettings(
        config_file=config_file,
        listen_address=listen_address,
        web_config_file=web_config_file,
        ingest_address=ingest_address,
        ingest_config_file=ingest_config_file,
        location=location,
        environ=os.environ,
        log_dropped=lambda: sink.dropped,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_exporter(settings))
        end_within(_THREADS_END_S)
