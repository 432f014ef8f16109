"""Stacks of minified scripts, told in places of their sources, by maps in a directory of the operator's."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import structlog

from rollwatch.config.secrets import open_without_waiting
from rollwatch.ingest.browser.map_listing import MapListing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.ingest.browser.frames import Frame
    from rollwatch.ingest.browser.map_listing import ListedMap
    from rollwatch.ingest.browser.parsed_map import ParsedMap

__all__ = ["SourceMaps"]

_log = structlog.get_logger(__name__)

_LISTED_EVERY_S = 10.0
_FILE_LIMIT = 64 * 1024 * 1024
_KEPT = 8
_KEPT_BYTES = 128 * 1024 * 1024
"""Of the files that the maps in memory were read from; the newest stays, however large."""
_READS_PER_CALL = 8
"""A made-up stack can't have every map read."""


class SourceMaps:
    """The maps in `directory`: `app.3f2a.js.map`, wherever it is below it, is for every script `app.3f2a.js`.

    Reads files: call `resolve` in a thread. Any number of threads may; they wait for each other. What is
    wrong with a map or the directory is logged, once. After 10 s the directory is listed again.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._lock = threading.Lock()
        self._listing: MapListing | None = None
        self._listed_at: float | None = None
        self._trouble = ""
        self._unusable: set[ListedMap] = set()
        self._parsed: dict[ListedMap, ParsedMap] = {}
        """The one used last is at the end."""
        self._reads_left = 0

    def resolve(self, frames: Iterable[Frame]) -> list[Frame]:
        """The frames, each in its source where a map tells it, else as it is. Never raises."""
        with self._lock:
            listing = self._up_to_date()
            if listing is None:
                return list(frames)
            self._reads_left = _READS_PER_CALL
            return [self._original(frame, listing) or frame for frame in frames]

    def _original(self, frame: Frame, listing: MapListing) -> Frame | None:
        listed = None if frame.url is None else listing.find(frame.url)
        if listed is None or listed in self._unusable:
            return None
        parsed = self._parsed.pop(listed, None)
        if parsed is None:
            if not self._reads_left:
                return None
            self._reads_left -= 1
            parsed = self._read(listed, listing)
        if parsed is None:
            return None
        self._parsed[listed] = parsed
        self._forget_oldest()
        return parsed.original(frame)

    def _up_to_date(self) -> MapListing | None:
        now = self._clock.monotonic()
        if self._listed_at is not None and now - self._listed_at < _LISTED_EVERY_S:
            return self._listing
        self._listed_at = now
        try:
            self._listing = listing = MapListing(self._directory)
        except (OSError, RuntimeError) as error:
            self._listing = None
            self._tell(getattr(error, "strerror", None) or "is a link to itself")
            return None
        self._tell("has more in it than is listed" if listing.is_cut else "")
        current = {listed for found in listing.maps.values() for listed in found}
        self._unusable &= current
        for gone in self._parsed.keys() - current:
            del self._parsed[gone]
        return listing

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            _log.warning(
                "source_maps_missing",
                directory=str(self._directory),
                why=trouble,
                effect="stacks of browser errors stay minified",
                remedy="give a directory that holds the maps of the releases in use, and little else",
            )
        self._trouble = trouble

    def _read(self, listed: ListedMap, listing: MapListing) -> ParsedMap | None:
        from rollwatch.ingest.browser.parsed_map import ParsedMap  # noqa: PLC0415  8 MB, where there are maps

        try:
            data = _content(listed.path)
            return ParsedMap(data, _script_beside(listed.path, listing))
        except OSError as error:
            why = error.strerror or "can't be read"
        except ValueError as error:
            why = str(error)
        self._unusable.add(listed)
        _log.warning(
            "source_map_unusable",
            file=str(listed.path),
            why=why,
            effect="stacks of this script stay minified until the file changes",
        )
        return None

    def _forget_oldest(self) -> None:
        kept_bytes = sum(listed.size for listed in self._parsed)
        while len(self._parsed) > 1 and (len(self._parsed) > _KEPT or kept_bytes > _KEPT_BYTES):
            oldest = next(iter(self._parsed))
            del self._parsed[oldest]
            kept_bytes -= oldest.size


def _content(path: Path) -> bytes:
    """Of a regular file. Raises OSError, and ValueError if it is too large."""
    with open(path, "rb", opener=open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > _FILE_LIMIT:
            raise ValueError(f"it is larger than {_FILE_LIMIT // 2**20} MiB")
        return file.read(_FILE_LIMIT)


def _script_beside(path: Path, listing: MapListing) -> bytes | None:
    """The minified script that lies beside its map."""
    try:
        script = path.with_suffix("").resolve(strict=True)
        return _content(script) if listing.is_within(script) else None
    except (OSError, ValueError, RuntimeError):
        return None
