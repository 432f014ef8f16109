"""What a running production says of itself in the run directory: that it listens, and where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rollwatch.demo.identity import ProcessIdentity
from rollwatch.demo.rundir import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.demo.rundir import RunDir

__all__ = ["announce", "running_ports"]


def announce(run_dir: RunDir, ports: Mapping[str, int]) -> None:
    """Say that this process listens on these ports (name of the part -> port)."""
    record = {"ports": dict(ports), "process": ProcessIdentity.own().as_json()}
    write_private(run_dir.production, json.dumps(record).encode())


def running_ports(run_dir: RunDir) -> Mapping[str, int] | None:
    """The ports of the production that runs in this directory; None if none does, killed ones included."""
    try:
        record = json.loads(run_dir.production.read_bytes())
        process = ProcessIdentity.from_json(record["process"])
        ports = {str(name): int(port) for name, port in record["ports"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return ports if process.is_alive() else None
