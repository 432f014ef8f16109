"""Writes the demo's `rollwatch.yml`: the shipped file with this production's ports and interval."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from rollwatch.config.fields import format_seconds, parse_seconds
from rollwatch.demo.production.registry import DEFAULT_BASE_PORT, ports_from
from rollwatch.demo.production.settings import DEFAULT_BRIDGE_PORT, DEFAULT_INGEST_PORT
from rollwatch.demo.rundir import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.demo.rundir import RunDir

__all__ = ["render_config", "write_config"]

_LONGEST_TIMEOUT_S = 4.0
_DEFAULTS = "defaults:\n  interval: {}\n  timeout: {}\n"


def render_config(ports: Mapping[str, int], *, ingest_port: int, bridge_port: int, interval: str) -> str:
    """The shipped file, valid as it stands for the default ports, with these ports and this interval."""
    text = resources.files("rollwatch.demo").joinpath("rollwatch.yml").read_text("utf-8")
    actual = {str(port): ports[name] for name, port in ports_from(DEFAULT_BASE_PORT).items()}
    actual[str(DEFAULT_INGEST_PORT)] = ingest_port
    actual[str(DEFAULT_BRIDGE_PORT)] = bridge_port
    timeout = format_seconds(min(parse_seconds(interval), _LONGEST_TIMEOUT_S))
    shipped, asked = _DEFAULTS.format("5s", "4s"), _DEFAULTS.format(interval, timeout)
    text = text.replace(shipped, asked)
    return re.sub(
        r"(?P<host>127\.0\.0\.1|localhost):(?P<port>\d+)",
        lambda match: f"{match['host']}:{actual[match['port']]}",
        text,
    )


def write_config(
    run_dir: RunDir, ports: Mapping[str, int], *, ingest_port: int, bridge_port: int, interval: str
) -> None:
    """Write it into the run directory, where the files it names are, and the addresses that are secrets."""
    text = render_config(ports, ingest_port=ingest_port, bridge_port=bridge_port, interval=interval)
    write_private(run_dir.config, text.encode())
    inbox, token = f"127.0.0.1:{ports['inbox']}", run_dir.keep_secret("inbox")
    run_dir.keep_secret("bridge")
    for name, address in (
        ("slack", f"http://{inbox}/slack/{token}"),
        ("chat", f"http://{inbox}/webhook/{token}"),
        ("watchdog", f"http://{inbox}/watchdog/{token}"),
    ):
        # With the port of this start: not a secret to keep.
        write_private(run_dir.secrets / name, f"{address}\n".encode())
