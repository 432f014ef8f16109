"""Where the programs around the demo production listen, all on loopback."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StackPorts"]


@dataclass(frozen=True, slots=True)
class StackPorts:
    """One port each; what the command line calls `--<name>-port`."""

    exporter: int = 9717
    ingest: int = 9720
    bridge: int = 9719
    rollback: int = 9718
    alertmanager: int = 9093
    prometheus: int = 9090
