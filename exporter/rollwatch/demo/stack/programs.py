"""The programs of others that the demo runs where they are installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.text import listed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Programs", "find_programs"]

_NAMES = {
    # Debian's name for it first: some other package's `alertmanager` may be on the PATH, too.
    "prometheus": ("prometheus",),
    "prometheus-alertmanager": ("prometheus-alertmanager", "alertmanager"),
    # What the demo releases is in a repository, as everybody's is.
    "git": ("git",),
}
"""By Debian's package, what the program may be called."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where they are."""

    prometheus: str
    alertmanager: str
    git: str


def find_programs(which: Callable[[str], str | None]) -> Programs | str:
    """All of them; or, in a sentence, which is missing and what to install. `which` is shutil's."""
    found = {package: _first(which, names) for package, names in _NAMES.items()}
    if all(found.values()):
        return Programs(*(str(path) for path in found.values()))
    missing = [package for package, path in found.items() if path is None]
    programs = listed([_NAMES[package][-1] for package in missing])
    return (
        f"no alerts: {programs} {'is' if len(missing) == 1 else 'are'} not installed. "
        f"On Debian: apt-get install --no-install-recommends {' '.join(missing)}; "
        "or put the programs of prometheus.io on the PATH"
    )


def _first(which: Callable[[str], str | None], names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := which(name)) is not None), None)
