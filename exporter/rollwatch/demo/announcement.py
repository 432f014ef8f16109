"""What a running demo says of itself in the run directory: that it is there, and where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollwatch.demo.identity import ProcessIdentity
from rollwatch.demo.rundir import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollwatch.demo.rundir import RunDir

__all__ = ["announce", "announce_stack", "running_ports", "running_stack", "withdraw_stack"]


def announce(run_dir: RunDir, ports: Mapping[str, int]) -> None:
    """Say that this process, the production, listens on these ports (name of the part -> port)."""
    _write(run_dir.production, {"ports": dict(ports)})


def running_ports(run_dir: RunDir) -> Mapping[str, int] | None:
    """The ports of the production that runs in this directory; None if none does, killed ones included."""
    try:
        ports = _read(run_dir.production)["ports"]
        return {str(name): int(port) for name, port in ports.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def announce_stack(run_dir: RunDir, addresses: Mapping[str, str]) -> None:
    """Say that this process, the supervisor, runs what is at these addresses (title -> URL)."""
    _write(run_dir.stack, {"addresses": dict(addresses)})


def running_stack(run_dir: RunDir) -> Mapping[str, str]:
    """What a living supervisor of this directory runs; empty if there is none."""
    try:
        addresses = _read(run_dir.stack)["addresses"]
        return {str(title): str(url) for title, url in addresses.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def withdraw_stack(run_dir: RunDir) -> None:
    """Take back what this process said; what another says stays."""
    try:
        record = json.loads(run_dir.stack.read_bytes())
        is_own = ProcessIdentity.from_json(record["process"]) == ProcessIdentity.own()
    except (OSError, ValueError, KeyError, TypeError):
        return
    if is_own:
        run_dir.stack.unlink(missing_ok=True)


def _write(path: Path, record: Mapping[str, Any]) -> None:
    write_private(path, json.dumps({**record, "process": ProcessIdentity.own().as_json()}).encode())


def _read(path: Path) -> Any:
    """The record, of a process that lives. Raises ValueError if it does not."""
    record = json.loads(path.read_bytes())
    if not ProcessIdentity.from_json(record["process"]).is_alive():
        raise ValueError("its process has ended")
    return record
