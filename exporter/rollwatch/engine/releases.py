"""Which version of a service runs now, and when that changed, from what its probes read."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ReleaseWatch"]

_CONFIRMATIONS = 2


@dataclass(slots=True)
class _Candidate:
    version: str
    seen: int
    first_seen_at: float


@dataclass(slots=True)
class ReleaseWatch:
    """The version of one service.

    A new version counts once one probe has read it in two runs in a row, dated by the first of them:
    while a rolling deployment answers with old and new by turns, nothing flaps. The first version ever
    seen counts at once and is no change. Only the first probe that reports a version is listened to
    until it stops reporting; what the next one then reads is taken as it is, and is no change either: two
    parts of one service may have versions of their own, and a release that never was could be rolled back.
    """

    version: str | None = None
    changed_at: float | None = None
    _source: str | None = None
    _is_new_source: bool = False
    _candidate: _Candidate | None = field(default=None)

    def report(self, probe: str, version: str, now_at: float) -> bool:
        """Take in that `probe` read `version`; True if the service's version is another now."""
        if self._source is None:
            self._source = probe
            self._is_new_source = True
        if probe != self._source:
            return False
        if self._is_new_source:
            self._is_new_source = False
            is_other = version != self.version
            self.version = version
            return is_other
        if version == self.version:
            self._candidate = None
            return False
        if self._candidate is None or self._candidate.version != version:
            self._candidate = _Candidate(version, 0, now_at)
        self._candidate.seen += 1
        if self._candidate.seen < _CONFIRMATIONS:
            return False
        self.version, self.changed_at = version, self._candidate.first_seen_at
        self._candidate = None
        return True

    def forget(self, probe: str) -> None:
        """`probe` is gone or reports no version any more: another may speak for the service."""
        if probe == self._source:
            self._source = None
            self._candidate = None
