"""Which program reads the file: each checks all of it, and reads only the secrets it needs itself."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Program", "secrets_of"]


class Program(StrEnum):
    """Who loads a configuration."""

    EXPORTER = "exporter"
    """Reads the secrets of probes and pushes."""
    BRIDGE = "bridge"
    """Reads those of the section `bridge`, and the password of the mail server."""
    ROLLBACK = "rollback"
    """Reads those of the section `rollback`, and of `rollback` of each service."""
    COMMAND = "command"
    """Needs none: it only looks at what the file says."""


def secrets_of(program: Program) -> str:
    """Under which key the context of a validation has the store for what only `program` reads."""
    return f"{program.value}_secrets"
