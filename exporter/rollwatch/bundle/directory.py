"""Puts the files of the bundle into a directory, and leaves alone what is not its own."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.bundle.rules import Dashboard
from rollwatch.bundle.shipped import MARK
from rollwatch.errors import CantStart, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Written", "write_files", "write_whole"]

_TO_EDIT = "prometheus/targets/"
"""Files below it are a start: whoever has them has put addresses of their own in."""
_OURS_ALONE = "prometheus/rules/*.yml", "grafana/dashboards/*/*.json"
"""Files that we wrote once and don't write any more would fire, or be shown, beside the new ones."""
_UIDS = tuple(f'"uid": "{uid}"' for uid in Dashboard)
"""JSON has no comments to write `MARK` in."""
_HEAD_BYTES = 1024


class Written(NamedTuple):
    """What became of each file, by its path below the directory, sorted."""

    new: tuple[str, ...]
    """Written, or written anew."""
    same: tuple[str, ...]
    """There already, as it should be."""
    kept: tuple[str, ...]
    """To be edited by people, and there already."""
    stale: tuple[str, ...]
    """Of another version, and no longer shipped: to be removed."""


def write_files(folder: Path, files: Mapping[str, str], *, force: bool) -> Written:
    """Write what differs, each file at once and whole. Blocks.

    Raises UsageError, before anything is written, if one of them is there and was not written by rollwatch,
    unless `force`; CantStart if the host does not let us.
    """
    found = {name: _read(folder / name) for name in sorted(files)}
    kept = [name for name, text in found.items() if text is not None and name.startswith(_TO_EDIT)]
    same = [name for name, text in found.items() if text == files[name] and name not in kept]
    new = [name for name in found if name not in same and name not in kept]
    foreign = [name for name in new if (text := found[name]) is not None and not _is_ours(name, text)]
    if foreign and not force:
        raise UsageError(
            f"not written by rollwatch, so nothing was overwritten in {folder}: {', '.join(foreign)}. "
            "Export into another directory, or give --force to replace them"
        )
    there = {str(path.relative_to(folder)): path for kind in _OURS_ALONE for path in folder.glob(kind)}
    stale = [
        name
        for name, path in sorted(there.items())
        if name not in files and _is_ours(name, _read(path) or "")
    ]
    for name in new:
        write_whole(folder / name, files[name])
    return Written(tuple(new), tuple(same), tuple(kept), tuple(stale))


def _is_ours(name: str, text: str) -> bool:
    if name.endswith(".json"):
        return any(uid in text for uid in _UIDS)
    return MARK in text[:_HEAD_BYTES]


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CantStart(f"{path} can't be read: {os.strerror(error.errno or 0)}") from None


def write_whole(path: Path, text: str) -> None:
    """Write a file and the folders above it. Raises CantStart.

    The new text appears as a whole: Prometheus may read the file at any moment.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(draft).unlink()
            raise
    except OSError as error:
        raise CantStart(f"{path} can't be written: {os.strerror(error.errno or 0)}") from None
