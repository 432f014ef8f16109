"""Names of rows that sort by time: where a page of history ends, the next one begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Ids"]


class Ids:
    """`rb-018c2d0f9a3e5b1f00c2`: twelve hex digits of milliseconds, eight of chance.

    Within one millisecond the later one sorts after the earlier one.
    """

    def __init__(self, prefix: str, rng: Callable[[int], bytes]) -> None:
        self._prefix = prefix
        self._rng = rng
        self._last = (0, 0)

    def new(self, now: float) -> str:
        milliseconds = max(int(now * 1000), 0) & 0xFFFF_FFFF_FFFF
        # Half of the space is left above, so that counting on from there does not run over.
        chance = int.from_bytes(self._rng(4), "big") >> 1
        if self._last[0] == milliseconds:
            chance = self._last[1] + 1
        self._last = (milliseconds, chance)
        return f"{self._prefix}-{milliseconds:012x}{chance:08x}"
