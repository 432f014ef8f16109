"""Which program reads the file: each checks all of it, and reads only the secrets it needs itself."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Program"]


class Program(StrEnum):
    """Who loads a configuration."""

    EXPORTER = "exporter"
    """Reads the secrets of probes and pushes."""
    BRIDGE = "bridge"
    """Reads those of the section `bridge`, and the password of the mail server."""
    COMMAND = "command"
    """Needs none: it only looks at what the file says."""
