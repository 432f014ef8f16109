"""Finding a log again beside its path, under the name a rotating program gave it. Blocks: for a thread."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from rollwatch.ingest.logs.look import Opened, open_log
from rollwatch.ingest.logs.place import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.ingest.logs.look import Opener
    from rollwatch.ingest.logs.place import Place

__all__ = ["find_copy", "find_renamed"]

_ENTRIES_MAX = 10_000
_CANDIDATES_MAX = 8


def find_renamed(place: Place, opener: Opener) -> Opened | None:
    """The file at `place`, opened, if it is in the same directory still; None if it is not."""
    try:
        with os.scandir(place.path.parent) as entries:
            names = [
                entry.name for entry in islice(entries, _ENTRIES_MAX) if entry.inode() == place.identity.inode
            ]
    except OSError:
        return None
    for name in names:
        opened = open_log(place.path.with_name(name), opener)
        if isinstance(opened, Opened):
            if Identity.of(opened.facts) == place.identity:
                return opened
            os.close(opened.fd)
    return None


def find_copy(place: Place, changed_ns: int, opener: Opener) -> Opened | None:
    """The copy, opened, that was made of the file at `place` before it was emptied; None if it has no more.

    It is named like the file, was written no earlier than the file had changed when it was last seen
    (`changed_ns`), and has the same bytes before the offset.
    """
    for path in _candidates(place, changed_ns):
        opened = open_log(path, opener)
        if isinstance(opened, Opened):
            if _holds(opened.fd, place):
                return opened
            os.close(opened.fd)
    return None


def _candidates(place: Place, changed_ns: int) -> list[Path]:
    """Newest first."""
    is_named_like = _named_like(place.path).match
    found: list[tuple[int, str]] = []
    try:
        with os.scandir(place.path.parent) as entries:
            for entry in islice(entries, _ENTRIES_MAX):
                if not is_named_like(entry.name):
                    continue
                # Others may be renamed, compressed or deleted at this moment.
                with suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    is_new = facts.st_mtime_ns >= changed_ns and facts.st_size > place.offset
                    if is_new and stat.S_ISREG(facts.st_mode):
                        found.append((facts.st_mtime_ns, entry.name))
    except OSError:
        return []
    found.sort(reverse=True)
    return [place.path.with_name(name) for _, name in found[:_CANDIDATES_MAX]]


def _named_like(path: Path) -> re.Pattern[str]:
    """`app.log.1`, `app.log-20251126`, `app-20251126.log` and `app.1.log`, but not `app-worker.log`."""
    return re.compile(rf"{re.escape(path.name)}.|{re.escape(path.stem)}[-._]\d")


def _holds(fd: int, place: Place) -> bool:
    tail = place.tail or b""
    try:
        return os.pread(fd, len(tail), place.offset - len(tail)) == tail
    except OSError:
        return False
