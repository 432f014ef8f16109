"""Every error of ours.

RollwatchError
├── ConfigError          the file can't be used; carries every problem found
├── UsageError           wrong use of a program; says what to do instead
├── CantStart            well configured, but this host is in the way (a port is taken)
├── ProbeFailure         a run that did not end UP; carries the reason
└── SecretUnavailable    a secret can't be read now; carries its reference, never its value
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.model import Reason

__all__ = [
    "CantStart",
    "ConfigError",
    "ProbeFailure",
    "Problem",
    "RollwatchError",
    "SecretUnavailable",
    "UsageError",
]


class RollwatchError(Exception):
    """The root of every error of ours."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration file, with its place and what to write instead."""

    file: str
    line: int | None
    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = "".join(f"{part}: " for part in (place, self.path) if part)
        return f"{where}{self.message}. {self.remedy}".rstrip()


class ConfigError(RollwatchError):
    """The configuration can't be used. `problems` holds all of them, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(RollwatchError):
    """A program was used wrongly; the message says what to do."""


class CantStart(RollwatchError):  # noqa: N818  reads as a state, as the others do
    """A program is configured well and can't start on this host; the message says what to do."""


class ProbeFailure(RollwatchError):  # noqa: N818  a failed probe is a result, not a fault of ours
    """A run ended, and not UP. `detail` is one bounded sentence for a person, free of secrets."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class SecretUnavailable(RollwatchError):  # noqa: N818  read as a state: the secret is unavailable
    """The secret named by `reference` (`file:secrets/x`, `env:NAME`) can't be read now."""

    def __init__(self, reference: str, why: str) -> None:
        self.reference = reference
        self.why = why
        super().__init__(f"secret ${{{reference}}} can't be read: {why}")
