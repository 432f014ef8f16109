"""The source maps in a directory, found by the name of their script alone."""

from __future__ import annotations

import os
import stat
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ListedMap", "MapListing"]

_MAPS = 2_000
_ENTRIES = 50_000
"""Files and directories that are looked at."""
_ENDINGS = (".js.map", ".mjs.map", ".cjs.map", ".wasm.map")


class ListedMap(NamedTuple):
    """One map as it was found; another one once its file has changed."""

    path: Path
    """Without symbolic links."""
    size: int
    mtime_ns: int


class MapListing:
    """What was in `directory` and below it; blocks while it is made.

    Links are followed to files within the directory only. Raises OSError if the directory can't be read.
    """

    def __init__(self, directory: Path) -> None:
        self.root = directory.resolve(strict=True)
        self.is_cut = False
        """Whether there was more than is listed."""
        self.maps: dict[str, list[ListedMap]] = {}
        """By the name of the script."""
        self.count = 0
        for entry in self._entries():
            listed = self._listed(entry)
            if listed is None:
                continue
            if self.count == _MAPS:
                self.is_cut = True
                break
            self.maps.setdefault(entry.name.removesuffix(".map"), []).append(listed)
            self.count += 1

    def find(self, url: str) -> ListedMap | None:
        """The map for the script at `url`; of several, the one in the most similar place, then the newest.

        The URL is only compared: no path is made of it.
        """
        *parts, name = url.split("/")
        return max(
            self.maps.get(name, ()),
            key=lambda listed: (_common_end(parts, listed.path.parent.parts), listed.mtime_ns),
            default=None,
        )

    def is_within(self, path: Path) -> bool:
        """Whether `path`, which has no links in it, is in the directory."""
        return path.is_relative_to(self.root)

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        waiting = [str(self.root)]
        seen = 0
        while waiting:
            try:
                entries = os.scandir(waiting.pop())
            except OSError:
                if not seen:
                    raise
                continue  # a directory that is not ours to read, or has just gone
            with entries:
                for entry in entries:
                    seen += 1
                    if seen > _ENTRIES:
                        self.is_cut = True
                        return
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.name.endswith(_ENDINGS):
                        yield entry

    def _listed(self, entry: os.DirEntry[str]) -> ListedMap | None:
        path = Path(entry.path)
        try:
            if entry.is_symlink():
                path = path.resolve(strict=True)
            status = path.stat()
        except (OSError, RuntimeError):  # just gone, or a link to nothing or to itself
            return None
        if not stat.S_ISREG(status.st_mode) or not self.is_within(path):
            return None
        return ListedMap(path, status.st_size, status.st_mtime_ns)


def _common_end(one: list[str], other: tuple[str, ...]) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
