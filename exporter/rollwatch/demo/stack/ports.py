"""Where the programs behind the demo production listen, all on loopback."""

from __future__ import annotations

from dataclasses import dataclass

from rollwatch.demo.production.settings import DEFAULT_BRIDGE_PORT, DEFAULT_INGEST_PORT

__all__ = ["StackPorts"]


@dataclass(frozen=True, slots=True)
class StackPorts:
    """One port each; what the command line calls `--<name>-port`."""

    exporter: int = 9717
    ingest: int = DEFAULT_INGEST_PORT
    bridge: int = DEFAULT_BRIDGE_PORT
    alertmanager: int = 9093
    prometheus: int = 9090
