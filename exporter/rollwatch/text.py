"""Remote text made fit to be shown: one line, printable, bounded."""

from __future__ import annotations

__all__ = ["DETAIL_LIMIT", "clean", "listed", "sentence"]

DETAIL_LIMIT = 300
"""Characters of a failure's detail."""


def clean(text: str | bytes, limit: int = 200) -> str:
    """`text` on one line, with anything unprintable as `?` and cut to `limit` characters."""
    if isinstance(text, bytes):
        text = text[: 4 * limit].decode("utf-8", "replace")
    cut = text[: limit + 1]
    if not (cut.isprintable()):
        cut = "".join(c if c.isprintable() else " " if c in "\t\r\n" else "?" for c in cut)
    return cut if len(cut) <= limit else cut[: limit - 1] + "…"


def sentence(text: str) -> str:
    """`clean` at the length of a detail."""
    return clean(text, DETAIL_LIMIT)


def listed(names: list[str], at_most: int = 5) -> str:
    """`a, b and 3 more`."""
    shown = ", ".join(clean(name, 40) for name in names[:at_most])
    rest = len(names) - at_most
    return shown if rest <= 0 else f"{shown} and {rest} more"
