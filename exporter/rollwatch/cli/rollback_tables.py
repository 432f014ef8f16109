"""Tables for a terminal; where the output is no terminal, lines are as long as they need to be."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rollwatch.cli.rollback_words import ASCII_MARKS, MARKS, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["marks", "print_table"]

_WIDE = 10_000
_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "timed out": "red",
    "unknown": "red",
    "awaiting approval": "yellow",
    "executing": "cyan",
    "verifying": "cyan",
    "preparing": "cyan",
    "finishing": "cyan",
}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows of cleaned or remote text; a cell that names a state is coloured on a terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(words(cell), style=_STYLES.get(cell, "")) for cell in row))
    console.print(table)


def marks() -> Mapping[str, str]:
    """For the results of guards, as the terminal can show them."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    return MARKS if encoding == "utf8" else ASCII_MARKS
