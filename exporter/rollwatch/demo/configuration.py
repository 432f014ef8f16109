"""Writes the demo's `rollwatch.yml`: the shipped file with this production's ports and interval."""

from __future__ import annotations

import re
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING

from rollwatch.config.fields import format_seconds, parse_seconds
from rollwatch.demo.production.registry import DEFAULT_BASE_PORT, ports_from
from rollwatch.demo.rundir import write_private
from rollwatch.demo.stack.ports import StackPorts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollwatch.demo.rundir import RunDir

__all__ = ["render_config", "write_config"]

_LONGEST_TIMEOUT_S = 4.0
_DEFAULTS = "defaults:\n  interval: {}\n  timeout: {}\n"


def render_config(ports: Mapping[str, int], stack: StackPorts, *, interval: str, releases: Path) -> str:
    """The shipped file, valid as it stands for the default ports, with these ports and this interval."""
    text = resources.files("rollwatch.demo").joinpath("rollwatch.yml").read_text("utf-8")
    actual = {str(port): ports[name] for name, port in ports_from(DEFAULT_BASE_PORT).items()}
    actual |= {str(port): asdict(stack)[name] for name, port in asdict(StackPorts()).items()}
    timeout = format_seconds(min(parse_seconds(interval), _LONGEST_TIMEOUT_S))
    shipped, asked = _DEFAULTS.format("5s", "4s"), _DEFAULTS.format(interval, timeout)
    text = text.replace(shipped, asked)
    text = text.replace("repository: /srv/larkspur/", f"repository: {releases}/")
    return re.sub(
        r"(?P<host>127\.0\.0\.1|localhost):(?P<port>\d+)",
        lambda match: f"{match['host']}:{actual[match['port']]}",
        text,
    )


def write_config(run_dir: RunDir, ports: Mapping[str, int], stack: StackPorts, *, interval: str) -> None:
    """Write it into the run directory, where the files it names are, and the addresses that are secrets."""
    text = render_config(ports, stack, interval=interval, releases=run_dir.releases)
    write_private(run_dir.config, text.encode())
    inbox, token = f"127.0.0.1:{ports['inbox']}", run_dir.keep_secret("inbox")
    for secret in ("bridge", "rollback-alert"):
        run_dir.keep_secret(secret)
    for name, address in (
        ("slack", f"http://{inbox}/slack/{token}"),
        ("chat", f"http://{inbox}/webhook/{token}"),
        ("watchdog", f"http://{inbox}/watchdog/{token}"),
    ):
        # With the port of this start: not a secret to keep.
        write_private(run_dir.secrets / name, f"{address}\n".encode())
