"""How commits, versions and ids of releases may look: they become arguments of commands, and are shown."""

from __future__ import annotations

import re

from rollwatch.rollback.model.release import Release

__all__ = ["COMMIT", "NAME", "named"]

COMMIT = r"^([0-9a-f]{40}|[0-9a-f]{64})$"
"""A whole SHA, in lower case: a short one may name another commit tomorrow."""
NAME = r"^[A-Za-z0-9._+:/@][A-Za-z0-9._+:/@-]{0,127}$"
"""Never an option of a command, since it does not begin with a hyphen."""


def named(
    service: str,
    environment: str,
    *,
    commit: str | None = None,
    version: str | None = None,
    platform_id: str | None = None,
) -> Release | None:
    """A release, by those of its names that are fit; None where none is."""
    commit = None if commit is None else commit.lower()
    fit = (
        commit if _fits(COMMIT, commit) else None,
        version if _fits(NAME, version) else None,
        platform_id if _fits(NAME, platform_id) else None,
    )
    return Release(service, environment, *fit) if any(name is not None for name in fit) else None


def _fits(pattern: str, text: str | None) -> bool:
    # re's $ would let a line break pass.
    return text is not None and re.fullmatch(pattern.removesuffix("$"), text) is not None
