"""Writes what the programs of the stack are configured by."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from rollwatch.demo.rundir import write_private
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["fresh_directory", "replace_files"]


def fresh_directory(path: Path, *, keep: bool) -> None:
    """An empty directory, its owner's only; with `keep` as it is. Raises DemoError if it can't be made."""
    try:
        if not keep and path.exists():
            shutil.rmtree(path)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(f"{path} can't be made anew: {error.strerror}. Remove it, and start again") from error


def replace_files(directory: Path, files: Mapping[str, str]) -> None:
    """Write `files` (relative path -> text) below `directory`; folders below it hold nothing else."""
    fresh_directory(directory, keep=True)
    for folder in {(directory / name).parent for name in files} - {directory}:
        fresh_directory(folder, keep=False)
    for name, text in files.items():
        write_private(directory / name, text.encode())
