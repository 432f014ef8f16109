"""Files that were rotated away and may still be written to. Blocks: for a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.ingest.logs.limits import ReadLimits
    from rollwatch.ingest.logs.place import Identity, Place
    from rollwatch.ingest.logs.reading import Reading
    from rollwatch.ingest.logs.tailed import TailedFile

__all__ = ["RetiredFiles"]


@dataclass(slots=True)
class _Retired:
    """One file, and when it may be closed."""

    file: TailedFile
    owed_to: int
    """Up to this offset it is older than everything at the path, and so read before it."""
    quiet_since_s: float
    is_copy: bool

    @property
    def is_owed(self) -> bool:
        return self.file.offset < self.owed_to


class RetiredFiles:
    """Owns the descriptors of the files it keeps, oldest first; closes each when it was quiet long enough."""

    def __init__(self, clock: Clock, limits: ReadLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._all: list[_Retired] = []

    def __len__(self) -> int:
        return len(self._all)

    @property
    def backlog(self) -> int:
        """Bytes unread, of all of them."""
        return sum(retired.file.backlog for retired in self._all)

    def places(self) -> tuple[Place, ...]:
        """How far each has been read."""
        return tuple(retired.file.place() for retired in self._all)

    def keep(self, file: TailedFile, *, is_copy: bool = False) -> None:
        """Take over a file. A copy is read as it is and no further: nobody writes a log to it."""
        file.refresh()
        self._all.append(_Retired(file, file.size, self._clock.monotonic(), is_copy))

    def revive(self, identity: Identity) -> TailedFile | None:
        """Hand back the file that is at the path again, if it is one of these."""
        for retired in self._all:
            if retired.file.identity == identity and not retired.is_copy:
                self._all.remove(retired)
                return retired.file
        return None

    def make_room(self, at_most: int, reading: Reading) -> bool:
        """Close the oldest until `at_most` are left; false if one must be read to its end first."""
        while self._all and len(self._all) > at_most:
            if self._all[0].is_owed:
                return False
            self._give_up(self._all[0], reading)
        return len(self._all) <= at_most

    def read(self, reading: Reading) -> bool:
        """Read on in each; false if one holds more that is older than everything after it."""
        for retired in list(self._all):
            if not self._read(retired, reading):
                self._give_up(retired, reading)
            elif retired.is_owed:
                return False
            elif retired.is_copy or self._quiet_s(retired) >= self._limits.grace_s:
                self._give_up(retired, reading)
        return True

    def close(self) -> None:
        """Give up every descriptor."""
        for retired in self._all:
            retired.file.close()
        self._all.clear()

    def _read(self, retired: _Retired, reading: Reading) -> bool:
        try:
            data = retired.file.read(self._limits.read_bytes)
        except OSError:
            return False
        if data is None:
            # Emptied, or a newer copy was written over it: the log it was is read.
            return False
        reading.take(retired.file, data)
        if retired.file.has_moved:
            retired.quiet_since_s = self._clock.monotonic()
        else:
            # Cut off just where it was read to, it will never pay what it owes.
            retired.owed_to = 0
        return True

    def _quiet_s(self, retired: _Retired) -> float:
        return self._clock.monotonic() - retired.quiet_since_s

    def _give_up(self, retired: _Retired, reading: Reading) -> None:
        self._all.remove(retired)
        reading.finish(retired.file.splitter)
        retired.file.close()
