"""What programs see of the handler's environment: what is allowed, what is declared, and secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.rollback_strategies import ExecutedSpec

__all__ = ["ALLOWED", "ORDER_VARIABLE", "ChildEnvironment", "child_environment"]

ALLOWED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSH_AUTH_SOCK")
ORDER_VARIABLE = "ROLLWATCH_ROLLBACK"
"""Holds the order's id in all that was started for it: by it they are found again after a crash."""


@dataclass(frozen=True, slots=True)
class ChildEnvironment:
    """The variables of a program, and which of their values are never shown."""

    variables: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def child_environment(spec: ExecutedSpec, environ: Mapping[str, str], **more: str) -> ChildEnvironment:
    """For a program of `spec`; `more` are set as well. Raises SecretUnavailable."""
    names = (*ALLOWED, *spec.environment_variables)
    variables = {name: environ[name] for name in names if name in environ}
    secrets = {name: secret.render() for name, secret in spec.secrets.items()}
    return ChildEnvironment({**variables, **more, **secrets}, tuple(secrets.values()))
