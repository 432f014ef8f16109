"""`{target_commit}` and its like in texts of the file: what stands for a value of the journal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollwatch.config.mistake import did_you_mean, mistake

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PLACEHOLDERS", "check_placeholders", "fill", "placeholders_in"]

PLACEHOLDERS = (
    "service",
    "environment",
    "target_commit",
    "target_version",
    "target_id",
    "bad_commit",
    "bad_version",
    "bad_id",
    "rollback_id",
)
"""What commands and inputs may name. None of it is text of an alert."""

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def placeholders_in(text: str) -> tuple[str, ...]:
    """The names of its placeholders, in order of appearance."""
    return tuple(piece[1] for piece in _PIECE.finditer(text) if piece[1] is not None)


def check_placeholders(text: str, known: tuple[str, ...] = PLACEHOLDERS) -> None:
    """Raises a mistake if a placeholder is not `known`, or a brace belongs to none."""
    for piece in _PIECE.finditer(text):
        if piece[0] in {"{", "}"}:
            raise mistake(
                "has a brace that belongs to no placeholder", "Write {{ and }} for braces themselves."
            )
        name = piece[1]
        if name is not None and name not in known:
            remedy = f"{did_you_mean(name, known)} For braces themselves, write {{{{ and }}}}."
            raise mistake("has a placeholder that is not known", remedy)


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text`, checked at load, with each placeholder replaced, and its braces as meant.

    Raises KeyError with the name of a placeholder that has no value.
    """
    return _PIECE.sub(lambda piece: piece[0][0] if piece[1] is None else values[piece[1]], text)
